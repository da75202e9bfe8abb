"""Tiles that were made: which place and style, what they hold, and the latest of them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Literal

from divebell.tiles.plan import Cells
from divebell.tiles.style import Style

Kinds = Literal["whole", "cells", "empty"]


@dataclass(frozen=True)
class Place:
    """Which tile of a layer, and how it is styled."""

    z: int
    x: int
    y: int
    style: Style = field(default_factory=Style)


@dataclass(frozen=True)
class Tile:
    """One tile, compressed with gzip; `body` is empty where nothing lies."""

    body: bytes
    kind: Kinds
    how: Cells | None = None


class Kept:
    """The tiles asked for last, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._tiles: OrderedDict[tuple[Any, ...], Tile] = OrderedDict()

    def get(self, key: tuple[Any, ...]) -> Tile | None:
        """Give a tile that is still kept."""
        tile = self._tiles.get(key)
        if tile is not None:
            self._tiles.move_to_end(key)
        return tile

    def put(self, key: tuple[Any, ...], tile: Tile) -> None:
        """Keep a tile, and forget those that were longest not asked for."""
        if key in self._tiles:
            return
        self._tiles[key] = tile
        self._size += _cost(tile)
        while self._size > self._limit:
            _, oldest = self._tiles.popitem(last=False)
            self._size -= _cost(oldest)


def _cost(tile: Tile) -> int:
    return len(tile.body) + 500  # the key and the objects around the bytes
