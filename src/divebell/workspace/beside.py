"""Work that may take long goes on beside the notebook server instead of before it."""

from __future__ import annotations

import os
import select
import traceback
from collections.abc import Callable

_NICE = 10


def beside(work: Callable[[], object], nice: int = _NICE) -> int:
    """Begin some work in a process of its own; give a descriptor that reads as ended when it is done.

    The process is nobody's child, so that the server which we become has nobody to wait for; it stays in our
    process group and ends with it.
    """
    reading, writing = os.pipe()
    first = os.fork()
    if first == 0:
        if os.fork() == 0:
            _work(work, nice)
        os._exit(0)
    os.waitpid(first, 0)
    os.close(writing)
    return reading


def done_within(descriptor: int, seconds: float) -> bool:
    """Wait for work no longer than `seconds`; tell whether it is done."""
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def _work(work: Callable[[], object], nice: int) -> None:
    try:
        os.nice(nice)
        work()
    except BaseException:  # noqa: BLE001 - nobody else would see it
        traceback.print_exc()
    finally:
        os._exit(0)
