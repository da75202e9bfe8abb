"""Make tiles: probe how much lies in one, then carry every feature or a grid of counts; keep the latest."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg

from divebell.tiles import sql
from divebell.tiles.boxes import BUFFER, EXTENT, Box, intersection, tile_box, to_degrees, to_metres
from divebell.tiles.flight import Flights
from divebell.tiles.frames import Frame, Kind, measure
from divebell.tiles.layers import Layer, Layers

CACHE_BYTES = 64 * 1024**2
SLOW_TO_COMPRESS = 64 * 1024
"""From so many bytes on a tile is compressed off the event loop."""
MARGIN = BUFFER / EXTENT
GRIDS_AT_ONCE = 2
"""Grids are the heavy queries; a map asks for a dozen. In turn each keeps within the role's timeout."""


@dataclass(frozen=True)
class Place:
    """Which tile of a layer, coloured by which column."""

    z: int
    x: int
    y: int
    column: str | None


@dataclass(frozen=True)
class Tile:
    """One tile, compressed with gzip; `body` is empty where nothing lies."""

    body: bytes
    aggregated: bool


class Tiles:
    """The tiles of every layer of one database."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self.layers = Layers(pool)
        self._frames: dict[str, tuple[str, Frame]] = {}
        self._frame_flights: Flights[Frame] = Flights()
        self._tile_flights: Flights[Tile] = Flights()
        self._kept = _Kept(CACHE_BYTES)
        self._grids = asyncio.Semaphore(GRIDS_AT_ONCE)

    async def frame(self, layer: Layer) -> Frame:
        """Give what the layer's rows say about it, measured once per version."""
        known = self._frames.get(layer.slug)
        if known and known[0] == layer.version:
            return known[1]
        key = (layer.slug, layer.version)
        frame = await self._frame_flights.share(key, lambda: measure(self.pool, layer))
        self._frames[layer.slug] = (layer.version, frame)
        return frame

    async def tile(
        self, layer: Layer, place: Place, *, gone: Callable[[], Awaitable[None]] | None = None
    ) -> Tile:
        """Give one tile. Raises Left when `gone` returns before it is made."""
        key = (layer.slug, layer.version, place)
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        tile = await self._tile_flights.share(key, lambda: self._make(layer, place), gone=gone)
        self._kept.put(key, tile)
        return tile

    async def _make(self, layer: Layer, place: Place) -> Tile:
        frame = await self.frame(layer)
        box = await self._box(frame, place)
        if box is None:
            return Tile(b"", aggregated=False)
        where = (place.z, place.x, place.y)
        rows = await self.pool.fetchval(sql.probe(layer, frame), *box)
        if not rows:
            return Tile(b"", aggregated=False)
        aggregated = rows > sql.WHOLE_ROWS
        if aggregated:
            cell = sql.small_cell(frame, place.z)
            async with self._grids:
                raw = await self.pool.fetchval(sql.grid(layer, frame, place.column), *box, *where, *cell)
        else:
            raw = await self.pool.fetchval(sql.whole(layer, frame, place.column), *box, *where)
        return Tile(await _compress(raw or b""), aggregated=aggregated)

    async def _box(self, frame: Frame, place: Place) -> Box | None:
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
            row = await self.pool.fetchrow(sql.project_box(frame), *near, step)
        except asyncpg.InternalServerError:  # part of the box is outside the projection: look at everything
            return frame.domain
        found = (row[0], row[1], row[2], row[3])
        return None if None in found else found


def etag(layer: Layer, place: Place) -> str:
    """Name the state of a tile: it changes whenever the table may have."""
    state = f"{layer.slug}|{layer.version}|{place}"
    return f'W/"{hashlib.sha256(state.encode()).hexdigest()[:24]}"'


async def _compress(raw: bytes) -> bytes:
    if not raw:
        return b""
    if len(raw) < SLOW_TO_COMPRESS:
        return gzip.compress(raw, compresslevel=1, mtime=0)
    return await asyncio.to_thread(gzip.compress, raw, compresslevel=1, mtime=0)


class _Kept:
    """The tiles asked for last, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._tiles: OrderedDict[object, Tile] = OrderedDict()

    def get(self, key: object) -> Tile | None:
        tile = self._tiles.get(key)
        if tile is not None:
            self._tiles.move_to_end(key)
        return tile

    def put(self, key: object, tile: Tile) -> None:
        if key in self._tiles:
            return
        self._tiles[key] = tile
        self._size += _cost(tile)
        while self._size > self._limit:
            _, oldest = self._tiles.popitem(last=False)
            self._size -= _cost(oldest)


def _cost(tile: Tile) -> int:
    return len(tile.body) + 500  # the key and the objects around the bytes
