"""Look at every geometry of a layer: what is missing, empty or invalid, its extent; repair what can be.

It happens beside the reading and may lag behind it: rows are on their way to the table while their geometries
are still being checked, and what needs repair is put right there afterwards.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from divebell.pipeline.reading.frames import Checked
from divebell.pipeline.reading.repair import NAMES, PARTS, Fix, count, repair, warnings, with_parts
from divebell.pipeline.reading.rings import Glance, glance

_THREADS = 2
_WAITING_BYTES = 128 << 20
_ROWS_AT_ONCE = 4096
_NICENESS = 10
_TRIED, _WORTH = 10_000, 0.1
_DIMENSIONS = {"Z": 8, "M": 8, "ZM": 16}
_Shapes = npt.NDArray[np.object_]


@dataclass
class _Found:
    """What some rows, or all, have shown."""

    null: int = 0
    empty: int = 0
    invalid: int = 0
    unchecked: int = 0
    types: set[str] = field(default_factory=set)
    fixes: list[Fix] = field(default_factory=list)
    extents: list[tuple[float, float, float, float]] = field(default_factory=list)
    parts: bool = False
    """Whether a repair made several parts of a geometry whose layer has single ones."""

    def add(self, other: _Found) -> None:
        """Take over what other rows have shown."""
        self.null += other.null
        self.empty += other.empty
        self.invalid += other.invalid
        self.unchecked += other.unchecked
        self.types |= other.types
        self.fixes += other.fixes
        self.extents += other.extents
        self.parts |= other.parts


class Checker:
    """Checks batch by batch, in threads of its own; `see` waits only when too much has piled up."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._base = kind.rstrip("ZM")
        self._rows = 0
        self._found = _Found()
        self._waiting: list[Future[_Found]] = []
        self._room = threading.Condition()
        self._bytes = 0
        self._glances = _Glances()
        self._pool = ThreadPoolExecutor(_THREADS, "check", initializer=_give_way)

    def see(self, wkb: pa.Array) -> None:
        """Take in the geometries of a batch."""
        plain = self._plain_points(wkb)
        if plain is not None:
            self._found.add(plain)
            self._rows += len(wkb)
            return
        for start in range(0, len(wkb), _ROWS_AT_ONCE):
            piece = wkb.slice(start, _ROWS_AT_ONCE)
            self._submit(piece, self._rows + start + 1)
        self._rows += len(wkb)

    def finish(self) -> tuple[Checked, list[Fix]]:
        """Wait for all that was seen, and give what was found with what is to be put right, row by row."""
        for one in self._waiting:
            self._found.add(one.result())
        self._pool.shutdown()
        found = self._found
        wider = PARTS.get(self._base) if found.parts else None
        fixes = [with_parts(fix, wider) for fix in found.fixes] if wider else found.fixes
        checked = Checked(
            null=found.null,
            empty=found.empty,
            invalid=found.invalid,
            unchecked=found.unchecked,
            types=tuple(sorted(found.types)),
            extent=_extent(found.extents),
            type=(wider or self._base) + self._kind[len(self._base) :],
            warnings=(*warnings(found.fixes), *_curves(found.unchecked)),
        )
        return checked, fixes

    def stop(self) -> None:
        """Forget everything that was seen."""
        self._pool.shutdown(cancel_futures=True)

    def _submit(self, wkb: pa.Array, first: int) -> None:
        size = wkb.get_total_buffer_size() if wkb.offset == 0 else _size(wkb)
        with self._room:
            self._room.wait_for(lambda: self._bytes < _WAITING_BYTES)
            self._bytes += size
        future = self._pool.submit(_look, wkb, first, self._base, self._glances)
        future.add_done_callback(lambda _: self._free(size))
        self._waiting.append(future)

    def _free(self, size: int) -> None:
        with self._room:
            self._bytes -= size
            self._room.notify()

    def _plain_points(self, wkb: pa.Array) -> _Found | None:
        """Look at a batch of nothing but points at once; None where there is anything else."""
        if self._base != "Point":
            return None
        width = 21 + _DIMENSIONS.get(self._kind[len(self._base) :], 0)
        values = wkb.drop_null()
        _, offsets, data = values.buffers()
        if not len(values) or data is None:
            return _Found(null=len(wkb) - len(values))
        starts = np.frombuffer(offsets, np.int32, len(values) + 1, 4 * values.offset)
        if (np.diff(starts) != width).any():
            return None
        packed = np.dtype(
            {"names": ["order", "xy"], "formats": ["u1", ("<f8", 2)], "offsets": [0, 5], "itemsize": width}
        )
        points = np.frombuffer(data, packed, len(values), int(starts[0]))
        xy = points["xy"]
        if not (points["order"] == 1).all() or not np.isfinite(xy).all():
            return None
        low, high = xy.min(axis=0), xy.max(axis=0)
        extent = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        return _Found(null=len(wkb) - len(values), types={"Point"}, extents=[extent])


