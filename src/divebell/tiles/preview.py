"""A small picture of a layer as SVG: its shapes, simplified until they fit a card."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psycopg import sql as composed

from divebell.tiles import sql
from divebell.tiles.boxes import WORLD, Box, intersection, to_degrees, to_metres
from divebell.tiles.frames import Frame, Kind
from divebell.tiles.layers import Layer
from divebell.tiles.queries import template
from divebell.tiles.statement import Parameters, Statement

WIDTH, HEIGHT = 320, 200
PADDING = 8
MOST_SHAPES = 4000
"""Shapes drawn; of more, random ones."""
MOST_BYTES = 300_000

_PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" role="img">'
    '<g fill="#4c8f9e" fill-opacity=".35" stroke="#2f7686" stroke-width=".7" stroke-linejoin="round">'
    "{areas}</g>"
    '<path fill="none" stroke="#2f7686" stroke-width="1.2" stroke-linecap="round" d="{lines}"/>'
    '<path fill="none" stroke="#2f7686" stroke-opacity=".6" stroke-width="3" stroke-linecap="round"'
    ' d="{points}"/>'
    "</svg>"
)


async def draw(pool: Any, layer: Layer, frame: Frame) -> str:
    """Draw a layer. A layer that cannot be drawn gives an empty picture."""
    view = intersection(frame.view, WORLD) if frame.view else None
    if frame.reason or view is None:
        return picture([])
    window = fitted(to_metres(view))
    share = min(1.0, 1.5 * MOST_SHAPES / max(frame.rows, 1))
    values = dict(zip(("west", "south", "east", "north"), filter_box(frame, window), strict=True))
    values |= dict(zip(("left", "top", "pixels"), scale(window), strict=True)) | {"share": share}
    statement = shapes_sql(layer, frame)
    rows = await pool.fetch(statement.text, *statement.arguments(values))
    return picture((row["dimension"], row["path"]) for row in rows)


def fitted(box: Box) -> Box:
    """Widen a box in metres to the picture's shape, at least a hundred metres across."""
    west, south, east, north = box
    across, up = WIDTH - 2 * PADDING, HEIGHT - 2 * PADDING
    metres = max((east - west) / across, (north - south) / up, 100 / across)
    x, y = (west + east) / 2, (south + north) / 2
    return x - metres * WIDTH / 2, y - metres * HEIGHT / 2, x + metres * WIDTH / 2, y + metres * HEIGHT / 2


def scale(window: Box) -> tuple[float, float, float]:
    """Give the picture's west and north in metres, and pixels a metre."""
    return window[0], window[3], WIDTH / (window[2] - window[0])


def filter_box(frame: Frame, window: Box) -> Box:
    """Give the picture's box in the layer's own coordinates; all of a projected layer."""
    match frame.kind:
        case Kind.METRES:
            return window
        case Kind.DEGREES:
            return to_degrees(window)
        case Kind.PROJECTED:
            return frame.domain


def picture(shapes: Iterable[tuple[int, str]]) -> str:
    """Put (dimension, path) together, up to a bound on the picture's size."""
    parts: dict[int, list[str]] = {0: [], 1: [], 2: []}
    size = 0
    for dimension, path in shapes:
        size += len(path)
        if size > MOST_BYTES:
            break
        parts[dimension].append(path)
    areas = "".join(f'<path d="{path}"/>' for path in parts[2])
    return _PICTURE.format(w=WIDTH, h=HEIGHT, areas=areas, lines="".join(parts[1]), points="".join(parts[0]))


def shapes_sql(layer: Layer, frame: Frame) -> Statement:
    """Give shapes as SVG paths in pixels."""
    given = Parameters()
    composed_ = template("preview").format(
        shape=sql.drawable(layer, frame, given),
        t=sql.relation(layer),
        g=sql.geometry(layer),
        box=sql.box(frame, given),
        most=composed.Literal(MOST_SHAPES),
        left=given("left"),
        top=given("top"),
        pixels=given("pixels"),
        share=given("share"),
    )
    return given.statement(composed_)
