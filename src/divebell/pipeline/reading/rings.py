"""Tell at a glance, for thousands of polygons at once, which are certainly valid.

GEOS needs some 10 microseconds for a polygon; most polygons of large files - buildings, parcels, blocks, grid
cells, buffers - need no such care, for they go once round a point inside them. A polygon without holes whose
vertices all turn the same way round one point, once, cannot cross itself (it is star-shaped; Preparata and
Shamos, Computational Geometry, 1985, section 2.2). Whatever this does not show is left to GEOS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_RING = [("order", "u1"), ("type", "<u4"), ("rings", "<u4"), ("vertices", "<u4")]
_SINGLE = np.dtype(_RING)
_MULTI = np.dtype([("outer", "u1"), ("kind", "<u4"), ("parts", "<u4"), *_RING])
_POLYGON, _MULTIPOLYGON = 3, 6
_SHORTEST = _SINGLE.itemsize + 4 * 16
"""A triangle, closed."""
_ERROR = 16 * np.finfo(np.float64).eps
_Floats = npt.NDArray[np.float64]
_Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Glance:
    """Which rows of a batch are certainly valid polygons, and the extent of these."""

    valid: _Bools
    extent: tuple[float, float, float, float]


def glance(wkb: pa.Array) -> Glance | None:
    """Look at a batch of WKB; None where nothing in it is certain."""
    _, offsets, data = wkb.buffers()
    if data is None:
        return None
    bounds = np.frombuffer(offsets, np.int32, len(wkb) + 1, 4 * wkb.offset).astype(np.int64)
    heads = _heads(wkb, bounds, np.frombuffer(data, np.uint8))
    plain = np.flatnonzero(heads)
    if not len(plain):
        return None
    starts, ends = bounds[plain] + heads[plain], bounds[plain + 1]
    view = memoryview(data)
    joined = b"".join([view[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)])
    corners = np.frombuffer(joined, "<f8").reshape(-1, 2)
    firsts = np.concatenate(([0], np.cumsum((ends - starts) // 16)[:-1]))
    stars, extent = _stars(corners, firsts)
    if not stars.any():
        return None
    valid = np.zeros(len(wkb), bool)
    valid[plain[stars]] = True
    return Glance(valid, extent)


def _heads(
    wkb: pa.Array, bounds: npt.NDArray[np.int64], data: npt.NDArray[np.uint8]
) -> npt.NDArray[np.int64]:
    """Where the corners begin in each row that is one little-endian ring in two dimensions; else 0."""
    heads = np.zeros(len(wkb), np.int64)
    lengths = np.diff(bounds)
    long = lengths >= _SHORTEST
    if wkb.null_count:
        long &= np.asarray(wkb.is_valid().to_numpy(zero_copy_only=False))
    rows = np.flatnonzero(long)
    raw = data[bounds[:-1][rows, None] + np.arange(_MULTI.itemsize)]
    multi = np.ascontiguousarray(raw).view(_MULTI)[:, 0]
    single = np.ascontiguousarray(raw[:, : _SINGLE.itemsize]).view(_SINGLE)[:, 0]
    one = (multi["outer"] == 1) & (multi["kind"] == _MULTIPOLYGON) & (multi["parts"] == 1)
    heads[rows[_is_ring(single, lengths[rows])]] = _SINGLE.itemsize
    heads[rows[one & _is_ring(multi, lengths[rows])]] = _MULTI.itemsize
    return heads


def _is_ring(head: npt.NDArray[np.void], lengths: npt.NDArray[np.int64]) -> _Bools:
    fits = (head["order"] == 1) & (head["type"] == _POLYGON) & (head["rings"] == 1)
    whole = lengths == head.dtype.itemsize + 16 * head["vertices"].astype(np.int64)
    return np.asarray(fits & whole)


def _stars(
    corners: _Floats, firsts: npt.NDArray[np.int64]
) -> tuple[_Bools, tuple[float, float, float, float]]:
    """Which closed rings go once round the mean of their corners, and the extent of those."""
    counts = np.diff(np.append(firsts, len(corners)))
    lasts = firsts + counts - 1
    with np.errstate(invalid="ignore", over="ignore"):
        means = np.add.reduceat(corners, firsts, axis=0) / counts[:, None]
        x, y = (corners - np.repeat(means, counts, axis=0)).T
        ahead, back = x[:-1] * y[1:], x[1:] * y[:-1]
        turn = ahead - back
        # A sign is believed only beyond what rounding may have done to the differences and the products.
        size = np.abs(x) + np.abs(y)
        largest = float(np.abs(corners).max())
        doubt = _ERROR * (np.abs(ahead) + np.abs(back) + largest * (size[:-1] + size[1:]))
        left, right = _all(turn > doubt, firsts, lasts), _all(turn < -doubt, firsts, lasts)
        rises = (y[:-1] < 0) & (y[1:] >= 0)
        falls = (y[:-1] >= 0) & (y[1:] < 0)
    once = (_count(rises, firsts, lasts) == 1) & (_count(falls, firsts, lasts) == 1)
    closed = (corners[firsts] == corners[lasts]).all(axis=1)
    stars = (left | right) & once & closed
    low = np.minimum.reduceat(corners, firsts, axis=0)[stars]
    high = np.maximum.reduceat(corners, firsts, axis=0)[stars]
    if not len(low):
        return stars, (0.0, 0.0, 0.0, 0.0)
    (west, south), (east, north) = low.min(axis=0), high.max(axis=0)
    return stars, (float(west), float(south), float(east), float(north))


def _all(steps: _Bools, firsts: npt.NDArray[np.int64], lasts: npt.NDArray[np.int64]) -> _Bools:
    """Whether a thing holds for every step within each ring; the step from one ring to the next is none."""
    return np.asarray(_count(steps, firsts, lasts) == lasts - firsts)


def _count(
    steps: _Bools, firsts: npt.NDArray[np.int64], lasts: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    counted = np.concatenate(([0], np.cumsum(steps, dtype=np.int64)))
    return np.asarray(counted[lasts] - counted[firsts])
