"""Repair geometries as ST_MakeValid does, so that they fit their layer, and say what was done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import shapely
from shapely.errors import ShapelyError

PARTS = {"Polygon": "MultiPolygon", "LineString": "MultiLineString", "Point": "MultiPoint"}
_COLLECT = {
    "MultiPolygon": shapely.multipolygons,
    "MultiLineString": shapely.multilinestrings,
    "MultiPoint": shapely.multipoints,
}
NAMES = {
    0: "Point", 1: "LineString", 2: "LineString", 3: "Polygon", 4: "MultiPoint", 5: "MultiLineString",
    6: "MultiPolygon", 7: "GeometryCollection",
}  # fmt: skip
"""GEOS's type ids, which are not those of WKB."""


@dataclass(frozen=True)
class Fix:
    """What replaces one row's geometry; None for both where it is merely empty."""

    row: int
    repaired: bytes | None
    original: bytes | None
    reason: str


def repair(shape: shapely.Geometry, raw: bytes, row: int, base: str) -> tuple[Fix, bool]:
    """Repair the geometry of a row whose layer is of type `base`; tell whether that needs several parts."""
    repaired = next((one for one in _repairs(shape) if shapely.is_valid(one)), None)
    fitting = None if repaired is None or shapely.is_empty(repaired) else _fitting(repaired, base)
    several = fitting is not None and _kind(repaired) == PARTS.get(base)
    return Fix(row, fitting, raw, str(shapely.is_valid_reason(shape))), several


def with_parts(fix: Fix, wider: str) -> Fix:
    """Give a repaired geometry the type of those that have several parts."""
    if fix.repaired is None:
        return fix
    shape = shapely.from_wkb(fix.repaired)
    if shape.geom_type == wider:
        return fix
    return Fix(fix.row, _wkb(_COLLECT[wider]([shape])), fix.original, fix.reason)


def warnings(fixes: list[Fix]) -> Iterator[str]:
    """Say which geometries were repaired, left out or empty."""
    broken = [fix for fix in fixes if fix.original is not None]
    repaired = [fix for fix in broken if fix.repaired is not None]
    lost = [fix for fix in broken if fix.repaired is None]
    if repaired:
        yield (
            f"{count(len(repaired))} invalid ({_reason(repaired[0])}; {_rows(repaired)}) and repaired; "
            f"catalogue.original_geometry keeps what was there"
        )
    if lost:
        yield (
            f"{count(len(lost))} invalid ({_reason(lost[0])}; {_rows(lost)}) and left out (NULL), for "
            f"nothing remains once repaired; catalogue.original_geometry keeps what was there"
        )
    if empty := len(fixes) - len(broken):
        yield f"{count(empty)} empty and left out (NULL)"


def count(number: int) -> str:
    """Count geometries at the beginning of a sentence."""
    return "1 geometry was" if number == 1 else f"{number:,} geometries were"


def _reason(fix: Fix) -> str:
    """Give GEOS's reason without the place: 'Self-intersection[2 3]' is 'self-intersection'."""
    return fix.reason.split("[")[0].strip().lower()


def _rows(fixes: list[Fix]) -> str:
    rows = sorted(fix.row for fix in fixes)
    shown = ", ".join(f"{row:,}" for row in rows[:5]) + (
        f" and {len(rows) - 5:,} more" if len(rows) > 5 else ""
    )
    return f"{'row' if len(rows) == 1 else 'rows'} {shown}"


def _repairs(shape: shapely.Geometry) -> Iterator[shapely.Geometry]:
    """Repair one geometry as ST_MakeValid's 'structure' does.

    GEOS 3.14 sometimes gives polygons that share an edge, which is not valid either; then they are united.
    """
    with suppress(ShapelyError):
        repaired = shapely.make_valid(shape, method="structure", keep_collapsed=False)
        yield repaired
        yield shapely.union_all([repaired])


def _fitting(repaired: shapely.Geometry, base: str) -> bytes | None:
    """Encode a repaired geometry to fit the layer's type; None where it collapsed to another kind."""
    kind = _kind(repaired)
    if base in {kind, "Geometry"} or kind == PARTS.get(base):
        return _wkb(repaired)
    return _wkb(_COLLECT[base]([repaired])) if PARTS.get(kind) == base else None


def _kind(shape: shapely.Geometry) -> str:
    return NAMES.get(int(shapely.get_type_id(shape)), "Geometry")


def _wkb(shape: shapely.Geometry) -> bytes:
    return bytes(shapely.to_wkb(shape, byte_order=1, flavor="iso", output_dimension=4))
