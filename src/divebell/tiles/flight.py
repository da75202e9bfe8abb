"""One piece of work for all who want it at once; cancelled when the last one has left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Left(Exception):  # noqa: N818 - not an error: the browser panned on
    """The one who asked has gone away."""


@dataclass
class _Flight(Generic[T]):
    task: asyncio.Task[T]
    waiting: int = 0


class Flights(Generic[T]):
    """Work in progress, by key."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, _Flight[T]] = {}

    async def share(
        self,
        key: Hashable,
        work: Callable[[], Coroutine[Any, Any, T]],
        *,
        gone: Callable[[], Awaitable[None]] | None = None,
    ) -> T:
        """Do `work`, or join those who wait for the same `key`. Raises Left once `gone` returns first."""
        flight = self._flights.get(key)
        if flight is None or flight.task.done():
            flight = _Flight(asyncio.ensure_future(work()))
            self._flights[key] = flight
        flight.waiting += 1
        try:
            return await _first(flight.task, gone)
        finally:
            flight.waiting -= 1
            if flight.waiting == 0:
                flight.task.cancel()
                if self._flights.get(key) is flight:
                    del self._flights[key]


async def _first(task: asyncio.Task[T], gone: Callable[[], Awaitable[None]] | None) -> T:
    if gone is None:
        return await asyncio.shield(task)
    leaving = asyncio.ensure_future(gone())
    try:
        done, _ = await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if task in done:
            return task.result()
        raise Left
    finally:
        leaving.cancel()
