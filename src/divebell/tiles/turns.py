"""Whose query runs next: so many at once, so many of one person, and who runs least goes first."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.exceptions import HTTPException


class Turns:
    """Turns at something of which there is little. `person` is any name; strangers share None."""

    def __init__(self, total: int, *, each: int, waiting: int) -> None:
        self._free = total
        self._each = each
        self._most_waiting = waiting
        self._running: Counter[str | None] = Counter()
        self._queues: OrderedDict[str | None, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def take(self, person: str | None) -> AsyncIterator[None]:
        """Wait for a turn and hold it. Raises HTTPException 429 when this person waits for too many."""
        await self._wait(person)
        try:
            yield
        finally:
            self._give_back(person)

    async def _wait(self, person: str | None) -> None:
        if self._free and self._running[person] < self._each and person not in self._queues:
            self._begin(person)
            return
        queue = self._queues.setdefault(person, deque())
        if len(queue) >= self._most_waiting:
            raise HTTPException(
                429, "You ask for more than can be drawn at once. Wait a moment.", {"Retry-After": "2"}
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it had just been given
                self._give_back(person)
            else:
                self._forget(person, turn)
            raise

    def _begin(self, person: str | None) -> None:
        self._free -= 1
        self._running[person] += 1

    def _give_back(self, person: str | None) -> None:
        self._free += 1
        self._running[person] -= 1
        if not self._running[person]:
            del self._running[person]
        self._drop_those_who_left()
        while self._free:
            able = [one for one in self._queues if self._running[one] < self._each]
            if not able:
                return
            following = min(able, key=lambda one: self._running[one])  # of equals, who waits longest
            self._begin(following)
            turn = self._queues[following].popleft()
            self._queues.move_to_end(following)
            if not self._queues[following]:
                del self._queues[following]
            turn.set_result(None)

    def _drop_those_who_left(self) -> None:
        """Forget turns that were cancelled a moment ago, whose tasks have not run since."""
        for person, queue in list(self._queues.items()):
            waiting = deque(turn for turn in queue if not turn.done())
            if waiting:
                self._queues[person] = waiting
            else:
                del self._queues[person]

    def _forget(self, person: str | None, turn: asyncio.Future[None]) -> None:
        queue = self._queues.get(person)
        if queue is not None and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._queues[person]
