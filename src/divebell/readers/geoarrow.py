"""Geometry as Arrow holds it, in any of its encodings, to little-endian ISO WKB."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

_Ints = npt.NDArray[np.int64]
_TYPES = {
    "point": shapely.GeometryType.POINT,
    "linestring": shapely.GeometryType.LINESTRING,
    "polygon": shapely.GeometryType.POLYGON,
    "multipoint": shapely.GeometryType.MULTIPOINT,
    "multilinestring": shapely.GeometryType.MULTILINESTRING,
    "multipolygon": shapely.GeometryType.MULTIPOLYGON,
}
NATIVE = frozenset(_TYPES)
"""The encodings that hold coordinates as lists of numbers."""
_SHORTEST = 9
"""Bytes of the shortest WKB: an empty geometry's order, type and number of parts."""


@dataclass(frozen=True)
class Encoded:
    """One batch of geometries."""

    wkb: pa.Array
    """Little-endian ISO WKB; null where there is none or it cannot be decoded."""
    broken: tuple[int, ...] = ()
    """Positions of values that are no WKB at all."""
    srids: frozenset[int] = frozenset()
    """Reference systems that PostGIS's own form of WKB names."""


def encode(array: pa.Array, encoding: str) -> Encoded:
    """Give the WKB of one batch. Raises ArrowInvalid or ValueError where it does not fit `encoding`."""
    array = array.storage if isinstance(array, pa.ExtensionArray) else array
    if encoding == "WKB":
        return _plain(array.cast(pa.binary()))
    if encoding == "WKT":
        texts = np.array(array.cast(pa.string()).to_pylist(), dtype=object)
        shapes = shapely.from_wkt(texts, on_invalid="ignore")
        there = array.is_valid().to_numpy(zero_copy_only=False)
        return Encoded(_written(shapes), tuple(np.flatnonzero(shapely.is_missing(shapes) & there).tolist()))
    return Encoded(_drawn(array, encoding))


def is_wkb(array: pa.Array) -> bool:
    """Whether most of the values that are there can be decoded as WKB."""
    there = array.drop_null().cast(pa.binary())
    return not len(there) or int(shapely.is_missing(_decoded(there)).sum()) * 2 <= len(there)


def wkt(encoded: Encoded) -> pa.Array:
    """Write geometries as exact WKT, curves as hexadecimal WKB; PostgreSQL reads both as geometry."""
    shapes = _decoded(encoded.wkb)
    texts = shapely.to_wkt(shapes, rounding_precision=-1)
    values = encoded.wkb.to_pylist()
    return pa.array(
        [
            text if text is not None else raw and raw.hex().upper()
            for text, raw in zip(np.atleast_1d(texts), values, strict=True)
        ],
        pa.string(),
    )


def _plain(wkb: pa.Array) -> Encoded:
    lengths = pc.fill_null(pc.binary_length(wkb), 0).to_numpy(zero_copy_only=False)
    broken = np.flatnonzero((lengths > 0) & (lengths < _SHORTEST))
    if (lengths < _SHORTEST).any() and (wkb.null_count < len(wkb)):
        wkb = pc.if_else(pa.array(lengths >= _SHORTEST), wkb, pa.scalar(None, pa.binary()))
    orders, codes = _heads(wkb)
    odd = (lengths >= _SHORTEST) & ((orders != 1) | (codes >= 4000) | (codes % 1000 > 17))
    if not odd.any():
        return Encoded(wkb, tuple(broken.tolist()))
    mask = pa.array(odd)
    shapes = _decoded(wkb.filter(mask))
    broken = np.sort(np.append(broken, np.flatnonzero(odd)[shapely.is_missing(shapes)]))
    srids = frozenset(np.unique(shapely.get_srid(shapes)).tolist()) - {0, -1}
    return Encoded(pc.replace_with_mask(wkb, mask, _written(shapes)), tuple(broken.tolist()), srids)


def _heads(wkb: pa.Array) -> tuple[npt.NDArray[np.uint8], _Ints]:
    """Read byte order and type (taken as little-endian) of each value; of nulls whatever stands there."""
    offsets, data = (
        np.frombuffer(wkb.buffers()[at] or b"", kind) for at, kind in ((1, np.int32), (2, np.uint8))
    )
    if not len(data):
        return np.ones(len(wkb), np.uint8), np.zeros(len(wkb), np.int64)
    starts = offsets[wkb.offset : wkb.offset + len(wkb)].astype(np.int64)
    raw = [data[np.minimum(starts + step, len(data) - 1)] for step in range(5)]
    codes = np.zeros(len(wkb), np.int64)
    for step, part in enumerate(raw[1:]):
        codes |= part.astype(np.int64) << (8 * step)
    return np.asarray(raw[0], np.uint8), codes


def _decoded(wkb: pa.Array) -> npt.NDArray[np.object_]:
    raw = np.array(wkb.to_numpy(zero_copy_only=False), dtype=object)
    return np.atleast_1d(shapely.from_wkb(raw, on_invalid="ignore"))


def _written(shapes: npt.NDArray[np.object_]) -> pa.Array:
    written = shapely.to_wkb(shapes, byte_order=1, flavor="iso", output_dimension=4, include_srid=False)
    return pa.array(np.atleast_1d(written), pa.binary())


def _drawn(array: pa.Array, encoding: str) -> pa.Array:
    """Draw geometries from lists of coordinates."""
    there = array.is_valid().to_numpy(zero_copy_only=False)
    part = array.filter(array.is_valid())
    offsets: list[_Ints] = []
    while pa.types.is_list(part.type) or pa.types.is_large_list(part.type):
        starts = part.offsets.to_numpy().astype(np.int64)
        offsets.append(starts - starts[0] if len(starts) else starts)
        part = part.flatten()
    xy = _coordinates(part)
    shapes = np.full(len(array), None, dtype=object)
    if encoding == "point":
        shapes[there] = shapely.points(xy)
    else:
        shapes[there] = shapely.from_ragged_array(_TYPES[encoding], xy, tuple(reversed(offsets)))
    return _written(shapes)


def _coordinates(array: pa.Array) -> npt.NDArray[np.float64]:
    """Give an array of coordinates, which come column by column or one after the other."""
    if pa.types.is_struct(array.type):
        columns = [one.cast(pa.float64()).to_numpy(zero_copy_only=False) for one in array.flatten()]
        return np.column_stack(columns)
    width = array.type.list_size
    return np.asarray(array.flatten().cast(pa.float64()).to_numpy(zero_copy_only=False)).reshape(-1, width)
