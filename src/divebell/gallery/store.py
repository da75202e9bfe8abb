"""Shared works in the database: read from its views, written through the routines of schema `shared`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any

import asyncpg

from divebell.database import writing
from divebell.gallery.drawing import Drawn
from divebell.gallery.rules import Kind, MapLink, Refused, View, view_of

SHARE_SECONDS = 30
_WORK = (
    "SELECT id, author, path, slug, kind, title, description, current, shared_at, changed_at, size, versions"
)


@dataclass(frozen=True)
class Work:
    """Something that is shared; `current` is the number of its newest version."""

    id: int
    author: str
    path: str
    slug: str
    kind: Kind
    title: str
    description: str
    current: int
    shared_at: datetime
    changed_at: datetime
    size: int
    versions: int

    @property
    def place(self) -> str:
        """Give its address below the app's root."""
        return f"gallery/{self.author}/{self.slug}"

    @property
    def view(self) -> View:
        """Say how it is shown."""
        return view_of(self.kind, self.path)


@dataclass(frozen=True)
class Version:
    """One version of a work, without what it holds."""

    number: int
    title: str
    size: int
    shared_at: datetime
    unrendered: str | None
    commit: str | None
    committed_at: datetime | None
    pushed_at: datetime | None
    problem: str | None


@dataclass(frozen=True)
class Given:
    """What somebody shares."""

    author: str
    path: str
    slug: str
    kind: Kind
    title: str
    description: str
    contents: bytes


@dataclass(frozen=True)
class Added:
    """What became of it."""

    work: int
    number: int
    slug: str


class Store:
    """The shared works of one event; `pool` is the portal's."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def works(self, author: str | None = None, most: int = 500) -> list[Work]:
        """Give what is shared, newest first."""
        rows = await self._pool.fetch(
            f"{_WORK} FROM shared.gallery WHERE $1::text IS NULL OR author = $1"
            " ORDER BY changed_at DESC, id DESC LIMIT $2",
            author,
            most,
        )
        return [_work(row) for row in rows]

    async def authors(self) -> list[tuple[str, int]]:
        """Give who shares something, and how many works."""
        rows = await self._pool.fetch(
            "SELECT author, count(*) AS works FROM shared.gallery GROUP BY author ORDER BY author"
        )
        return [(row["author"], row["works"]) for row in rows]

    async def stamp(self) -> str:
        """Give a word that changes when what the gallery shows does."""
        return str(await self._pool.fetchval(_query("stamp")))

    async def find(self, author: str, slug: str) -> Work | None:
        """Give a work by its address."""
        row = await self._pool.fetchrow(
            f"{_WORK} FROM shared.gallery WHERE author = $1 AND slug = $2", author, slug
        )
        return _work(row) if row else None

    async def at(self, author: str, path: str) -> Work | None:
        """Give what somebody shares at a path."""
        row = await self._pool.fetchrow(
            f"{_WORK} FROM shared.gallery WHERE author = $1 AND path = $2", author, path
        )
        return _work(row) if row else None

    async def by_id(self, which: int) -> Work | None:
        """Give a work by its number."""
        row = await self._pool.fetchrow(f"{_WORK} FROM shared.gallery WHERE id = $1", which)
        return _work(row) if row else None

    async def versions(self, work: Work) -> list[Version]:
        """Give a work's versions that are still here, newest first."""
        rows = await self._pool.fetch(_query("versions"), work.id)
        return [Version(**row) for row in rows]

    async def contents(self, work: Work, number: int) -> bytes | None:
        """Give what a version holds."""
        found: bytes | None = await self._pool.fetchval(
            "SELECT contents FROM shared.version WHERE work = $1 AND number = $2", work.id, number
        )
        return found

    async def page(self, work: Work, number: int) -> str | None:
        """Give the page made of a version."""
        found: str | None = await self._pool.fetchval(
            "SELECT page FROM shared.version WHERE work = $1 AND number = $2 AND contents IS NOT NULL",
            work.id,
            number,
        )
        return found

    async def map(self, work: Work, number: int) -> MapLink | None:
        """Give the map that a version is."""
        contents = await self.contents(work, number)
        return MapLink.of(contents) if contents is not None else None

    async def add(self, given: Given, drawn: Drawn) -> Added:
        """Keep what somebody shares, and its page. Raises Refused where they share too much already."""
        async with writing(self._pool) as connection:
            try:
                row = await connection.fetchrow(
                    "SELECT work, number, slug FROM shared.add($1, $2, $3, $4, $5, $6, $7)",
                    given.author,
                    given.path,
                    given.slug,
                    given.kind.value,
                    given.title,
                    given.description,
                    given.contents,
                    timeout=SHARE_SECONDS,
                )
            except asyncpg.ProgramLimitExceededError as error:
                reason, _, next_step = str(error).partition(": ")
                raise Refused(reason, next_step, 409) from None
            added = Added(**row)
            await connection.execute(
                "CALL shared.keep_page($1, $2, $3, $4)", added.work, added.number, drawn.page, drawn.reason
            )
            return added

    async def take_back(self, which: int, who: str, *, anybodys: bool) -> bool:
        """Take a work back: its author's right, and where `anybodys` an ambassador's."""
        async with writing(self._pool) as connection:
            taken = await connection.fetchval("SELECT shared.take_back($1, $2, $3)", which, who, anybodys)
            return bool(taken)


def _work(row: Any) -> Work:
    return Work(**{**row, "kind": Kind(row["kind"])})


def _query(name: str) -> str:
    return (files("divebell.gallery") / "queries" / f"{name}.sql").read_text()
