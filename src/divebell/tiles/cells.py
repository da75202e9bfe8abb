"""The SQL of tiles of cells: half-open, the same for every tile of a zoom, each row counted once."""

from __future__ import annotations

from math import nextafter
from typing import Any

from psycopg import sql

from divebell.tiles import sql as layer_sql
from divebell.tiles.boxes import EXTENT, HALF_WORLD, latitude, to_metres
from divebell.tiles.frames import Frame, Kind
from divebell.tiles.layers import Layer
from divebell.tiles.plan import MOST_LARGE, Cells
from divebell.tiles.queries import template
from divebell.tiles.statement import Parameters, Statement
from divebell.tiles.style import Stat, Style

_GATHERED = {
    Stat.MEAN: "sum({n}) AS {n}_total, count({n}) AS {n}_rows",
    Stat.SUM: "sum({n}) AS {n}_total",
    Stat.MIN: "min({n}) AS {n}_low",
    Stat.MAX: "max({n}) AS {n}_high",
    Stat.COUNT: "count({n}) AS {n}_rows",
}
_MERGED = {
    Stat.MEAN: "sum({n}_total) / nullif(sum({n}_rows), 0) AS {n}",
    Stat.SUM: "sum({n}_total) AS {n}",
    Stat.MIN: "min({n}_low) AS {n}",
    Stat.MAX: "max({n}_high) AS {n}",
    Stat.COUNT: "sum({n}_rows)::float8 AS {n}",
}
_COMMONEST = "(array_agg(value ORDER BY n DESC, value) FILTER (WHERE value IS NOT NULL))[1] AS value"


