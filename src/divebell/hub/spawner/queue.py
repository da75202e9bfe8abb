"""A first-come-first-served queue of starts: starting all at once starves the hub itself."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class StartQueue:
    """Lets `at_once` people start at a time, the others in the order they came."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: OrderedDict[str, asyncio.Future[None]] = OrderedDict()

    def place_of(self, name: str) -> int:
        """Give the place in the queue, 1 for the next; 0 once the turn has come."""
        return list(self._waiting).index(name) + 1 if name in self._waiting else 0

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[None]:
        """Wait for the turn of `name` and hold it."""
        await self._wait(name)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, name: str) -> None:
        if self._free:
            self._free -= 1
            return
        place = self._waiting[name] = asyncio.get_running_loop().create_future()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._pass_on()  # the turn came at the very moment of giving up
            raise
        finally:
            if self._waiting.get(name) is place:
                del self._waiting[name]

    def _pass_on(self) -> None:
        while self._waiting:
            _, place = self._waiting.popitem(last=False)
            if not place.done():
                place.set_result(None)
                return
        self._free += 1
