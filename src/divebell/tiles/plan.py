"""How the tiles of each zoom are made: every feature, or cells. Decided from where rows lie. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

WHOLE_ROWS = 20_000
"""A zoom whose fullest tile has up to about so many features shows every one of them."""
MOST_ROWS = 50_000
"""No tile carries more: where rows overlap more than their middles tell, its zoom becomes cells after all."""
LARGE_ROWS = 5_000
"""Up to so many features larger than a cell are drawn whole among the cells."""
MOST_LARGE = 20_000
"""More of those in one tile, and its zoom shows none of them whole."""
FINE, COARSE = 256, 128
"""Cells along a tile's side: 2 or 4 pixels of a tile of 512."""
MOST_CELLS = 20_000
"""Where a tile could have more of the fine cells, the coarse ones are taken."""
DEEPEST = 20
NEVER = 99
"""`whole_from` of a layer that is cells at every zoom."""


@dataclass(frozen=True)
class Cells:
    """How the tiles of a zoom are aggregated."""

    grid: int = FINE
    """Cells along a tile's side."""
    large: bool = False
    """Whether features larger than a cell come whole."""


@dataclass(frozen=True)
class Plan:
    """How the tiles of each zoom of a layer are made."""

    whole_from: int = 0
    """The zoom from which tiles carry every feature."""
    cells: tuple[Cells, ...] = ()
    """One for each zoom below."""

    def at(self, zoom: int) -> Cells | None:
        """Say how a zoom is aggregated; None where it is not."""
        if zoom >= self.whole_from:
            return None
        return self.cells[zoom] if zoom < len(self.cells) else Cells(COARSE)

    def without(self, zoom: int) -> Plan:
        """Give the plan after a tile of this zoom turned out to be too full."""
        if zoom < self.whole_from:  # too many large ones
            cells = tuple(replace(one, large=False) if z <= zoom else one for z, one in enumerate(self.cells))
            return replace(self, cells=cells)
        known = self.cells + (Cells(COARSE),) * (zoom + 1 - len(self.cells))
        return Plan(zoom + 1 if zoom < DEEPEST else NEVER, known[: zoom + 1])


@dataclass(frozen=True)
class Sample:
    """Where rows lie: `u`, `v` in world widths from the north west, `size` in world widths."""

    u: Array
    v: Array
    size: Array
    scale: float
    """Rows of the table for each row here."""


def plan(sample: Sample) -> Plan:
    """Decide from a sample how the tiles of each zoom are made."""
    sample = replace(sample, u=np.where(sample.u == 1, np.nextafter(1, 0), sample.u))  # the last meridian
    inside = (sample.u >= 0) & (sample.u < 1) & (sample.v >= 0) & (sample.v < 1)
    sample = replace(sample, u=sample.u[inside], v=sample.v[inside], size=sample.size[inside])
    low, high = 0, DEEPEST + 1
    while low < high:  # a zoom's fullest tile is never fuller than that of the zoom above
        middle = (low + high) // 2
        if fullest(sample, middle) <= WHOLE_ROWS:
            high = middle
        else:
            low = middle + 1
    below = min(low, DEEPEST)
    cells = tuple(Cells(_grid(sample, z), _few_large(sample, z)) for z in range(below))
    return Plan(low if low <= DEEPEST else NEVER, cells)


def fullest(sample: Sample, zoom: int) -> float:
    """Estimate how many rows have their middle in the fullest tile of a zoom."""
    tiles = _tiles(sample, 2**zoom)
    return float(np.unique(tiles, return_counts=True)[1].max() * sample.scale) if len(tiles) else 0.0


def _grid(sample: Sample, zoom: int) -> int:
    """Choose the cells: fine ones unless they would be too many."""
    if not len(sample.u):
        return FINE
    blocks = np.unique(_tiles(sample, 2**zoom * FINE // 4))  # a block is 4 by 4 fine cells
    across = 2**zoom * FINE // 4
    tiles = (blocks // across) // (FINE // 4) * 2**zoom + (blocks % across) // (FINE // 4)
    occupied = int(np.unique(tiles, return_counts=True)[1].max()) * 16
    return FINE if min(occupied, fullest(sample, zoom)) <= MOST_CELLS else COARSE


def _few_large(sample: Sample, zoom: int) -> bool:
    """Say whether the features larger than a coarse cell are few enough to be drawn."""
    large = sample.size * 2**zoom > 1 / COARSE
    if not large.any():
        return False
    chosen = replace(sample, u=sample.u[large], v=sample.v[large], size=sample.size[large])
    return fullest(chosen, zoom) <= LARGE_ROWS


def _tiles(sample: Sample, across: int) -> Array:
    numbers: Array = np.floor(sample.u * across) * across + np.floor(sample.v * across)
    return numbers.astype(np.int64)