def cells(layer: Layer, frame: Frame, style: Style, how: Cells, *, boxed: bool) -> Statement:
    """Make a tile of cells, and say how many features came whole among them.

    `boxed`: whether to look only at what lies near the tile; where everything does, not to look is faster.
    """
    given = Parameters()
    x, y = middle(layer)
    findable = how.large and layer.findable
    parts = {
        **_geometry(frame, given),
        **_statistics(layer, style),
        "x": x,
        "y": y,
        "values": _values(layer, style),
        "t": layer_sql.relation(layer),
        "where": _where(layer, frame, style, given, boxed=boxed, large=how.large),
        "grid": sql.Literal(how.grid),
        "extent": sql.Literal(EXTENT),
        "step": sql.Literal(EXTENT // how.grid),
        "name": sql.Literal(layer.slug),
        "no_id": sql.SQL("NULL::bigint AS id, " if findable else ""),
        "id_column": sql.SQL(", 'id'" if findable else ""),
        "large": _large(layer, frame, style, given) if how.large else sql.SQL(""),
    }
    name = "projected_cells" if frame.kind is Kind.PROJECTED else "cells"
    return given.statement(template(name).format(**parts))


def arguments(frame: Frame, place: tuple[int, int, int], how: Cells) -> dict[str, Any]:
    """Give the values that a statement of cells takes besides the box and the style's."""
    z, x, y = place
    width, height = cell_size(frame, z, how.grid)
    return {
        "columns": edges(frame, z, x, how.grid),
        "rows": edges(frame, z, y, how.grid, vertical=True),
        "cell_width": width,
        "cell_height": height,
    }


def edges(frame: Frame, z: int, place: int, grid: int, *, vertical: bool = False) -> list[float]:
    """Give the bounds of a tile's columns (or rows) in the layer's own coordinates, rising.

    Neighbouring tiles share theirs to the last bit: each is computed from its number in the whole world.
    """
    total = 2**z * grid
    numbers = range(place * grid, (place + 1) * grid + 1)
    if vertical:
        metres = [HALF_WORLD - 2 * HALF_WORLD * (number / total) for number in reversed(numbers)]
        return metres if frame.kind is Kind.METRES else [latitude(one) for one in metres]
    half = HALF_WORLD if frame.kind is Kind.METRES else 180.0
    return [2 * half * (number / total) - half for number in numbers]


def cell_size(frame: Frame, z: int, grid: int) -> tuple[float, float]:
    """Give width and height of a cell in the layer's own coordinates, the same all over a zoom."""
    share = 1 / (2**z * grid)
    if frame.kind is Kind.DEGREES:
        return 360 * share, 270 * share  # flatter: towards the poles a degree is drawn ever taller
    metres = 2 * HALF_WORLD * share
    if frame.kind is Kind.METRES or frame.bounds is None:
        return metres, metres
    west, south, east, north = to_metres(frame.bounds)
    drawn, own = max(east - west, north - south), frame.domain
    metres *= max(own[2] - own[0], own[3] - own[1]) / drawn if drawn else 1.0
    return metres, metres


def middle(layer: Layer) -> tuple[sql.Composable, sql.Composable]:
    """Give the middle of a row's box; for declared points simply where they are."""
    if layer.type == "Point":
        forms = ("ST_X({g})", "ST_Y({g})")
    else:
        forms = ("ST_XMin({g}) / 2 + ST_XMax({g}) / 2", "ST_YMin({g}) / 2 + ST_YMax({g}) / 2")
    x, y = (sql.SQL(form).format(g=layer_sql.geometry(layer)) for form in forms)
    return x, y


def _geometry(frame: Frame, given: Parameters) -> dict[str, sql.Composable]:
    """Give u and v, in tiles from the world's north west, and what cells are bounded by."""
    size = sql.SQL("(2 ^ {})").format(given("z", "int"))
    parts: dict[str, sql.Composable] = {"tile_x": given("x", "int"), "tile_y": given("y", "int")}
    half = sql.Literal(180.0 if frame.kind is Kind.DEGREES else HALF_WORLD)
    metres = sql.SQL("({h} - {y}) / (2 * {h}) * {size}")
    across = sql.SQL("({x} + {h}) / (2 * {h}) * {size}")
    match frame.kind:
        case Kind.PROJECTED:
            x, y = sql.SQL("ST_X(m)"), sql.SQL("ST_Y(m)")
            parts |= {"width": given("cell_width"), "height": given("cell_height")}
            parts |= {
                "srid": sql.Literal(frame.srid),
                "u": sql.SQL("least({}, {} - 1e-9)").format(across.format(x=x, h=half, size=size), size),
                "v": sql.SQL("least({}, {} - 1e-9)").format(metres.format(y=y, h=half, size=size), size),
            }
            return parts
        case Kind.DEGREES:
            v: sql.Composable = sql.SQL("(1 - asinh(tan(radians(cy))) / pi()) / 2 * {}").format(size)
        case Kind.METRES:
            v = metres.format(y=sql.SQL("cy"), h=half, size=size)
    edge = 180.0 if frame.kind is Kind.DEGREES else HALF_WORLD
    return parts | {
        "u": across.format(x=sql.SQL("cx"), h=half, size=size),
        "v": v,
        "columns": given("columns", "float8[]"),
        "rows": given("rows", "float8[]"),
        "edge": sql.Literal(edge),  # the world's last meridian belongs to its last column
        "last": sql.Literal(nextafter(edge, 0)),
    }


def _statistics(layer: Layer, style: Style) -> dict[str, sql.Composable]:
    """Give what is gathered of rows, how groups are merged, what a cell carries; each with a comma."""
    names = [name for name, column in (("value", style.column), ("size", style.size)) if column]
    category = style.categorical(layer)
    numbers = [name for name in names if not (category and name == "value")]
    gathered = [_GATHERED[style.stat].format(n=name) for name in numbers]
    kept = [part.rpartition(" AS ")[2] for one in gathered for part in one.split(", ")]
    merged = [_COMMONEST] * category + [_MERGED[style.stat].format(n=name) for name in numbers]
    return {
        "category": _listed(["value"] * category),
        "gathered": _listed(gathered),
        "merging": _listed(["value"] * category + kept),
        "merged": _listed(merged),
        "carried": _listed(names),
    }


def _values(layer: Layer, style: Style) -> sql.Composable:
    chosen: sql.Composable = sql.SQL("")
    if style.column:
        chosen = chosen + sql.SQL(", {} AS value").format(layer_sql.value(layer, style))
    if style.size:
        chosen = chosen + sql.SQL(", {} AS size").format(layer_sql.number(style.size))
    return chosen


def _where(
    layer: Layer, frame: Frame, style: Style, given: Parameters, *, boxed: bool, large: bool
) -> sql.Composable:
    g = layer_sql.geometry(layer)
    condition = sql.SQL("{} && {}").format(g, layer_sql.box(frame, given)) if boxed else sql.SQL("true")
    if large:
        small = sql.SQL(" AND ({} > {}) IS NOT TRUE").format(_across(layer), given("cell_width"))
        condition = condition + small
    return condition + layer_sql.wanted(style, given)


def _across(layer: Layer) -> sql.Composable:
    """Give the longer side of a row's box."""
    sides = sql.SQL("greatest(ST_XMax({g}) - ST_XMin({g}), ST_YMax({g}) - ST_YMin({g}))")
    return sides.format(g=layer_sql.geometry(layer))


def _large(layer: Layer, frame: Frame, style: Style, given: Parameters) -> sql.Composable:
    return template("large").format(
        id=sql.SQL("{} AS id, ").format(layer_sql.row_id(layer)) if layer.findable else sql.SQL(""),
        statistics=_values(layer, style),
        shape=layer_sql.shape(layer, frame, given),
        t=layer_sql.relation(layer),
        g=layer_sql.geometry(layer),
        box=layer_sql.box(frame, given),
        extent=_across(layer),
        width=given("cell_width"),
        wanted=layer_sql.wanted(style, given),
        most=sql.Literal(MOST_LARGE + 1),
    )


def _listed(parts: list[str]) -> sql.Composable:
    return sql.SQL("").join([sql.SQL(f", {part}") for part in parts])
