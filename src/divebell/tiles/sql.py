"""The SQL of layers, whole tiles and features: composed, never formatted. Pure."""

from __future__ import annotations

from psycopg import sql

from divebell.tiles.boxes import BUFFER, EXTENT, HALF_WORLD, Box
from divebell.tiles.frames import Frame, Kind
from divebell.tiles.layers import Layer
from divebell.tiles.plan import MOST_ROWS
from divebell.tiles.queries import template
from divebell.tiles.statement import Parameters, Statement
from divebell.tiles.style import Style

CARRIED_FIELDS = 16
"""Attributes in the tiles of a layer whose rows cannot be asked for again one by one (views)."""
LONGEST_TEXT = 200
_OURS = frozenset({"id", "value", "size", "count", "geom"})
_CURVED = {"CircularString", "CompoundCurve", "CurvePolygon", "MultiCurve", "MultiSurface"}


def relation(layer: Layer) -> sql.Composable:
    """Name the layer's relation."""
    return sql.Identifier(layer.schema, layer.table)


def geometry(layer: Layer) -> sql.Composable:
    """Give the layer's geometry as the filter's operator must see it."""
    column = sql.SQL("t.{}").format(sql.Identifier(layer.geometry))
    return sql.SQL("{}::geometry").format(column) if layer.geography else column


def number(column: str | None) -> sql.Composable:
    """Give a column as a double, NULL where it is no number that can be summed (NaN, beyond 1e300)."""
    if column is None:
        return sql.SQL("NULL::float8")
    value = sql.SQL("t.{}").format(sql.Identifier(column))
    return sql.SQL("CASE WHEN {v} BETWEEN -1e300 AND 1e300 THEN {v}::float8 END").format(v=value)


def words(column: str) -> sql.Composable:
    """Give a column as text, cut short."""
    return sql.SQL("left(t.{}::text, {})").format(sql.Identifier(column), sql.Literal(LONGEST_TEXT))


def value(layer: Layer, style: Style) -> sql.Composable:
    """Give the styled column: a number, or text."""
    if style.column is not None and style.categorical(layer):
        return words(style.column)
    return number(style.column)


def wanted(style: Style, given: Parameters) -> sql.Composable:
    """Give the condition, with its AND, that leaves out the rows a map does not show."""
    parts: list[sql.Composable] = []
    if style.chooser and (style.low is not None or style.high is not None):
        between = sql.SQL("{} BETWEEN {} AND {}")
        parts.append(between.format(number(style.chooser), given("low"), given("high")))
    if style.chooser and style.only:
        parts.append(sql.SQL("{} = ANY ({})").format(words(style.chooser), given("only", "text[]")))
    return sql.SQL("").join([sql.SQL(" AND ") + part for part in parts])


def row_id(layer: Layer) -> sql.Composable:
    """Give a whole number that finds a row again: its key, else its place in the table, else nothing."""
    if layer.key is not None:
        return sql.SQL("t.{}::bigint").format(sql.Identifier(layer.key))
    if layer.has_ctid:
        place = "(t.ctid::text::point)"
        return sql.SQL(f"(({place})[0]::bigint * 65536 + ({place})[1]::bigint)")
    return sql.SQL("NULL::bigint")


def box(frame: Frame, given: Parameters) -> sql.Composable:
    """Give the filter's box in the layer's own coordinates."""
    sides = [given(side) for side in ("west", "south", "east", "north")]
    return sql.SQL("ST_MakeEnvelope({}, {}, {}, {}, {})").format(*sides, sql.Literal(frame.srid))


def whole(layer: Layer, frame: Frame, style: Style) -> Statement:
    """Make a tile of every feature, and say how many rows its box holds."""
    given = Parameters()
    composed = template("whole").format(
        name=sql.Literal(layer.slug),
        extent=sql.Literal(EXTENT),
        id_column=sql.SQL(", 'id'" if layer.findable else ""),
        attributes=_attributes(layer, style),
        shape=shape(layer, frame, given),
        t=relation(layer),
        g=geometry(layer),
        box=box(frame, given),
        wanted=wanted(style, given),
        most=sql.Literal(MOST_ROWS + 1),
    )
    return given.statement(composed)


def shape(layer: Layer, frame: Frame, given: Parameters) -> sql.Composable:
    """Give a row's geometry in the tile's own units."""
    if layer.type == "Point" and (frame.kind is Kind.METRES or frame.srid == 4326):
        return _spot(layer, frame, given)
    return sql.SQL(
        "ST_AsMVTGeom(ST_Transform({shape}, 3857), ST_TileEnvelope({z}, {x}, {y}), {extent}, {buffer}, true)"
    ).format(
        shape=drawable(layer, frame, given),
        z=given("z", "int"),
        x=given("x", "int"),
        y=given("y", "int"),
        extent=sql.Literal(EXTENT),
        buffer=sql.Literal(BUFFER),
    )


