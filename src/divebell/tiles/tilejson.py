"""TileJSON 3 of a layer, with what divebell's own map page needs besides."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from divebell.tiles.boxes import WORLD, intersection
from divebell.tiles.frames import Frame
from divebell.tiles.layers import Layer

MAX_TILE_ZOOM = 18
"""Maps stretch tiles of this zoom beyond it: 0.04 m a step."""
LISTED_FIELDS = 2000


def tilejson(layer: Layer, frame: Frame, *, base: str, column: str | None) -> dict[str, Any]:
    """Describe a layer; `base` is the address of the app, `column` the one its tiles carry as `value`."""
    query = f"?{urlencode({'column': column})}" if column else ""
    name = quote(layer.slug)
    fields = {"value": f"{column} (number)"} if column else {}
    bounds = intersection(frame.bounds, WORLD) if frame.bounds else None
    return {
        "tilejson": "3.0.0",
        "name": f"{layer.schema}.{layer.table}",
        "scheme": "xyz",
        "tiles": [f"{base}/tiles/{name}/{{z}}/{{x}}/{{y}}.mvt{query}"],
        "minzoom": 0,
        "maxzoom": MAX_TILE_ZOOM,
        "bounds": bounds or WORLD,
        "vector_layers": [
            {"id": layer.slug, "fields": {**fields, "count": "rows, in tiles that are aggregated (number)"}}
        ],
        "divebell": {
            "reason": frame.reason or (None if bounds else "It has no rows with a geometry yet."),
            "notes": frame.notes,
            "view": frame.view,
            "types": frame.types,
            "srid": frame.srid,
            "rows": frame.rows,
            "rows_exact": frame.exact,
            "without_geometry": frame.missing,
            "findable": layer.key is not None or layer.has_ctid,
            "fields": [
                {"name": field.name, "type": field.type, "numeric": field.numeric and field.name != layer.key}
                for field in layer.fields[:LISTED_FIELDS]
            ],
        },
    }
