"""In which state the rows of a relation are: a word that is another one once they have changed.

PostgreSQL counts what is written to a table, but a session may tell its counters up to ten seconds late. So
of tables that are quick to look through, the rows themselves are asked: how many there are, and the newest
transaction among them. Of a view, the counters of what lies beneath it.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import asyncpg
from psycopg import sql

from divebell.tiles.queries import text

LOOKED_THROUGH = 200 * 1024**2
"""Bytes of a table up to which its rows are asked (some 50 ms for each 100 MB)."""
SHARE = 0.1
"""Of one core's time that looking through one table may take while somebody watches it."""
REMEMBERED = 5000


class Stamps:
    """The latest state of each relation that was asked for."""

    def __init__(self, pool: Any, drafts: Any) -> None:
        self._pool, self._drafts = pool, drafts
        self._known: OrderedDict[int, tuple[str, float]] = OrderedDict()

    async def of(self, row: Mapping[str, Any]) -> str:
        """Give the stamp of a row of layer.sql."""
        if row["bytes"] is None:  # a view, or a parent of partitions: its own counters stand still
            return str(await self._pool.fetchval(text("beneath"), row["oid"]))
        if row["bytes"] > LOOKED_THROUGH:
            return str(row["counters"])
        stamp, ask_at = self._known.get(row["oid"], ("", float("-inf")))
        began = time.monotonic()
        if began < ask_at:
            return stamp
        pool = self._pool if row["shared"] else self._drafts
        try:
            rows, newest = await pool.fetchrow(stamp_sql(row["schema"], row["name"]))
        except asyncpg.PostgresError:  # locked, dropped, not ours to read: a tile says so in words
            return stamp or str(row["counters"])
        ended = time.monotonic()
        stamp = f"{rows}-{newest}"
        self._known[row["oid"]] = (stamp, ended + (ended - began) / SHARE)
        self._known.move_to_end(row["oid"])
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return stamp


def stamp_sql(schema: str, table: str) -> str:
    """Count a table's rows and give its newest one's transaction, from a fixed point of time."""
    query = sql.SQL(
        "SELECT count(*), pg_catalog.age('3'::pg_catalog.xid) - min(pg_catalog.age(t.xmin)) FROM {} t"
    )
    return query.format(sql.Identifier(schema, table)).as_string()