def _curves(unchecked: int) -> Iterator[str]:
    if unchecked:
        yield f"{count(unchecked)} of a kind whose validity could not be checked (such as curves)"


def _give_way() -> None:
    """Let the thread that reads go first: the check has time while the loader builds its indexes."""
    thread = threading.get_native_id()
    # a loader started with `nice` may give way more already, and nobody but root takes that back
    already = os.getpriority(os.PRIO_PROCESS, thread)
    os.setpriority(os.PRIO_PROCESS, thread, max(already, _NICENESS))


def _size(wkb: pa.Array) -> int:
    starts = np.frombuffer(wkb.buffers()[1], np.int32, len(wkb) + 1, 4 * wkb.offset)
    return int(starts[-1] - starts[0])


@dataclass
class _Glances:
    """How often looking at rings at a glance has spared a closer look, which tells whether it is worth it."""

    tried: int = 0
    spared: int = 0

    def look(self, wkb: pa.Array) -> Glance | None:
        """Look at a batch, unless too few were spared so far."""
        if self.tried > _TRIED and self.spared < _WORTH * self.tried:
            return None
        seen = glance(wkb)
        self.tried += len(wkb)
        self.spared += int(seen.valid.sum()) if seen else 0
        return seen


def _look(wkb: pa.Array, first: int, base: str, glances: _Glances) -> _Found:
    """Look at some geometries, closely at those that a glance does not show to be valid."""
    rows = np.arange(first, first + len(wkb))
    seen = glances.look(wkb) if base in {"Polygon", "MultiPolygon"} else None
    if seen is None:
        return _look_closely(wkb, rows, base)
    found = _look_closely(wkb.filter(pa.array(~seen.valid)), rows[~seen.valid], base)
    found.types.add(base)
    found.extents.append(seen.extent)
    return found


def _look_closely(wkb: pa.Array, rows: npt.NDArray[np.int64], base: str) -> _Found:
    raw = np.array(wkb.to_numpy(zero_copy_only=False), dtype=object)
    shapes = _decode(raw)
    absent = np.asarray(wkb.is_null().to_numpy(zero_copy_only=False))
    found = _Found(null=int(absent.sum()), unchecked=int((shapely.is_missing(shapes) & ~absent).sum()))
    empty = shapely.is_empty(shapes)
    found.empty = int(empty.sum())
    found.fixes += [Fix(int(rows[at]), None, None, "empty") for at in np.flatnonzero(empty)]
    drawn = ~empty & ~shapely.is_missing(shapes)
    found.types = {NAMES.get(int(one), "Geometry") for one in np.unique(shapely.get_type_id(shapes[drawn]))}
    bounds = shapely.bounds(shapes[drawn])
    if len(bounds):
        low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
        found.extents = [(float(low[0]), float(low[1]), float(high[0]), float(high[1]))]
    for at in np.flatnonzero(drawn & ~shapely.is_valid(shapes)):
        fix, several = repair(shapes[at], raw[at], int(rows[at]), base)
        found.fixes.append(fix)
        found.invalid += 1
        found.parts |= several
    return found


def _decode(raw: npt.NDArray[np.object_]) -> _Shapes:
    """Give shapes; None for what GEOS cannot hold (curves) or understand."""
    try:
        return np.atleast_1d(shapely.from_wkb(raw, on_invalid="ignore"))
    except NotImplementedError:
        return np.array([_decode_one(one) for one in raw], dtype=object)


def _decode_one(raw: bytes | None) -> shapely.Geometry | None:
    try:
        return shapely.from_wkb(raw, on_invalid="ignore")
    except NotImplementedError:
        return None


def _extent(found: Sequence[tuple[float, float, float, float]]) -> tuple[float, float, float, float] | None:
    if not found:
        return None
    sides = np.array(found)
    low, high = sides[:, :2].min(axis=0), sides[:, 2:].max(axis=0)
    extent = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    return extent if all(np.isfinite(extent)) else None
