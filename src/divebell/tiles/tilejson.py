"""TileJSON 3 of a layer, with what divebell's own map page needs besides."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlencode

from divebell.tiles.boxes import WORLD, intersection
from divebell.tiles.frames import Frame
from divebell.tiles.layers import KINDS, Field, Layer
from divebell.tiles.search import name_columns
from divebell.tiles.style import Style
from divebell.tiles.tile import Drawing

MAX_TILE_ZOOM = 18
"""Maps stretch tiles of this zoom beyond it: 0.04 m a step."""
LISTED_FIELDS = 2000
MANY_ROWS = 20_000
"""From so many rows on a missing index is worth a word."""
NO_INDEX = (
    "Its geometry has no spatial index, so each part of the map looks through the whole table. In SQL: "
    "CREATE INDEX ON {} USING gist ({})."
)
SHAPES = {
    "Point": "point",
    "LineString": "line",
    "CircularString": "line",
    "CompoundCurve": "line",
    "Curve": "line",
    "Polygon": "polygon",
    "CurvePolygon": "polygon",
    "Surface": "polygon",
    "PolyhedralSurface": "polygon",
    "Triangle": "polygon",
    "Tin": "polygon",
}
"""What kind of shape a type of geometry is, without its Multi."""
_CODE = re.compile(
    r"(^|_)(id|fid|gid|ogc_fid|objectid|geoid|fips|code|zip|postcode|lon|lng|lat|longitude|latitude|x|y)\d*$",
    re.IGNORECASE,
)
_CATEGORIES = frozenset({"text", "character varying", "character", "boolean", "citext", "name"})
_TIMES = re.compile("^(date|timestamp|time|interval)")


def tilejson(layer: Layer, drawing: Drawing, *, base: str, style: Style) -> dict[str, Any]:
    """Describe a layer; `base` is the address of the app, `style` what its tiles are asked for."""
    frame = drawing.frame
    query = urlencode(style.parameters())
    bounds = intersection(frame.bounds, WORLD) if frame.bounds else None
    return {
        "tilejson": "3.0.0",
        "name": f"{layer.schema}.{layer.table}",
        "scheme": "xyz",
        "tiles": [f"{base}/tiles/{quote(layer.slug)}/{{z}}/{{x}}/{{y}}.mvt" + (f"?{query}" if query else "")],
        "minzoom": 0,
        "maxzoom": MAX_TILE_ZOOM,
        "bounds": bounds or WORLD,
        "vector_layers": [{"id": layer.slug, "fields": _carried(style)}],
        "divebell": {
            "version": layer.state,
            "reason": frame.reason or (None if bounds else "It has no rows with a geometry yet."),
            "notes": _notes(layer, frame),
            "view": frame.view,
            "geometry": geometry_kind(frame.types),
            "types": frame.types,
            "srid": frame.srid,
            "rows": frame.rows,
            "rows_exact": frame.exact,
            "without_geometry": frame.missing,
            "kind": KINDS[layer.kind],
            "owner": owner(layer.owner),
            "shared": layer.readers.shared,
            "indexed": layer.indexed,
            "whole_from": drawing.plan.whole_from,
            "findable": layer.findable,
            "names": name_columns(layer) if layer.findable else (),
            "fields": [_field(field, layer) for field in layer.fields[:LISTED_FIELDS]],
        },
    }


def geometry_kind(types: tuple[str, ...]) -> str:
    """Say what the rows are drawn as: point, line, polygon, or mixed."""
    kinds = {SHAPES.get(one.removeprefix("Multi"), "mixed") for one in types}
    return kinds.pop() if len(kinds) == 1 else "mixed"


def owner(role: str) -> str | None:
    """Give the name of the person whose role this is; None for the event's own."""
    return role.removeprefix("v_") if role.startswith("v_") else None


def _carried(style: Style) -> dict[str, str]:
    fields = {"count": "rows, where a point stands for a cell (number)"}
    if style.column:
        fields["value"] = f"{style.column}; of a cell its {style.stat}"
    if style.size:
        fields["size"] = f"{style.size} (number); of a cell its {style.stat}"
    return fields


def _notes(layer: Layer, frame: Frame) -> tuple[str, ...]:
    if layer.indexed or layer.kind not in {"r", "m"} or frame.rows < MANY_ROWS:
        return frame.notes
    return (*frame.notes, NO_INDEX.format(f'{layer.schema}."{layer.table}"', f'"{layer.geometry}"'))


def _field(field: Field, layer: Layer) -> dict[str, Any]:
    code = field.name == layer.key or _CODE.search(field.name) is not None
    kind = "other"
    if field.numeric:
        kind = "code" if code else "number"
    elif field.type in _CATEGORIES:
        kind = "code" if code else "category"
    elif _TIMES.match(field.type):
        kind = "time"
    numeric = field.numeric and field.name != layer.key
    return {"name": field.name, "type": field.type, "numeric": numeric, "kind": kind}
