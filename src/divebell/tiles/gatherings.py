"""Which layers are gathered in memory: those whose cells have cost as much as gathering them would."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import asyncpg

from divebell.tiles import gathered
from divebell.tiles.frames import Frame, Kind
from divebell.tiles.gathered import Gathered
from divebell.tiles.kept import Place
from divebell.tiles.layers import Layer
from divebell.tiles.mvt import encode
from divebell.tiles.plan import Cells

MOST_BYTES = 192 * 1024**2
"""Of memory for all that is gathered."""
SECONDS_PER_ROW = 0.6e-6
"""What gathering costs: a layer that is looked at once, or that changes all the time, is not gathered."""
REMEMBERED = 2000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Key:
    """What rows were gathered for: one state of a layer, for the columns of a style."""

    slug: str
    version: str
    shared: bool
    column: str | None
    size: str | None


class Gatherings:
    """What was gathered last, up to a number of bytes."""

    def __init__(self) -> None:
        self._known: OrderedDict[_Key, Gathered] = OrderedDict()
        self._spent: OrderedDict[_Key, float] = OrderedDict()
        self._running: asyncio.Task[None] | None = None

    async def tile(self, layer: Layer, place: Place, how: Cells) -> bytes | None:
        """Make a tile of cells from memory; None where PostgreSQL has to be asked."""
        known = self._known.get(_key(layer, place)) if served(layer, place, how) else None
        if known is None:
            return None
        self._known.move_to_end(_key(layer, place))
        where = (place.z, place.x, place.y)
        return await asyncio.to_thread(lambda: encode(layer.slug, known.tile(where, how.grid, place.style)))

    def spent(self, pool: Any, layer: Layer, frame: Frame, place: Place, seconds: float) -> None:
        """Say how long PostgreSQL took for a tile of cells; gather the layer once that is worth it."""
        key = _key(layer, place)
        if not gatherable(layer, frame) or key in self._known:
            return
        self._spent[key] = self._spent.pop(key, 0.0) + seconds
        while len(self._spent) > REMEMBERED:
            self._spent.popitem(last=False)
        idle = self._running is None or self._running.done()
        if idle and self._spent[key] >= SECONDS_PER_ROW * frame.rows:
            self._running = asyncio.create_task(self._gather(pool, layer, frame, place))

    async def _gather(self, pool: Any, layer: Layer, frame: Frame, place: Place) -> None:
        key, style = _key(layer, place), place.style
        names = tuple(name for name, column in (("value", style.column), ("size", style.size)) if column)
        try:
            row = await pool.fetchrow(gathered.gathering(layer, frame, style))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, OSError) as error:
            log.info("%s is not gathered: %s", layer.slug, error)
            self._spent[key] = 0.0
            return
        if row["rows"] > gathered.MOST_ROWS:  # more than was estimated
            self._spent[key] = float("-inf")
            return
        self._put(key, await asyncio.to_thread(gathered.gathered, frame, row["places"] or b"", names))

    def _put(self, key: _Key, found: Gathered) -> None:
        for other in [one for one in self._known if one.slug == key.slug and one.version != key.version]:
            del self._known[other]
        self._known[key] = found
        self._spent.pop(key, None)
        while sum(one.size for one in self._known.values()) > MOST_BYTES:
            self._known.popitem(last=False)


def gatherable(layer: Layer, frame: Frame) -> bool:
    """Say whether a layer can be gathered: arithmetic tells where its rows are, and for how long."""
    return layer.has_ctid and frame.kind is not Kind.PROJECTED and frame.rows <= gathered.MOST_ROWS


def served(layer: Layer, place: Place, how: Cells) -> bool:
    """Say whether memory holds what a tile shows: numbers in cells, no words, no feature as it is."""
    style = place.style
    return not (how.large or style.only or style.by or style.categorical(layer))


def _key(layer: Layer, place: Place) -> _Key:
    style = place.style
    return _Key(layer.slug, layer.version, layer.readers.shared, style.column, style.size)
