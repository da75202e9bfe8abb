"""Geometry as WKB, looked at in bulk: kinds, coordinates and their faults, without decoding what is plain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from divebell.errors import DivebellError
from divebell.readers.plainwkb import plain
from divebell.readers.wkbwalk import Bools, Bytes, Ints, Spans, spans_of, words

MOST_VERTICES = 5_000_000
"""A single geometry with more vertices is refused: no map shows it, and every query on it takes minutes."""
FARTHEST = 1e9
"""No coordinate of a place on Earth is larger, in any unit in use."""
MISSING_MEASURE = 1e38
"""Heights and measures beyond it are no numbers: Shapefiles write -1.8e308 for a missing one."""


@dataclass(frozen=True)
class Look:
    """What was found in one batch; `wkb` holds its geometries written plainly."""

    wkb: pa.Array
    codes: Ints
    """ISO type codes: 1000 is added for Z, 2000 for M, 3000 for both; -1 for null and undecodable ones."""
    broken: Bools
    """Coordinates that are no finite number or no place, or bytes that cannot be decoded."""
    far: Bools
    """Beyond the range of degrees."""
    unmeasured: Bools
    """A height or measure is no number; it was made 0."""
    curved: int = 0
    surfaces: int = 0


@dataclass
class _Marks:
    broken: Bools
    far: Bools
    unmeasured: Bools
    exact: Bools
    """Rows that only the slow way can judge."""


def look(wkb: pa.Array, *, empty_points: bool = True) -> Look:
    """Look at one batch. Raises DivebellError when a geometry has more than `MOST_VERTICES` vertices."""
    wkb, strange, curved, surfaces = _written_plainly(wkb)
    data, start, end = _bytes(wkb)
    codes = np.where(strange, -1, _heads(data, start, end)[0])
    kinds = codes % 1000
    size = len(codes)
    marks = _Marks(strange, np.zeros(size, bool), np.zeros(size, bool), kinds == 7)
    _refuse_giants(wkb, end - start)
    spans, failed = spans_of(data, start, end, codes)
    marks.exact[failed] = True
    for group in spans.by_width():
        _judge(group, data, marks, empty_points=empty_points)
    wkb = _judge_exactly(wkb, marks, empty_points=empty_points)
    marks.far &= ~marks.broken
    return Look(
        _measured(wkb, marks.unmeasured),
        codes,
        marks.broken,
        marks.far,
        marks.unmeasured,
        curved,
        surfaces,
    )


def replaced(wkb: pa.Array, rows: Ints, values: list[bytes | None]) -> pa.Array:
    """Give the array with other values in some rows."""
    if not len(rows):
        return wkb
    chosen = np.arange(len(wkb))
    chosen[rows] = len(wkb) + np.arange(len(rows))
    return pa.concat_arrays([wkb, pa.array(values, pa.binary())]).take(pa.array(chosen))


def _bytes(wkb: pa.Array) -> tuple[Bytes, Ints, Ints]:
    """Give the bytes of all values, and where each begins and ends; null ones are empty."""
    _, offsets, data = wkb.buffers()
    if not len(wkb) or data is None or data.size == 0:
        nothing = np.zeros(len(wkb), np.int64)
        return np.zeros(16, np.uint8), nothing, nothing
    bounds = np.frombuffer(offsets, np.int32, len(wkb) + 1, 4 * wkb.offset).astype(np.int64)
    start, end = bounds[:-1], bounds[1:]
    if wkb.null_count:
        end = np.where(np.asarray(wkb.is_valid()), end, start)
    return np.frombuffer(data, np.uint8), start, end


def _heads(data: Bytes, start: Ints, end: Ints) -> tuple[Ints, Bools]:
    """Read type codes as they are written, -1 where there is none; and which are little-endian."""
    there = end - start >= 5
    at = np.where(there, start, 0)
    if len(data) < 5:
        return np.full(len(start), -1), np.zeros(len(start), bool)
    little = data[at] == 1
    codes = words(data)[at + 1].astype(np.int64)
    if not little.all():
        codes = np.where(little, codes, words(data, ">")[at + 1])
    return np.where(there, codes, -1), little


def _written_plainly(wkb: pa.Array) -> tuple[pa.Array, Bools, int, int]:
    """Rewrite what is not little-endian ISO or not straight; mark what cannot be read; count the rest."""
    data, start, end = _bytes(wkb)
    codes, little = _heads(data, start, end)
    kinds = codes % 1000
    fine = little & (codes < 4000) & (kinds >= 1) & (kinds <= 6)
    there = np.asarray(wkb.is_valid()) if wkb.null_count else np.ones(len(wkb), bool)
    odd = np.flatnonzero(~fine & there)
    strange = np.zeros(len(wkb), bool)
    if not len(odd):
        return wkb, strange, 0, 0
    found = [plain(wkb[int(row)].as_py()) for row in odd]
    strange[[row for row, one in zip(odd, found, strict=True) if one is None]] = True
    values = [None if one is None else one.wkb for one in found]
    curved = sum(1 for one in found if one is not None and one.curved)
    surfaces = sum(1 for one in found if one is not None and one.surface)
    return replaced(wkb, odd, values), strange, curved, surfaces


def _refuse_giants(wkb: pa.Array, sizes: Ints) -> None:
    for row in np.flatnonzero(sizes > 16 * MOST_VERTICES):
        count = int(shapely.count_coordinates(shapely.from_wkb(wkb[int(row)].as_py(), on_invalid="ignore")))
        if count > MOST_VERTICES:
            raise DivebellError(
                f"one geometry has {count:,} vertices; at most {MOST_VERTICES:,} are read",
                next_step="simplify or divide it (in QGIS: Vector geometry, Subdivide)",
            )


def _judge(spans: Spans, data: Bytes, marks: _Marks, *, empty_points: bool) -> None:
    values, first = _coordinates(spans, data)
    size = int(spans.width[0]) // 8
    x, y = values[0::size], values[1::size]
    last = first + spans.count - 1
    open_ring = (spans.kind == 3) & ((spans.count < 4) | (x[first] != x[last]) | (y[first] != y[last]))
    marks.exact[spans.row[open_ring | ((spans.kind == 2) & (spans.count < 2))]] = True
    for more in range(2, size):
        if not np.abs(_edges(values[more::size])).max() < MISSING_MEASURE:
            wrong = np.logical_or.reduceat(~(np.abs(values[more::size]) < MISSING_MEASURE), first)
            marks.unmeasured[spans.row[wrong & ~np.isnan(x[first])]] = True
    widest, highest = np.abs(_edges(x)).max(), np.abs(_edges(y)).max()
    if not (widest <= FARTHEST and highest <= FARTHEST):
        bad = ~((np.abs(x) <= FARTHEST) & (np.abs(y) <= FARTHEST))
        wrong = np.logical_or.reduceat(bad, first)
        nowhere = (spans.kind == 1) & np.isnan(x[first]) & np.isnan(y[first])
        marks.broken[spans.row[wrong & ~(nowhere & empty_points)]] = True
    if not (widest <= 540 and highest <= 90.000001):
        outside = (np.abs(x) > 540) | (np.abs(y) > 90.000001)
        marks.far[spans.row[np.logical_or.reduceat(outside, first)]] = True


def _edges(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give the least and the largest value; both are NaN where one is."""
    return np.array([values.min(), values.max()])


