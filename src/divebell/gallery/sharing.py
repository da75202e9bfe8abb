"""From a file that somebody sends to a work that everybody sees."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TypeVar

from divebell.gallery import rules
from divebell.gallery.drawing import Drawn, draw
from divebell.gallery.looking import look
from divebell.gallery.rules import Kind, Refused
from divebell.gallery.store import Given, Store, Work
from divebell.pipeline.reading.workers import Limits, TooMuch, Workers

LIMITS = Limits(at_once=1, waiting=10, memory_bytes=3 * 1024**3, seconds=60)
AT_ONCE = 2
WAITING = 60
_NICE = 10
T = TypeVar("T")


@dataclass(frozen=True)
class Offered:
    """What somebody wants to share, as they say it."""

    author: str
    path: str
    title: str
    description: str


class Sharing:
    """Takes what people share. `mapped` tells whether everybody at the event may see the map of that name."""

    def __init__(self, store: Store, mapped: Callable[[str], Awaitable[bool]]) -> None:
        self._store = store
        self._mapped = mapped
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def file(self, offered: Offered, contents: bytes, known: Mapping[str, str]) -> Work:
        """Share a file; `known` maps secrets that must not be in it to what they are. Raises Refused."""
        path = rules.check_path(offered.path)
        rules.check_size(path, len(contents))
        if self._waiting >= WAITING:
            raise Refused("many people share something just now", "try again in a minute", 503)
        self._waiting += 1
        try:
            async with self._turns:
                found, drawn = await _examined(path, contents, known)
        finally:
            self._waiting -= 1
        return await self._add(
            offered,
            Given(
                author=offered.author,
                path=path,
                slug=rules.slug_of(PurePosixPath(path).stem),
                kind=rules.kind_of(path),
                title=offered.title or found,
                description=offered.description,
                contents=contents,
            ),
            drawn,
        )

    async def map(self, offered: Offered, link: str) -> Work:
        """Share a map by its link. Raises Refused."""
        found = rules.check_map(link)
        if not await self._mapped(found.name):
            raise Refused(
                "not everybody may see this map", 'share its table first: divebell.share("my_table")'
            )
        title = offered.title or found.name
        path = rules.map_path(offered.title, found.name)
        return await self._add(
            offered,
            Given(
                author=offered.author,
                path=path,
                slug=rules.slug_of(title),
                kind=Kind.MAP,
                title=title,
                description=offered.description,
                contents=found.contents(),
            ),
            Drawn(None),
        )

    async def _add(self, offered: Offered, given: Given, drawn: Drawn) -> Work:
        """Keep it; what is not said anew stays as it was said of the version before."""
        before = await self._store.at(given.author, given.path)
        if before is not None:
            given = replace(
                given,
                title=offered.title or before.title,
                description=offered.description or before.description,
            )
        added = await self._store.add(given, drawn)
        work = await self._store.by_id(added.work)
        if work is None:
            raise Refused("it was taken back at the same moment", "share it again", 409)
        return work


async def _examined(path: str, contents: bytes, known: Mapping[str, str]) -> tuple[str, Drawn]:
    """Give a title and the page of a file. Strangers share no process: each file has one of its own."""
    workers = Workers(LIMITS, _begin)
    try:
        looked = await _within(workers, lambda: workers.do(look, path, contents, known))
        if looked is None:
            raise Refused(
                "looking through it takes too much", "clear the largest outputs, and share it again"
            )
        if looked.reason is not None:
            raise Refused(looked.reason, looked.next_step)
        if rules.view_of(rules.kind_of(path), path) is not rules.View.PAGE:
            return looked.title, Drawn(None)
        drawn = await _within(workers, lambda: workers.do(draw, path, contents))
        return looked.title, drawn or Drawn(None, "It takes too much to be shown here.")
    finally:
        workers.close()


async def _within(workers: Workers, work: Callable[[], Awaitable[T]]) -> T | None:
    try:
        return await work()
    except TooMuch:
        workers.close()
        return None


def _begin() -> None:
    """Write nothing, and leave the processor to those who wait for a page."""
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
