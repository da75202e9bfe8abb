"""Geometry as WKB, over a whole layer: its types, what cannot be used, and how the rest is made alike."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

_NAMES = {
    0: "Geometry", 1: "Point", 2: "LineString", 3: "Polygon", 4: "MultiPoint", 5: "MultiLineString",
    6: "MultiPolygon", 7: "GeometryCollection", 8: "CircularString", 9: "CompoundCurve", 10: "CurvePolygon",
    11: "MultiCurve", 12: "MultiSurface", 15: "PolyhedralSurface", 16: "TIN", 17: "Triangle",
}  # fmt: skip
_PROMOTE = {1: shapely.multipoints, 2: shapely.multilinestrings, 3: shapely.multipolygons}
_FARTHEST = 1e9
"""No coordinate of a place on Earth is larger, in any unit in use."""


@dataclass
class Survey:
    """What all geometries of a layer have in common; grows batch by batch."""

    empty_points: bool = True
    """Whether the format can hold empty points; where it cannot, they are coordinates that are no numbers."""
    rows: int = 0
    codes: set[int] = field(default_factory=set)
    """ISO WKB type codes: 1000 is added for Z, 2000 for M, 3000 for both."""
    plain: int = 0
    """Geometries within the range of degrees."""
    beyond: list[int] = field(default_factory=list)
    """Rows (from 1) that lie beyond the range of degrees."""
    broken: list[int] = field(default_factory=list)
    """Rows with coordinates that are no finite number or no place, or that cannot be decoded."""

    def see(self, wkb: pa.Array) -> None:
        """Take in one batch of geometries."""
        self.codes |= set(np.unique(_codes(wkb)).tolist()) - {-1}
        shapes = _decode(wkb)
        undecoded = shapely.is_missing(shapes) & np.asarray(wkb.is_valid().to_numpy(zero_copy_only=False))
        undecoded |= _half_empty(wkb, shapes, every=not self.empty_points)
        xy, index = shapely.get_coordinates(shapes, return_index=True)
        unusable = ~np.isfinite(xy).all(axis=1) | (np.abs(xy) > _FARTHEST).any(axis=1)
        undecoded[index[unusable]] = True
        with np.errstate(invalid="ignore"):
            far = (np.abs(xy[:, 0]) > 540) | (np.abs(xy[:, 1]) > 90.000001)
        outside = np.zeros(len(shapes), bool)
        outside[index[far]] = True
        outside &= ~undecoded
        self.plain += int((~outside & ~undecoded & ~shapely.is_missing(shapes)).sum())
        self.beyond += (np.flatnonzero(outside) + self.rows + 1).tolist()
        self.broken += (np.flatnonzero(undecoded) + self.rows + 1).tolist()
        self.rows += len(wkb)

    @property
    def looks_like_degrees(self) -> bool:
        """Whether at least half of the geometries lie within the range of longitude and latitude."""
        return self.plain >= len(self.beyond)


@dataclass(frozen=True)
class Plan:
    """How every batch of a layer is made alike."""

    type: str
    promote: int | None
    """The single type (1 point, 2 line, 3 polygon) that becomes its Multi type."""
    lift: bool
    """Whether geometries without a height get 0."""
    rejected: frozenset[int]
    """Rows (from 1) whose geometry is left out."""


def plan(survey: Survey, *, degrees: bool) -> Plan:
    """Choose the layer's type from all its geometries; with `degrees`, reject rows beyond their range."""
    bases = {code % 1000 for code in survey.codes}
    heights = {code // 1000 for code in survey.codes}
    promote = next((single for single in _PROMOTE if bases == {single, single + 3}), None)
    base = promote + 3 if promote else next(iter(bases)) if len(bases) == 1 else 0
    lift = heights == {0, 1}
    dimension = {frozenset({0}): "", frozenset({1}): "Z", frozenset({2}): "M", frozenset({3}): "ZM"}
    suffix = "Z" if lift else dimension.get(frozenset(heights), "")
    rejected = frozenset(survey.broken) | (frozenset(survey.beyond) if degrees else frozenset())
    return Plan(_NAMES.get(base, "Geometry") + suffix, promote, lift, rejected)


def warnings_of(survey: Survey, decided: Plan) -> tuple[str, ...]:
    """Say what was done to the geometries, in a volunteer's words."""
    said = []
    if survey.broken:
        said.append(
            f"{len(survey.broken):,} geometries hold coordinates that are no usable numbers, or cannot be "
            f"decoded; they were left out (rows {_some(survey.broken)})"
        )
    outside = [row for row in survey.beyond if row in decided.rejected]
    if outside:
        said.append(
            f"{len(outside):,} geometries lie beyond the range of longitude and latitude; they were left out "
            f"(rows {_some(outside)})"
        )
    if decided.lift:
        said.append("some geometries have a height and some have none; those without were given 0")
    return tuple(said)


def apply(wkb: pa.Array, decided: Plan, first_row: int) -> pa.Array:
    """Make one batch alike as planned. `first_row` counts from 1. Rows that need nothing keep their bytes."""
    here = [row - first_row for row in decided.rejected if first_row <= row < first_row + len(wkb)]
    if here:
        keep = np.ones(len(wkb), bool)
        keep[here] = False
        wkb = pc.if_else(pa.array(keep), wkb, pa.scalar(None, pa.binary()))
    codes = _codes(wkb)
    if decided.promote is not None:
        wkb = _rewrite(wkb, codes % 1000 == decided.promote, decided.promote)
    if decided.lift:
        wkb = _rewrite(wkb, (codes >= 0) & (codes < 1000), None)
    return wkb


def _rewrite(wkb: pa.Array, chosen: npt.NDArray[np.bool_], promote: int | None) -> pa.Array:
    if not chosen.any():
        return wkb
    shapes = _decode(wkb.filter(pa.array(chosen)))
    if promote is None:
        changed = shapely.force_3d(shapes, z=0.0)
    else:
        changed = _PROMOTE[promote](shapes, indices=np.arange(len(shapes)))
    encoded = shapely.to_wkb(changed, byte_order=1, flavor="iso", output_dimension=4)
    return pc.replace_with_mask(wkb, pa.array(chosen), pa.array(encoded, pa.binary()))


def _decode(wkb: pa.Array) -> npt.NDArray[np.object_]:
    return np.atleast_1d(
        shapely.from_wkb(np.array(wkb.to_numpy(zero_copy_only=False), dtype=object), on_invalid="ignore")
    )


def _half_empty(wkb: pa.Array, shapes: npt.NDArray[np.object_], *, every: bool) -> npt.NDArray[np.bool_]:
    """Find points with one coordinate that is no number; GEOS takes them for empty ones, which have two."""
    found = np.zeros(len(shapes), bool)
    for at in np.flatnonzero(shapely.is_empty(shapes) & (shapely.get_type_id(shapes) == 0)):
        raw = wkb[int(at)].as_py()
        xy = np.frombuffer(raw, "<f8" if raw[0] else ">f8", count=2, offset=5)
        found[at] = every or not np.isnan(xy).all()
    return found


def _codes(wkb: pa.Array) -> npt.NDArray[np.int64]:
    """Read the ISO type code of each WKB; -1 for null. Byte order 1 is little-endian."""
    first = pc.binary_slice(wkb, 0, 5).fill_null(b"\x01\xff\xff\xff\xff")
    raw = np.frombuffer(b"".join(first.to_pylist()), dtype=[("order", "u1"), ("code", "<u4")])
    codes = np.where(raw["order"] == 1, raw["code"], raw["code"].byteswap()).astype(np.int64)
    return np.where(codes == 0xFFFFFFFF, -1, codes)


def _some(rows: list[int]) -> str:
    return ", ".join(f"{row:,}" for row in rows[:10]) + (" and more" if len(rows) > 10 else "")
