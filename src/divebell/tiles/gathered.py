"""A layer's rows in memory, as places and numbers: any tile of cells is made from them without PostgreSQL.

Places are whole numbers of 32 bits, from the world's north west; rows lie in the order of the tiles that hold
them, and of the tiles within those. So each tile is one run of rows, and each of its cells a run within it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from psycopg import sql

from divebell.tiles import sql as layer_sql
from divebell.tiles.boxes import EXTENT, HALF_WORLD, WORLD, to_metres
from divebell.tiles.cells import middle
from divebell.tiles.frames import Frame, Kind
from divebell.tiles.layers import Layer
from divebell.tiles.mvt import Array, Points
from divebell.tiles.queries import template
from divebell.tiles.style import Stat, Style

MOST_ROWS = 1_500_000
"""Rows of a layer that is gathered: about 24 bytes each, and four times as many while it is done."""
BITS = 32
_SPREAD = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)


@dataclass(frozen=True)
class Gathered:
    """Rows in the order of `code`, which tells their tiles; `numbers` by what they are for (value, size)."""

    code: Array
    u: Array
    v: Array
    numbers: dict[str, Array]

    @property
    def size(self) -> int:
        """Bytes of memory."""
        return sum(one.nbytes for one in (self.code, self.u, self.v, *self.numbers.values()))

    def tile(self, place: tuple[int, int, int], grid: int, style: Style) -> Points:
        """Count the rows of each cell of a tile, `grid` by `grid`; give the mean place and the statistic."""
        z, x, y = place
        run = self._run(z, x, y)
        code, u, v = self.code[run], self.u[run], self.v[run]
        numbers = {name: column[run] for name, column in self.numbers.items()}
        if style.low is not None or style.high is not None:
            low, high = style.bounds
            shown = (numbers["value"] >= low) & (numbers["value"] <= high)
            code, u, v = code[shown], u[shown], v[shown]
            numbers = {name: column[shown] for name, column in numbers.items()}
        if not len(code):
            return Points(code, code, code)
        starts = _starts(code, z, grid)
        count = np.diff(starts, append=len(code))
        scale = EXTENT * 2.0 ** (z - BITS)
        own = [
            np.floor(
                (np.add.reduceat(along, starts, dtype=np.float64) / count - at * 2.0 ** (BITS - z)) * scale
            )
            for along, at in ((u, x), (v, y))
        ]
        told = tuple((name, _statistic(column, starts, style.stat)) for name, column in numbers.items())
        return Points(own[0], own[1], count, told)

    def _run(self, z: int, x: int, y: int) -> slice:
        """Give the rows of a tile."""
        ours = int(_spread(np.array([x]))[0] | (_spread(np.array([y]))[0] << np.uint64(1)))
        first, end = (each << 2 * (BITS - z) for each in (ours, ours + 1))
        begin = int(np.searchsorted(self.code, np.uint64(first)))
        return slice(begin, int(np.searchsorted(self.code, np.uint64(end))) if end < 4**BITS else None)


def gathering(layer: Layer, frame: Frame, style: Style) -> str:
    """Give the query that fetches what `gathered` reads."""
    west, south, east, north = WORLD if frame.kind is Kind.DEGREES else to_metres(WORLD)
    x, y = middle(layer)
    names = [(name, column) for name, column in (("value", style.column), ("size", style.size)) if column]
    values = [
        sql.SQL(", {} AS {}").format(layer_sql.number(column), sql.Identifier(name)) for name, column in names
    ]
    sent = [f" || pg_catalog.float8send(coalesce({name}, 'NaN'))" for name, _ in names]
    sides = {"west": west, "south": south, "east": east, "north": north}
    return (
        template("gathering")
        .format(
            x=x,
            y=y,
            values=sql.SQL("").join(values),
            numbers=sql.SQL("").join([sql.SQL(one) for one in sent]),
            t=layer_sql.relation(layer),
            most=sql.Literal(MOST_ROWS + 1),
            **{name: sql.Literal(side) for name, side in sides.items()},
        )
        .as_string()
    )


def gathered(frame: Frame, places: bytes, names: tuple[str, ...]) -> Gathered:
    """Read what the query gave; `names` says what its numbers are for."""
    table = np.frombuffer(places, dtype=">f8").reshape(-1, 2 + len(names)).astype(np.float64)
    half = 180.0 if frame.kind is Kind.DEGREES else HALF_WORLD
    u = np.floor((table[:, 0] + half) / (2 * half) * 2.0**BITS)
    north = (
        np.arcsinh(np.tan(np.radians(table[:, 1]))) / np.pi
        if frame.kind is Kind.DEGREES
        else table[:, 1] / HALF_WORLD
    )
    v = np.ceil((1 - north) / 2 * 2.0**BITS) - 1  # a row on an edge between two cells is the northern one's
    u = np.minimum(u, 2.0**BITS - 1)  # the last meridian belongs to the last column
    inside = (u >= 0) & (v >= 0) & (v < 2.0**BITS)
    own = u[inside].astype(np.uint32), v[inside].astype(np.uint32)
    code = _spread(own[0]) | (_spread(own[1]) << np.uint64(1))
    order = np.argsort(code)
    numbers = {name: table[inside, 2 + i][order] for i, name in enumerate(names)}
    return Gathered(code[order], own[0][order], own[1][order], numbers)


def _spread(numbers: Array) -> Array:
    """Put a zero between each bit and the next."""
    wide: Array = numbers.astype(np.uint64)
    for shift, mask in _SPREAD:
        wide = (wide | (wide << np.uint64(shift))) & np.uint64(mask)
    return wide


def _starts(code: Array, z: int, grid: int) -> Array:
    """Give where each cell's rows begin."""
    cell = code >> np.uint64(2 * (BITS - z - (grid.bit_length() - 1)))
    starts: Array = np.flatnonzero(np.concatenate([[True], cell[1:] != cell[:-1]]))
    return starts


def _statistic(column: Array, starts: Array, stat: Stat) -> Array:
    """Give each cell's statistic of those of its rows that have a number; NaN where none has."""
    present = ~np.isnan(column)
    rows = np.add.reduceat(present, starts, dtype=np.float64)
    if stat is Stat.COUNT:
        return rows
    if stat in {Stat.MIN, Stat.MAX}:
        reduce = np.fmin if stat is Stat.MIN else np.fmax
        least: Array = reduce.reduceat(column, starts)
        return least
    total = np.add.reduceat(np.where(present, column, 0.0), starts)
    with np.errstate(invalid="ignore", divide="ignore"):
        known: Array = total / rows if stat is Stat.MEAN else np.where(rows > 0, total, np.nan)
    return known