def _spot(layer: Layer, frame: Frame, given: Parameters) -> sql.Composable:
    """Give a point in the tile's own units by arithmetic, at a quarter of the cost of projecting it."""
    across = sql.SQL("(ST_X({g}) + {half}) / {whole}")
    down = sql.SQL("({half} - ST_Y({g})) / {whole}")
    half = HALF_WORLD
    if frame.kind is Kind.DEGREES:
        down, half = sql.SQL("(1 - asinh(tan(radians(ST_Y({g})))) / pi()) / 2"), 180.0
    place = {"g": geometry(layer), "half": sql.Literal(half), "whole": sql.Literal(2 * half)}
    pixels = [
        sql.SQL("round(({} * (2 ^ {}) - {}) * {})").format(
            side.format(**place), given("z", "int"), given(axis, "int"), sql.Literal(EXTENT)
        )
        for side, axis in ((across, "x"), (down, "y"))
    ]
    near = [sql.SQL("{} BETWEEN {} AND {}").format(one, -BUFFER, EXTENT + BUFFER) for one in pixels]
    shown = sql.SQL("CASE WHEN {} THEN ST_MakePoint({}, {}) END")  # NaN is beyond every number
    return shown.format(sql.SQL(" AND ").join(near), *pixels)


def project_box(frame: Frame) -> str:
    """Turn a box in metres ($1-$4, vertices at most $5 metres apart) into the layer's own coordinates."""
    query = sql.SQL(
        "SELECT ST_XMin(b), ST_YMin(b), ST_XMax(b), ST_YMax(b) FROM (SELECT ST_Transform("
        "ST_Segmentize(ST_MakeEnvelope($1::float8, $2::float8, $3::float8, $4::float8, 3857), $5::float8),"
        " {srid}::int) AS b) projected"
    )
    return query.format(srid=sql.Literal(frame.srid)).as_string()


def feature(layer: Layer, frame: Frame) -> str | None:
    """Give one row's attributes as text, in the table's order, and its box; $1 is its id.

    None: the layer's rows cannot be found again.
    """
    condition = found_by_id(layer)
    if condition is None:
        return None
    names = sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(field.name)) for field in layer.fields)
    return (
        template("feature")
        .format(names=names, t=relation(layer), condition=condition, bounds=bounds(layer, frame))
        .as_string()
    )


def found_by_id(layer: Layer) -> sql.Composable | None:
    """Give the condition that finds a row by its id, $1."""
    if layer.key is not None:
        return sql.SQL("t.{} = $1::bigint").format(sql.Identifier(layer.key))
    if layer.has_ctid:
        return sql.SQL("t.ctid = format('(%s,%s)', $1::bigint / 65536, $1::bigint % 65536)::tid")
    return None


def bounds(layer: Layer, frame: Frame) -> sql.Composable:
    """Give a row's box in its own coordinates, as four numbers."""
    sides = sql.SQL("ARRAY[ST_XMin({g}), ST_YMin({g}), ST_XMax({g}), ST_YMax({g})]::float8[]")
    return sides.format(g=geometry(layer)) if frame.bounds else sql.SQL("NULL::float8[]")


def _attributes(layer: Layer, style: Style) -> sql.Composable:
    parts: list[sql.Composable] = []
    if style.column:
        parts.append(sql.SQL("{} AS value").format(value(layer, style)))
    if style.size:
        parts.append(sql.SQL("{} AS size").format(number(style.size)))
    if layer.findable:
        parts.append(sql.SQL("{} AS id").format(row_id(layer)))
    else:
        carried = [field for field in layer.fields if field.name not in _OURS]
        parts += [
            sql.SQL("{} AS {}").format(words(field.name), sql.Identifier(field.name))
            for field in carried[:CARRIED_FIELDS]
        ]
    return sql.SQL("").join([part + sql.SQL(", ") for part in parts])


def drawable(layer: Layer, frame: Frame, given: Parameters) -> sql.Composable:
    """Give the geometry with what no transform survives cut off (one coordinate of 1e300 breaks a tile)."""
    shape: sql.Composable = geometry(layer)
    if _CURVED & set(frame.types):
        shape = sql.SQL("ST_CurveToLine({})").format(shape)
    whole_box = sql.SQL("ST_MakeEnvelope({}, {}, {}, {})").format(*map(sql.Literal, safe_box(frame)))
    cut = sql.SQL("CASE WHEN {s} @ {safe} THEN {s} ELSE ST_ClipByBox2D({s}, {box}::box2d) END").format(
        s=shape, safe=whole_box, box=box(frame, given)
    )
    return sql.SQL("ST_SetSRID({}, {})").format(cut, sql.Literal(frame.srid)) if frame.assumed else cut


def safe_box(frame: Frame) -> Box:
    """Give the coordinates that can be transformed."""
    match frame.kind:
        case Kind.DEGREES:
            return (-400.0, -89.0, 400.0, 89.0)
        case Kind.METRES:
            return (-1e8, -1e8, 1e8, 1e8)
        case Kind.PROJECTED:
            return frame.domain
