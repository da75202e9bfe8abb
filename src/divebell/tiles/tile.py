"""Make tiles: every feature, or cells, as the layer's plan says for the zoom; keep the latest."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import asyncpg
from isal import igzip

from divebell.tiles import cells, sql
from divebell.tiles.boxes import (
    BUFFER,
    EXTENT,
    WORLD,
    Box,
    intersection,
    tile_box,
    to_degrees,
    to_metres,
)
from divebell.tiles.density import decide
from divebell.tiles.flight import Flights
from divebell.tiles.frames import Frame, Kind, measure
from divebell.tiles.gatherings import Gatherings, served
from divebell.tiles.kept import Kept, Kinds, Place, Tile
from divebell.tiles.layers import CODE, Layer, Layers
from divebell.tiles.plan import MOST_LARGE, MOST_ROWS, Cells, Plan
from divebell.tiles.statement import Statement
from divebell.tiles.style import Style
from divebell.tiles.turns import Turns

CACHE_BYTES = 64 * 1024**2
COMPRESSION = 1
"""Of isal's levels: as small as zlib's first."""
SLOW_TO_COMPRESS = 256 * 1024
"""From so many bytes on a tile is compressed off the event loop."""
MARGIN = BUFFER / EXTENT
QUERIES_AT_ONCE, QUERIES_EACH = 8, 5
HEAVY_AT_ONCE, HEAVY_EACH = 6, 4
"""Cells look through a whole table; a map asks for a dozen tiles of them."""
WAITING_EACH = 200
KEPT_FRAMES = 2000
NOT_RUN = (
    "It is a view that is not shared with everyone at the event: what is written in a view runs with the"
    " rights of whoever looks at it, so it is not drawn. Share it, or make it a table or a materialised view."
)


@dataclass(frozen=True)
class Drawing:
    """What is known of a layer in one version: where its rows are, and how each zoom is made."""

    frame: Frame
    plan: Plan


class TooFull(Exception):  # noqa: N818 - not an error: the zoom is drawn another way
    """A tile held more than the layer's plan expected."""


