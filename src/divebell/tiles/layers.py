"""Which layers there are: asked of PostgreSQL itself, so that a shared table is a map within seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from divebell.tiles.names import to_slug
from divebell.tiles.queries import text

NUMERIC_TYPES = frozenset({"smallint", "integer", "bigint", "real", "double precision", "numeric"})
MAX_AGE = 2.0
"""Seconds after which the list is asked for anew (on demand: nobody looks, nothing is asked)."""
VIEW_MAX_AGE = 5.0
"""Seconds a view's tiles are reused: PostgreSQL does not count what changes beneath a view."""


@dataclass(frozen=True)
class Field:
    """One attribute of a layer."""

    name: str
    type: str
    """As PostgreSQL calls it."""

    @property
    def numeric(self) -> bool:
        """Whether a map can be coloured by it."""
        return self.type in NUMERIC_TYPES


@dataclass(frozen=True)
class Layer:
    """One relation with a geometry, as the database's own catalogue describes it."""

    oid: int
    schema: str
    table: str
    kind: str
    """relkind: r table, p partitioned, m materialised view, v view, f foreign."""
    owner: str
    estimate: int
    """Rows by the planner's estimate; -1 when never analysed."""
    version: str
    """Changes whenever rows may have changed."""
    geometry: str
    geography: bool
    type: str
    srid: int
    """As declared; 0 when the column does not say."""
    key: str | None
    """A column of unique whole numbers."""
    fields: tuple[Field, ...]

    @property
    def slug(self) -> str:
        """The layer's name in addresses."""
        return to_slug(self.schema, self.table)

    @property
    def has_ctid(self) -> bool:
        """Whether a row can be found again by its place in the table."""
        return self.kind in {"r", "m"}

    def field(self, name: str) -> Field | None:
        """Give the attribute called `name`."""
        return next((field for field in self.fields if field.name == name), None)


class Layers:
    """The current layers, refreshed on demand."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._layers: dict[str, Layer] = {}
        self._asked_at = float("-inf")
        self._lock = asyncio.Lock()
        self._sql = text("layers")

    def forget(self) -> None:
        """Ask PostgreSQL again at the next request: it has announced a change."""
        self._asked_at = float("-inf")

    async def all(self) -> list[Layer]:
        """Give every layer, the event's own first."""
        await self._refresh()
        return list(self._layers.values())

    async def find(self, slug: str) -> Layer | None:
        """Give the layer of that name; one shared a moment ago is found too."""
        await self._refresh()
        if slug not in self._layers:
            await self._refresh(0)
        return self._layers.get(slug)

    async def _refresh(self, max_age: float = MAX_AGE) -> None:
        async with self._lock:
            now = time.monotonic()
            if now - self._asked_at < max_age:
                return
            rows = await self._pool.fetch(self._sql)
            layers = [from_row(row) for row in rows]
            self._layers = {layer.slug: layer for layer in layers}
            self._asked_at = now


def from_row(row: Mapping[str, Any]) -> Layer:
    """Turn one row of layers.sql into a layer."""
    version = row["version"]
    if row["kind"] not in {"r", "m"}:  # a view, or a parent of partitions: its own counters stand still
        version = f"{version}.{int(time.time() / VIEW_MAX_AGE)}"
    names, types = row["names"] or (), row["types"] or ()
    return Layer(
        oid=row["oid"],
        schema=row["schema"],
        table=row["name"],
        kind=row["kind"],
        owner=row["owner"],
        estimate=row["estimate"],
        version=version,
        geometry=row["geometry"],
        geography=row["geography"],
        type=row["type"],
        srid=row["srid"],
        key=row["key"],
        fields=tuple(Field(name, kind) for name, kind in zip(names, types, strict=True)),
    )
