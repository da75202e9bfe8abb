"""Geometry as Arrow holds it, in any of its encodings, to WKB."""

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
_UNREADABLE = b"\x01"
"""Stands for a value that is there and is no geometry; the survey of geometries counts it."""
_HAS_SRID = 0x20


@dataclass(frozen=True)
class Encoded:
    """One batch of geometries."""

    wkb: pa.Array
    """WKB of any kind; null where there is none."""
    srids: frozenset[int] = frozenset()
    """Reference systems that PostGIS's own form of WKB names."""


def encode(array: pa.Array, encoding: str) -> Encoded:
    """Give the WKB of one batch. Raises ArrowInvalid or ValueError where it does not fit `encoding`."""
    array = array.storage if isinstance(array, pa.ExtensionArray) else array
    if encoding == "WKB":
        wkb = array.cast(pa.binary())
        if (lengths := pc.binary_length(wkb)) and pc.min(lengths).as_py() == 0:
            wkb = pc.if_else(pc.equal(lengths, 0), pa.scalar(None, pa.binary()), wkb)
        return Encoded(wkb, _srids(wkb))
    if encoding == "WKT":
        texts = np.array(array.cast(pa.string()).to_pylist(), dtype=object)
        shapes = shapely.from_wkt(texts, on_invalid="ignore")
        written = _written(shapes)
        lost = pc.and_(pc.is_null(written), pc.is_valid(array))
        return Encoded(pc.if_else(lost, pa.scalar(_UNREADABLE, pa.binary()), written))
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


def _srids(wkb: pa.Array) -> frozenset[int]:
    """Find the reference systems named inside of geometries."""
    size = len(wkb)
    data = np.frombuffer(wkb.buffers()[2] or b"", np.uint8) if size else np.zeros(0, np.uint8)
    if len(data) < 5:
        return frozenset()
    starts = np.frombuffer(wkb.buffers()[1], np.int32)[wkb.offset : wkb.offset + size].astype(np.int64)
    starts = np.minimum(starts, len(data) - 5)
    marked = data[starts + np.where(data[starts] == 1, 4, 1)] & _HAS_SRID > 0
    if not marked.any():
        return frozenset()
    found = shapely.get_srid(_decoded(wkb.filter(pa.array(marked))))
    return frozenset(np.unique(found).tolist()) - {0, -1}


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