def _coordinates(spans: Spans, data: Bytes) -> tuple[npt.NDArray[np.float64], Ints]:
    """Copy the runs together, so that they can be seen as numbers; and the first vertex of each."""
    bounds = np.empty(2 * len(spans.start), np.int32)
    bounds[0::2] = spans.start
    bounds[1::2] = spans.start + spans.count * spans.width
    runs = pa.Array.from_buffers(
        pa.binary(), len(bounds) - 1, [None, pa.py_buffer(bounds), pa.py_buffer(data)]
    )
    wanted = np.zeros(len(runs), bool)
    wanted[0::2] = True
    together = runs.filter(pa.array(wanted))
    values = np.frombuffer(together.buffers()[2], np.float64, int((spans.count * spans.width).sum()) // 8)
    return values, np.cumsum(spans.count) - spans.count


def _judge_exactly(wkb: pa.Array, marks: _Marks, *, empty_points: bool) -> pa.Array:
    """Decode what is left; give the geometries without bytes that follow after their end."""
    rows = np.flatnonzero(marks.exact & ~marks.broken)
    if not len(rows):
        return wkb
    raw = [wkb[int(row)].as_py() for row in rows]
    shapes = np.atleast_1d(shapely.from_wkb(np.array(raw, object), on_invalid="ignore"))
    marks.broken[rows[shapely.is_missing(shapes)]] = True
    values, index = shapely.get_coordinates(shapes, include_z=True, return_index=True)
    nowhere = np.isnan(values[:, :2]).all(axis=1) & (shapely.get_type_id(shapes)[index] == 4) & empty_points
    bad = ~(np.abs(values[:, :2]) <= FARTHEST).all(axis=1) & ~nowhere
    marks.broken[rows[index[bad]]] = True
    outside = (np.abs(values[:, 0]) > 540) | (np.abs(values[:, 1]) > 90.000001)
    marks.far[rows[index[outside]]] = True
    high = shapely.has_z(shapes)[index] & ~(np.abs(values[:, 2]) < MISSING_MEASURE) & ~nowhere
    marks.unmeasured[rows[index[high]]] = True
    whole = shapely.to_wkb(shapes, byte_order=1, flavor="iso", output_dimension=4).tolist()
    longer = [at for at, one in enumerate(whole) if one is not None and len(raw[at]) > len(one)]
    return replaced(wkb, rows[longer], [whole[at] for at in longer])


def _measured(wkb: pa.Array, unmeasured: Bools) -> pa.Array:
    rows = np.flatnonzero(unmeasured)
    found = [plain(wkb[int(row)].as_py(), measure=True) for row in rows]
    return replaced(wkb, rows, [None if one is None else one.wkb for one in found])
