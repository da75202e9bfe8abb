"""A first-come-first-served queue of starts: starting all at once starves the hub itself."""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

STARTS_PER_CORE = 2
LONGEST_TURN = 45.0
"""Seconds a start may keep others waiting: one that takes longer goes on, and its turn passes to the next.

A home can be made such that its server never comes up, and a few of those would keep everybody else out.
"""


def starts_at_once() -> int:
    """Give how many servers may start at a time: starting all at once would starve the hub."""
    return STARTS_PER_CORE * (os.cpu_count() or 1)


def waiting_words(place: int) -> str:
    """Say where somebody stands in the queue."""
    match place:
        case 0:
            return "Your notebook is starting."
        case 1:
            return "You are next in the queue."
        case _:
            return f"You are number {place} in the queue."


class StartQueue:
    """Lets `at_once` people start at a time, the others in the order they came.

    Whoever takes longer than `longest` seconds goes on, and no longer counts.
    """

    def __init__(self, at_once: int, longest: float = LONGEST_TURN) -> None:
        self._free, self._longest = at_once, longest
        self._waiting: OrderedDict[str, asyncio.Future[None]] = OrderedDict()

    def place_of(self, name: str) -> int:
        """Give the place in the queue, 1 for the next; 0 once the turn has come."""
        return list(self._waiting).index(name) + 1 if name in self._waiting else 0

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[None]:
        """Wait for the turn of `name` and hold it, for as long as a turn lasts."""
        await self._wait(name)
        passed: list[None] = []

        def pass_on_once() -> None:
            if not passed:
                passed.append(None)
                self._pass_on()

        timer = asyncio.get_running_loop().call_later(self._longest, pass_on_once)
        try:
            yield
        finally:
            timer.cancel()
            pass_on_once()

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
