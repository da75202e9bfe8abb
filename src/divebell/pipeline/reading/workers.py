"""Processes that open strangers' files for the web app: few, held to little memory and time."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any, TypeVar

from divebell.pipeline.reading.limits import die_with_parent, leave_network

_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "PROJ_DATA", "PROJ_LIB", "GDAL_DATA", "SSL_CERT_FILE")
"""What a worker's environment keeps; the rest may tell where secrets lie."""

T = TypeVar("T")


class TooMuch(Exception):  # noqa: N818 - whoever asked is told to wait, or that it cannot be drawn
    """It took too much time or memory, or too many wait already."""


@dataclass(frozen=True)
class Limits:
    """What workers may take. Address space is what is limited: libraries reserve more than they use."""

    at_once: int
    waiting: int
    memory_bytes: int
    seconds: int
    """For one piece of work."""


class Workers:
    """Some processes, started when first needed; `begin` runs first in each."""

    def __init__(self, limits: Limits, begin: Callable[[], None]) -> None:
        self._limits = limits
        self._begin = begin
        self._pool: Executor | None = None
        self._waiting = 0

    async def do(self, work: Callable[..., T], *values: Any) -> T:
        """Have something done. Raises TooMuch."""
        if self._waiting >= self._limits.waiting:
            raise TooMuch
        self._waiting += 1
        pool = self._pool = self._pool or self._start()
        timed = partial(_timed, self._limits.seconds, work, *values)
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, timed)
        except (BrokenProcessPool, MemoryError) as error:
            if self._pool is pool:
                self._pool = None
            raise TooMuch from error
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End them."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _start(self) -> Executor:
        return ProcessPoolExecutor(
            self._limits.at_once,
            mp_context=get_context("spawn"),
            initializer=_begin,
            initargs=(self._limits.memory_bytes, self._begin),
        )


def _begin(memory_bytes: int, begin: Callable[[], None]) -> None:
    """Be a worker: no network, little memory, no environment."""
    die_with_parent(signal.SIGKILL)
    leave_network()
    for name in os.environ.keys() - set(_KEPT):
        del os.environ[name]
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    begin()


def _timed(seconds: int, work: Callable[..., T], *values: Any) -> T:
    signal.alarm(seconds)  # ends the process: what hangs within a library hears nothing else
    try:
        return work(*values)
    finally:
        signal.alarm(0)
