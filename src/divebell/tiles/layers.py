"""Which layers there are, and for whom: asked of PostgreSQL itself, so a new table is a map at once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import asyncpg

from divebell.database import role_of
from divebell.tiles.flight import Flights
from divebell.tiles.names import from_slug, to_slug
from divebell.tiles.queries import text
from divebell.tiles.stamps import Stamps

NUMERIC_TYPES = frozenset({"smallint", "integer", "bigint", "real", "double precision", "numeric"})
MAX_AGE = 0.8
"""Seconds after which a layer is asked for anew (on demand: nobody looks, nothing is asked)."""
REFRESHED_AT = 0.5
"""Seconds after which it is asked for while those who want it still go on with what is known."""
UNSEEN_MAX_AGE = 0.1
"""The same for a layer that was not there, or not for whoever asks."""
VIEW_MAX_AGE = 5.0
"""Seconds a view's tiles are reused at most."""
LISTING_SHARE = 0.2
"""Of one core's time that listing all layers may take while somebody watches them."""
LISTING_MAX_AGE = 2.0
"""Seconds a list is good for at most: one that took long may only have waited for somebody's locks."""
REMEMBERED = 5000
EVERYBODY = frozenset({"event_reader", "volunteers"})
CODE = frozenset({"v", "f"})
"""Kinds of relation that run what their author wrote with the rights of whoever reads them."""
KINDS = {
    "r": "table",
    "p": "partitioned table",
    "m": "materialised view",
    "v": "view",
    "f": "foreign table",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Field:
    """One attribute of a layer."""

    name: str
    type: str
    """As PostgreSQL calls it."""

    @property
    def numeric(self) -> bool:
        """Whether a map can be coloured by it as a number."""
        return self.type in NUMERIC_TYPES


@dataclass(frozen=True)
class Readers:
    """Who may read a relation."""

    shared: bool
    """Everyone at the event."""
    roles: frozenset[str] = frozenset()
    """The roles it is granted to, its owner's among them."""

    def include(self, person: str | None) -> bool:
        """Say whether somebody may read it; None is a stranger who is not signed in."""
        if self.shared or person is None:
            return self.shared
        return role_of(person) in self.roles or not self.roles.isdisjoint(EVERYBODY)


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
    state: str
    """Another word whenever rows have changed, as far as PostgreSQL says."""
    geometry: str
    geography: bool
    type: str
    srid: int
    """As declared; 0 when the column does not say."""
    key: str | None
    """A column of unique whole numbers."""
    fields: tuple[Field, ...]
    indexed: bool = True
    readers: Readers = Readers(shared=True)

    @property
    def slug(self) -> str:
        """The layer's name in addresses."""
        return to_slug(self.schema, self.table)

    @property
    def version(self) -> str:
        """What tiles are kept by. What changes beneath a view is not always said, so its tiles age."""
        return self.state if self.has_ctid else f"{self.state}.{int(time.time() / VIEW_MAX_AGE)}"

    @property
    def has_ctid(self) -> bool:
        """Whether a row can be found again by its place in the table."""
        return self.kind in {"r", "m"}

    @property
    def findable(self) -> bool:
        """Whether a row can be asked for again."""
        return self.key is not None or self.has_ctid

    @property
    def shape(self) -> Layer:
        """The same layer as far as its SQL depends on it."""
        return replace(self, state="", estimate=0, readers=Readers(shared=self.readers.shared))

    def field(self, name: str) -> Field | None:
        """Give the attribute called `name`."""
        return next((field for field in self.fields if field.name == name), None)


@dataclass(frozen=True)
class Entry:
    """One line of the list of all layers."""

    schema: str
    table: str
    kind: str
    owner: str
    estimate: int
    version: str
    type: str
    readers: Readers

    @property
    def slug(self) -> str:
        """The layer's name in addresses."""
        return to_slug(self.schema, self.table)


class Layers:
    """The current layers, asked for on demand.

    `pool` reads what everyone at the event may read; `drafts` what is not shared, tables alone.
    """

    def __init__(self, pool: Any, drafts: Any) -> None:
        self._pool = pool
        self._stamps = Stamps(pool, drafts)
        self._known: OrderedDict[str, tuple[float, Layer | None]] = OrderedDict()
        self._flights: Flights[Layer | None] = Flights()
        self._ahead: dict[str, asyncio.Task[None]] = {}
        self._all: tuple[float, tuple[Entry, ...]] = (float("-inf"), ())
        self._all_flights: Flights[tuple[Entry, ...]] = Flights()
        self._one_sql, self._all_sql = text("layer"), text("listing")
        self.announced = asyncio.Event()
        """Set when PostgreSQL has announced a change; whoever waits for it clears it."""

    def forget(self) -> None:
        """Ask PostgreSQL again at the next request: it has announced a change."""
        self.announced.set()
        self._known.clear()
        self._all = (float("-inf"), self._all[1])

    async def all(self) -> tuple[Entry, ...]:
        """Give every layer, whoever may see it, the event's own first."""
        good_until, entries = self._all
        if time.monotonic() < good_until:
            return entries
        return await self._all_flights.share("all", self._ask_all)

    async def find(self, slug: str, person: str | None) -> Layer | None:
        """Give the layer of that name, if this person may see it. One shared a moment ago is found too."""
        asked_at, layer = self._known.get(slug, (float("-inf"), None))
        seen, age = layer is not None and layer.readers.include(person), time.monotonic() - asked_at
        if age >= (MAX_AGE if seen else UNSEEN_MAX_AGE):
            layer = await self._flights.share(slug, lambda: self._ask(slug))
        elif age >= REFRESHED_AT and slug not in self._ahead:
            self._ahead[slug] = asyncio.create_task(self._refresh(slug))
        return layer if layer is not None and layer.readers.include(person) else None

    async def _refresh(self, slug: str) -> None:
        try:
            await self._flights.share(slug, lambda: self._ask(slug))
        except (
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            OSError,
            TimeoutError,
        ) as error:  # whoever has to wait for it is told
            log.debug("%s was not asked for ahead: %s", slug, error)
        finally:
            del self._ahead[slug]

    async def _ask(self, slug: str) -> Layer | None:
        name = from_slug(slug)
        if name is None or to_slug(*name) != slug or "\0" in slug:
            return None
        asked_at = time.monotonic()
        row = await self._pool.fetchrow(self._one_sql, *name)
        layer = from_row(row, stamp=await self._stamps.of(row)) if row else None
        self._known[slug] = (asked_at, layer)
        self._known.move_to_end(slug)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return layer

    async def _ask_all(self) -> tuple[Entry, ...]:
        began = time.monotonic()
        entries = tuple(entry_from_row(row) for row in await self._pool.fetch(self._all_sql))
        ended = time.monotonic()
        good_for = min(max(MAX_AGE, (ended - began) / LISTING_SHARE), LISTING_MAX_AGE)
        self._all = (ended + good_for, entries)
        return entries


def from_row(row: Mapping[str, Any], *, stamp: str) -> Layer:
    """Turn one row of layer.sql into a layer; `stamp` says in which state its rows are."""
    names, types = row["names"] or (), row["types"] or ()
    return Layer(
        oid=row["oid"],
        schema=row["schema"],
        table=row["name"],
        kind=row["kind"],
        owner=row["owner"],
        estimate=row["estimate"],
        state=f"{row['version']}.{stamp}",
        geometry=row["geometry"],
        geography=row["geography"],
        type=row["type"],
        srid=row["srid"],
        key=row["key"],
        fields=tuple(Field(name, kind) for name, kind in zip(names, types, strict=True)),
        indexed=row["indexed"],
        readers=_readers(row),
    )


def entry_from_row(row: Mapping[str, Any]) -> Entry:
    """Turn one row of listing.sql into an entry."""
    return Entry(
        schema=row["schema"],
        table=row["name"],
        kind=row["kind"],
        owner=row["owner"],
        estimate=row["estimate"],
        version=str(row["version"]),
        type=row["type"],
        readers=_readers(row),
    )


def _readers(row: Mapping[str, Any]) -> Readers:
    return Readers(shared=row["shared"], roles=frozenset(row["readers"]) | {row["owner"]})
