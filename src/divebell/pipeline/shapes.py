"""What kinds of geometry a layer holds, read off the first bytes of each WKB value. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

_KINDS = {
    1: "Point",
    2: "LineString",
    3: "Polygon",
    4: "MultiPoint",
    5: "MultiLineString",
    6: "MultiPolygon",
    7: "GeometryCollection",
    8: "CircularString",
    9: "CompoundCurve",
    10: "CurvePolygon",
    11: "MultiCurve",
    12: "MultiSurface",
    15: "PolyhedralSurface",
    16: "TIN",
    17: "Triangle",
}
_DIMENSIONS = ("", "Z", "M", "ZM")
_EWKB_Z, _EWKB_M, _EWKB_BITS = 0x80000000, 0x40000000, 0x0FFFFFFF


@dataclass(frozen=True)
class Shape:
    """The type of a geometry column: `kind` is Geometry where several are mixed."""

    kind: str
    dimensions: str = ""
    mixed_dimensions: bool = False

    @property
    def type(self) -> str:
        """The type as PostGIS writes it, such as MultiPolygonZ."""
        return self.kind + self.dimensions


def shape(declared: str, columns: Iterable[pa.Array]) -> Shape:
    """Give the narrowest type that holds all values of the WKB columns; `declared` where there is none."""
    codes = sorted({int(code) for column in columns for code in np.unique(_codes(column))})
    if not codes:
        return Shape(declared if declared in _KINDS.values() else "Geometry")
    kinds = {_KINDS.get((code & _EWKB_BITS) % 1000, "Geometry") for code in codes}
    has_z = [bool(code & _EWKB_Z) or (code & _EWKB_BITS) // 1000 in {1, 3} for code in codes]
    has_m = [bool(code & _EWKB_M) or (code & _EWKB_BITS) // 1000 in {2, 3} for code in codes]
    kind = kinds.pop() if len(kinds) == 1 else "Geometry"
    mixed = len(set(has_z)) > 1 or len(set(has_m)) > 1
    return Shape(kind, _DIMENSIONS[any(has_z) + 2 * any(has_m)], mixed)


def _codes(column: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """Give the type number of each value, little-endian as readers write it or not."""
    values = column.drop_null()
    if not len(values):
        return np.zeros(0, dtype=np.uint32)
    _, offsets, data = values.buffers()
    starts = np.frombuffer(offsets, dtype=np.int32, count=len(values) + 1, offset=4 * values.offset)
    if int(np.diff(starts).min()) < 5:
        raise ValueError("a geometry is cut short")
    bytes_of = np.frombuffer(data, dtype=np.uint8)
    heads = np.stack([bytes_of[starts[:-1] + place] for place in range(1, 5)], axis=1)
    little = bytes_of[starts[:-1]] == 1
    return np.where(
        little,
        np.ascontiguousarray(heads).view("<u4")[:, 0],
        np.ascontiguousarray(heads).view(">u4")[:, 0],
    ).astype(np.uint32)
