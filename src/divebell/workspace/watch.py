"""Follow the event's files for as long as the notebook server runs, within the server.

What is looked at each time is one time stamp. Only when that has changed, every few minutes, or when somebody
asks, is the copy itself looked at, in a thread of low priority.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from divebell.errors import DivebellError
from divebell.workspace.copy_plan import STAMP
from divebell.workspace.copy_words import Arrived, Standing
from divebell.workspace.own_copy import follow

LOOK_SECONDS = 1.5
ANEW_SECONDS = 300.0
"""After how long the copy is looked at without a reason: its owner may have changed it, or made room."""
AGAIN_SECONDS = 30.0
"""After how long a look is made again that failed in a way nobody thought of."""
_PATIENCE_SECONDS = 3.0
_NICE = 10

Seen = tuple[int, int] | None
"""What tells one stamp from the next; None while there is none."""


class Watch:
    """Keeps one copy current.

    `tell` hears, in the server's loop, of each look that found something else than the one before. `report`
    is called in the thread, with the same, and once more later when it raises.
    """

    def __init__(
        self,
        source: Path,
        home: Path,
        tell: Callable[[Standing], None],
        report: Callable[[Standing], None] = lambda _: None,
    ) -> None:
        self.source, self.home = source, home
        self.standing = Standing()
        self._tell, self._report = tell, report
        self._reported: Standing | None = None
        self._seen: Seen = None
        self._looked = -ANEW_SECONDS
        self._one = asyncio.Lock()

    async def run(self) -> None:
        """Follow until cancelled, whatever goes wrong on the way."""
        while True:
            seen = _seen(self.source / STAMP)
            try:
                if seen != self._seen or time.monotonic() > self._looked + ANEW_SECONDS:
                    await self._look(seen)
            except Exception:  # noqa: BLE001 - it outlives whatever a home or a repository brings
                traceback.print_exc()
                self._seen, self._looked = seen, time.monotonic() - ANEW_SECONDS + AGAIN_SECONDS
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self, *, anew: bool = False) -> Standing:
        """Look now, and give how the copy stands; `anew` makes one that its owner has deleted.

        Raises DivebellError while another process is at it.
        """
        until = time.monotonic() + _PATIENCE_SECONDS
        while not await self._look(_seen(self.source / STAMP), anew=anew):
            if time.monotonic() > until:
                raise DivebellError(
                    "your copy is being brought up to date",
                    next_step="it goes on by itself; look again later",
                )
            await asyncio.sleep(LOOK_SECONDS / 3)
        return self.standing

    async def _look(self, seen: Seen, *, anew: bool = False) -> bool:
        """Make one pass; tell whether it could be made. A stamp is seen once a pass began after it."""
        async with self._one:
            found = await _beside(lambda: self._pass(anew))
            if found is None:
                return False
            self._seen, self._looked = seen, time.monotonic()
            before, self.standing = self.standing, found
            if found.arrived or found != before:
                self._tell(found)
            return True

    def _pass(self, anew: bool) -> Standing | None:
        found = follow(self.source, self.home, anew=anew)
        if found is not None and (found.arrived or found != self._reported):
            with contextlib.suppress(OSError):
                self._report(found)
                self._reported = replace(found, arrived=Arrived())
        return found


def _seen(stamp: Path) -> Seen:
    try:
        status = stamp.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


async def _beside(work: Callable[[], Standing | None]) -> Standing | None:
    """Do something in a thread of low priority, which a server that ends does not wait for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Standing | None] = loop.create_future()

    def settle(found: Standing | None, error: BaseException | None) -> None:
        if not done.done():
            done.set_exception(error) if error else done.set_result(found)

    def run() -> None:
        os.nice(_NICE)  # of this thread alone: so it is on Linux
        found, failed = None, None
        try:
            found = work()
        except Exception as error:  # noqa: BLE001 - whoever waits hears of it
            failed = error
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, found, failed)

    threading.Thread(target=run, name="my-event", daemon=True).start()
    return await done
