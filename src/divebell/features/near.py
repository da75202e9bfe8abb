"""Turn the boxes of a request into boxes in a layer's own coordinates, which its index understands."""

from __future__ import annotations

from typing import Any

import asyncpg
from psycopg import sql

from divebell.features.sql import Near
from divebell.tiles.boxes import MAX_LATITUDE, Box, finite, intersection, to_metres, widened
from divebell.tiles.frames import SANE_METRES, Frame, Kind

STEPS = 64
"""Pieces along the longer side of a box: its sides are curves in another system."""
SLACK = 0.01
"""Degrees by which systems of degrees may differ from each other."""


async def near(connection: Any, frame: Frame, boxes: tuple[Box, ...] | None) -> tuple[Near, ...] | None:
    """Give each box as the layer's index needs it; boxes that nothing can lie in are left out."""
    if boxes is None:
        return None
    found = [await _near(connection, frame, box) for box in boxes]
    return tuple(one for one in found if one is not None)


async def _near(connection: Any, frame: Frame, box: Box) -> Near | None:
    if frame.kind is Kind.DEGREES:
        slack = 0.0 if frame.srid == 4326 else SLACK
        return Near(box, (box[0] - slack, box[1] - slack, box[2] + slack, box[3] + slack))
    if frame.kind is Kind.METRES:
        return Near(box, _metres(box))
    if frame.bounds is None:
        return None
    there = intersection(box, widened(frame.bounds, 0.01))
    if there is None:
        return None
    step = max(there[2] - there[0], there[3] - there[1]) / STEPS or 1.0
    try:
        row = await connection.fetchrow(_project(frame), *there, step)
    except asyncpg.PostgresError:  # part of the box is outside the projection: look at everything
        return Near(box, frame.domain)
    own = (row[0], row[1], row[2], row[3])
    return Near(box, widened(own, 0.001) if None not in own and finite(own) else frame.domain)


def _metres(box: Box) -> Box:
    """Give a box in Web Mercator, whose map ends before the poles, though a table need not."""
    west, south, east, north = to_metres(box)
    return (
        west - 1,
        SANE_METRES[1] if box[1] <= -MAX_LATITUDE else south - 1,
        east + 1,
        SANE_METRES[3] if box[3] >= MAX_LATITUDE else north + 1,
    )


def _project(frame: Frame) -> str:
    query = sql.SQL(
        "SELECT ST_XMin(b), ST_YMin(b), ST_XMax(b), ST_YMax(b) FROM (SELECT ST_Transform(ST_Segmentize("
        "ST_MakeEnvelope($1::float8, $2::float8, $3::float8, $4::float8, 4326), $5::float8), {}::int) AS b) p"
    )
    return query.format(sql.Literal(frame.srid)).as_string()
