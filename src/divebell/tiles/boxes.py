"""Boxes of tiles, in metres of Web Mercator and in degrees. Pure arithmetic: PostGIS is not asked."""

from __future__ import annotations

from math import atan, cos, degrees, inf, isfinite, log, pi, radians, sinh, tan

Box = tuple[float, float, float, float]
"""west, south, east, north."""

HALF_WORLD = 20037508.342789244
"""Half the width of Web Mercator (EPSG:3857) in metres."""
MAX_LATITUDE = 85.0511287798066
EXTENT = 4096
BUFFER = 64
"""A tile runs from 0 to EXTENT, and BUFFER more on each side, so that circles are not cut at seams."""
MAX_ZOOM = 22
WORLD: Box = (-180.0, -MAX_LATITUDE, 180.0, MAX_LATITUDE)


def tile_box(z: int, x: int, y: int, *, margin: float = 0.0) -> Box:
    """Give a tile's box in EPSG:3857, widened by `margin` tile widths and kept within the world's height."""
    width = 2 * HALF_WORLD / 2**z
    west, north = x * width - HALF_WORLD, HALF_WORLD - y * width
    extra = margin * width
    return (
        max(west - extra, -HALF_WORLD),
        max(north - width - extra, -HALF_WORLD),
        min(west + width + extra, HALF_WORLD),
        min(north + extra, HALF_WORLD),
    )


def in_range(z: int, x: int, y: int) -> bool:
    """Say whether such a tile exists."""
    return 0 <= z <= MAX_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z


def to_degrees(box: Box) -> Box:
    """Turn a box in EPSG:3857 into longitudes and latitudes. Nothing flips at the antimeridian."""
    west, south, east, north = box
    return _longitude(west), latitude(south), _longitude(east), latitude(north)


def to_metres(box: Box) -> Box:
    """Turn a box of longitudes and latitudes into EPSG:3857, cut at the latitudes the map ends at."""
    west, south, east, north = box
    return _x(west), _y(south), _x(east), _y(north)


def intersection(one: Box, other: Box) -> Box | None:
    """Give the box both share (touching counts), or None."""
    west, south = max(one[0], other[0]), max(one[1], other[1])
    east, north = min(one[2], other[2]), min(one[3], other[3])
    return (west, south, east, north) if west <= east and south <= north else None


def widened(box: Box, share: float) -> Box:
    """Widen a box by a share of its size on each side; a box without size by the same amount in its units."""
    dx = (box[2] - box[0]) * share or share
    dy = (box[3] - box[1]) * share or share
    return box[0] - dx, box[1] - dy, box[2] + dx, box[3] + dy


def union(boxes: list[Box]) -> Box:
    """Give the box around all `boxes`."""
    west, south, east, north = inf, inf, -inf, -inf
    for box in boxes:
        west, south = min(west, box[0]), min(south, box[1])
        east, north = max(east, box[2]), max(north, box[3])
    return west, south, east, north


def finite(box: Box) -> bool:
    """Say whether every side is an ordinary number."""
    return all(isfinite(side) for side in box)


def _longitude(x: float) -> float:
    return x / HALF_WORLD * 180


def latitude(y: float) -> float:
    """Turn metres north of the equator into a latitude."""
    return degrees(atan(sinh(y / HALF_WORLD * pi)))


def _x(longitude: float) -> float:
    return longitude / 180 * HALF_WORLD


def _y(latitude: float) -> float:
    bounded = radians(max(-MAX_LATITUDE, min(MAX_LATITUDE, latitude)))
    return log(tan(bounded) + 1 / cos(bounded)) / pi * HALF_WORLD