class Tiles:
    """The tiles of every layer of one database.

    `tables` and `views` read what everyone at the event may read, `drafts` what is not shared. Views are run
    by `views` alone, which may do nothing but read.
    """

    def __init__(self, tables: Any, *, views: Any, drafts: Any) -> None:
        self.layers = Layers(tables, drafts)
        self.turns = Turns(QUERIES_AT_ONCE, each=QUERIES_EACH, waiting=WAITING_EACH)
        self._tables, self._views, self._drafts = tables, views, drafts
        self._heavy = Turns(HEAVY_AT_ONCE, each=HEAVY_EACH, waiting=WAITING_EACH)
        self._drawings: OrderedDict[str, tuple[str, Drawing]] = OrderedDict()
        self._drawing_flights: Flights[Drawing] = Flights()
        self._tile_flights: Flights[Tile] = Flights()
        self._kept = Kept(CACHE_BYTES)
        self._gatherings = Gatherings()

    def pool(self, layer: Layer) -> Any:
        """Give the connections that may read a layer, and no more than its readers may."""
        if not layer.readers.shared:
            return self._drafts
        return self._views if layer.kind in CODE else self._tables

    async def drawing(
        self, layer: Layer, person: str | None = None, *, gone: Callable[[], Awaitable[None]] | None = None
    ) -> Drawing:
        """Give what the layer's rows say about it, measured once per version, at `person`'s turn.

        Raises Left when `gone` returns before that.
        """
        if layer.kind in CODE and not layer.readers.shared:
            return Drawing(Frame(srid=layer.srid, reason=NOT_RUN), Plan())
        known = self._drawings.get(layer.slug)
        if known and known[0] == layer.version:
            return known[1]
        key = (layer.slug, layer.version)
        drawing = await self._drawing_flights.share(key, partial(self._measure, layer, person), gone=gone)
        self._remember(layer, drawing)
        return drawing

    async def tile(
        self,
        layer: Layer,
        place: Place,
        *,
        person: str | None = None,
        gone: Callable[[], Awaitable[None]] | None = None,
    ) -> Tile:
        """Give one tile. Raises Left when `gone` returns before it is made."""
        while True:
            drawing = await self.drawing(layer, person, gone=gone)
            how = drawing.plan.at(place.z)
            key = (layer.slug, layer.version, layer.readers.shared, place, how)
            kept = self._kept.get(key)
            if kept is not None:
                return kept
            making = partial(self._make, layer, drawing.frame, place, how, person)
            try:
                tile = await self._tile_flights.share(key, making, gone=gone)
            except TooFull:  # the sample told less: this zoom is drawn another way from now on, everywhere
                self._remember(layer, replace(drawing, plan=drawing.plan.without(place.z)))
                continue
            self._kept.put(key, tile)
            return tile

    async def _measure(self, layer: Layer, person: str | None) -> Drawing:
        pool = self.pool(layer)
        async with self._heavy.take(person):
            frame = await measure(pool, layer)
            return Drawing(frame, await decide(pool, layer, frame))

    def _remember(self, layer: Layer, drawing: Drawing) -> None:
        self._drawings[layer.slug] = (layer.version, drawing)
        self._drawings.move_to_end(layer.slug)
        while len(self._drawings) > KEPT_FRAMES:
            self._drawings.popitem(last=False)

    async def _make(
        self, layer: Layer, frame: Frame, place: Place, how: Cells | None, person: str | None
    ) -> Tile:
        box = await self._box(layer, frame, place)
        if box is None:
            return Tile(b"", "empty", how)
        values = _values(place, box)
        if how is None:
            async with self.turns.take(person):
                raw = await self._whole(layer, frame, place, values)
        else:
            async with self.turns.take(person):
                near = await self._gatherings.tile(layer, place, how)
            if near is None:
                async with self._heavy.take(person):
                    near = await self._cells(layer, frame, place, how, values)
            raw = near
        kind: Kinds = ("whole" if how is None else "cells") if raw else "empty"
        return Tile(await _compress(raw), kind, how)

    async def _whole(self, layer: Layer, frame: Frame, place: Place, values: dict[str, Any]) -> bytes:
        statement = whole_statement(layer.shape, frame.shape, place.style.shape)
        row = await self.pool(layer).fetchrow(statement.text, *statement.arguments(values))
        if row["rows"] > MOST_ROWS:
            raise TooFull
        return row["tile"] or b""

    async def _cells(
        self, layer: Layer, frame: Frame, place: Place, how: Cells, values: dict[str, Any]
    ) -> bytes:
        near = await self._gatherings.tile(
            layer, place, how
        )  # it may have been gathered before this turn came
        if near is not None:
            return near
        values |= cells.arguments(frame, (place.z, place.x, place.y), how)
        shapes = (layer.shape, frame.shape, place.style.shape, how)
        wide = _within(frame, place)
        began = time.monotonic()
        try:
            statement = cells_statement(*shapes, not wide)
            row = await self.pool(layer).fetchrow(statement.text, *statement.arguments(values))
        except asyncpg.NumericValueOutOfRangeError:
            if not wide:
                raise
            statement = cells_statement(*shapes, True)  # coordinates too large to be summed: leave them out
            row = await self.pool(layer).fetchrow(statement.text, *statement.arguments(values))
        if row["large"] > MOST_LARGE:
            raise TooFull
        if served(layer, place, how):
            self._gatherings.spent(self.pool(layer), layer, frame, place, time.monotonic() - began)
        return row["tile"] or b""

    async def statement(self, layer: Layer, place: Place) -> tuple[Statement, list[Any]] | None:
        """Give what makes a tile and with which values, for whoever runs it; None where nothing lies."""
        drawing = await self.drawing(layer)
        frame, how = drawing.frame, drawing.plan.at(place.z)
        box = await self._box(layer, frame, place)
        if box is None:
            return None
        values = _values(place, box)
        shapes = (layer.shape, frame.shape, place.style.shape)
        if how is None:
            statement = whole_statement(*shapes)
        else:
            values |= cells.arguments(frame, (place.z, place.x, place.y), how)
            statement = cells_statement(*shapes, how, not _within(frame, place))
        return statement, statement.arguments(values)

    async def _box(self, layer: Layer, frame: Frame, place: Place) -> Box | None:
        """Give the tile's box in the layer's own coordinates; None where the layer has nothing."""
        if frame.reason or frame.bounds is None:
            return None
        metres = tile_box(place.z, place.x, place.y, margin=MARGIN)
        if frame.kind is Kind.METRES:
            return metres
        if frame.kind is Kind.DEGREES:
            return to_degrees(metres)
        near = intersection(metres, to_metres(frame.bounds))
        if near is None:
            return None
        step = (metres[2] - metres[0]) / 16
        try:
            row = await self.pool(layer).fetchrow(sql.project_box(frame), *near, step)
        except asyncpg.InternalServerError:  # part of the box is outside the projection: look at everything
            return frame.domain
        found = (row[0], row[1], row[2], row[3])
        return None if None in found else found


@lru_cache(maxsize=1000)
def whole_statement(layer: Layer, frame: Frame, style: Style) -> Statement:
    """Give a layer's statement for whole tiles, composed once."""
    return sql.whole(layer, frame, style)


@lru_cache(maxsize=1000)
def cells_statement(layer: Layer, frame: Frame, style: Style, how: Cells, boxed: bool) -> Statement:
    """Give a layer's statement for tiles of cells, composed once."""
    return cells.cells(layer, frame, style, how, boxed=boxed)


def etag(layer: Layer, what: object) -> str:
    """Name the state of a tile: it changes whenever the table may have."""
    state = f"{layer.slug}|{layer.version}|{what}"
    return f'W/"{hashlib.sha256(state.encode()).hexdigest()[:24]}"'


def _values(place: Place, box: Box) -> dict[str, Any]:
    """Give the values that statements of tiles take, by name."""
    west, south, east, north = box
    low, high = place.style.bounds
    return {
        "z": place.z,
        "x": place.x,
        "y": place.y,
        "west": west,
        "south": south,
        "east": east,
        "north": north,
        "low": low,
        "high": high,
        "only": list(place.style.only),
    }


def _within(frame: Frame, place: Place) -> bool:
    """Say whether all that can be drawn of a layer lies in one tile, and it need not be asked what does."""
    known = intersection(frame.bounds, WORLD) if frame.bounds else None
    if known is None or frame.kind is Kind.PROJECTED:
        return False
    return intersection(known, to_degrees(tile_box(place.z, place.x, place.y))) == known


async def _compress(raw: bytes) -> bytes:
    if not raw:
        return b""
    if len(raw) < SLOW_TO_COMPRESS:
        return igzip.compress(raw, COMPRESSION, mtime=0)
    return await asyncio.to_thread(igzip.compress, raw, COMPRESSION, mtime=0)
