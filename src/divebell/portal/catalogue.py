"""What the portal knows of the event's data. It reads what the loader wrote; it writes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from psycopg import sql

from divebell.database import catalogue, role_of
from divebell.database.catalogue import Dataset, Failure, Listing, Loader
from divebell.database.interventions import Intervention
from divebell.portal.copies import Copy

FIRST_ROWS = 8
WIDEST = 60
"""Columns of a table that its first rows are shown of."""
LONGEST = 200
"""Characters of a value that are shown."""


@dataclass(frozen=True)
class Shared:
    """A table or view of a volunteer that everyone may read."""

    schema: str
    name: str
    kind: str
    owner: str
    estimate: int
    geometry_type: str | None

    @property
    def person(self) -> str:
        """The owner's own name."""
        return self.owner.removeprefix("v_")


@dataclass(frozen=True)
class Column:
    """One column of a relation."""

    name: str
    type: str
    spatial: bool


class Catalogue:
    """The catalogue of one event's database.

    `pool` is the portal's own. What volunteers made is only read through `shared`, whose role may do nothing
    but read: a view runs what its author wrote with the rights of whoever reads it. `mapped` says whether a
    person (None: a stranger) may see the map of that name.
    """

    def __init__(
        self, pool: Any, *, shared: Any, mapped: Callable[[str, str | None], Awaitable[bool]]
    ) -> None:
        self._pool = pool
        self._shared = shared
        self.mapped = mapped

    async def datasets(self) -> list[Dataset]:
        """Give every loaded table."""
        rows = await self._pool.fetch(catalogue.query("datasets"))
        return [Dataset(**{**row, "columns": json.loads(row["columns"])}) for row in map(dict, rows)]

    async def failures(self) -> list[Failure]:
        """Give every file that could not be loaded."""
        return [Failure(**row) for row in await self._pool.fetch(catalogue.query("failures"))]

    async def listing(self) -> Listing:
        """Give both at once."""
        return Listing(tuple(await self.datasets()), tuple(await self.failures()))

    async def loader(self) -> Loader | None:
        """Give what the loader is doing."""
        row = await self._pool.fetchrow(catalogue.query("loader"))
        return Loader(**row) if row else None

    async def stamp(self) -> str:
        """Give a word that is another one whenever the catalogue, or what the loader does, is."""
        row, said = await self._pool.fetchrow(catalogue.query("stamp")), await self.loader()
        doing = (said.activity, said.detail, said.commit, said.away) if said else ()
        return hashlib.sha256(repr((tuple(row), doing)).encode()).hexdigest()[:16]

    async def shared(self) -> list[Shared]:
        """Give what volunteers share."""
        return [Shared(**row) for row in await self._shared.fetch(_query("shared"))]

    async def columns(self, schema: str, name: str) -> list[Column]:
        """Give the columns of a relation that everyone may read; none where there is no such relation."""
        return [Column(**row) for row in await self._shared.fetch(_query("columns"), schema, name)]

    async def first_rows(self, schema: str, name: str, columns: list[Column]) -> list[Mapping[str, Any]]:
        """Give a relation's first rows as text, by column."""
        if not columns:
            return []
        return list(await self._shared.fetch(first_rows_sql(schema, name, columns[:WIDEST])))

    async def interventions(self) -> list[Intervention]:
        """Give what the watchdog did last, whoever it concerns."""
        return [Intervention(**row) for row in await self._pool.fetch(_query("interventions"))]

    async def interventions_for(self, name: str) -> list[Intervention]:
        """Give what the watchdog did to one person in the last hours."""
        rows = await self._pool.fetch(_query("interventions_for"), role_of(name))
        return [Intervention(**row) for row in rows]

    async def copy_of(self, name: str) -> Copy | None:
        """Give how a person's own copy of the repository stands; None before their first notebook."""
        row = await self._pool.fetchrow(_query("copies"), name)
        return Copy(**row) if row else None

    async def copies_in_need(self) -> list[Copy]:
        """Give the copies that have conflicts or are not complete, by name."""
        return [Copy(**row) for row in await self._pool.fetch(_query("copies"), None)]

    async def asking(self) -> int:
        """Give how many people wait for an account."""
        return int(await self._pool.fetchval("SELECT count(*) FROM people.roster WHERE state = 'asked'"))


def first_rows_sql(schema: str, name: str, columns: list[Column]) -> str:
    """Compose the query for a relation's first rows: every value as short text, geometries by their kind."""
    shown = sql.SQL(", ").join(_shown(column) for column in columns)
    relation = sql.Identifier(schema, name)
    return (
        sql.SQL("SELECT {} FROM {} t LIMIT {}").format(shown, relation, sql.Literal(FIRST_ROWS)).as_string()
    )


def _shown(column: Column) -> sql.Composable:
    value = sql.SQL("t.{}").format(sql.Identifier(column.name))
    if column.spatial:
        text = sql.SQL(
            "substr(ST_GeometryType({v}::geometry), 4) || ', ' || ST_NPoints({v}::geometry)"
        ).format(v=value)
        text = sql.SQL("{} || CASE ST_NPoints({}::geometry) WHEN 1 THEN ' point' ELSE ' points' END").format(
            text, value
        )
    else:
        text = sql.SQL("left({}::text, {})").format(value, sql.Literal(LONGEST))
    return sql.SQL("{} AS {}").format(text, sql.Identifier(column.name))


def _query(name: str) -> str:
    return files("divebell.portal").joinpath("queries", f"{name}.sql").read_text()
