"""The SQL of layers, tiles and features: composed, never formatted. Pure: nothing here talks to a server.

asyncpg takes `$1`; psycopg composes identifiers and literals.
"""

from __future__ import annotations

from psycopg import sql

from divebell.tiles.boxes import BUFFER, EXTENT, HALF_WORLD, Box, to_metres
from divebell.tiles.frames import Frame, Kind
from divebell.tiles.layers import Layer
from divebell.tiles.queries import template

GRID = 256
"""Cells along a tile's side when features are aggregated: two pixels of a 512 pixel tile."""
WHOLE_ROWS = 20_000
"""Up to so many features a tile carries every one of them; beyond, it carries the grid."""
CARRIED_FIELDS = 16
"""Attributes in the tiles of a layer whose rows cannot be asked for again one by one (views)."""

_CURVED = {"CircularString", "CompoundCurve", "CurvePolygon", "MultiCurve", "MultiSurface"}
_BOX = sql.SQL("ST_MakeEnvelope($1::float8, $2::float8, $3::float8, $4::float8, {srid}::int)")


def relation(layer: Layer) -> sql.Composable:
    """Name the layer's relation."""
    return sql.Identifier(layer.schema, layer.table)


def geometry(layer: Layer) -> sql.Composable:
    """Give the layer's geometry as the filter's operator must see it."""
    column = sql.SQL("t.{}").format(sql.Identifier(layer.geometry))
    return sql.SQL("{}::geometry").format(column) if layer.geography else column


def number(column: str | None) -> sql.Composable:
    """Give a column as a double, NULL where it is no finite number."""
    if column is None:
        return sql.SQL("NULL::float8")
    value = sql.SQL("t.{}::float8").format(sql.Identifier(column))
    return sql.SQL(
        "CASE WHEN {v} BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308 THEN {v} END"
    ).format(v=value)


def row_id(layer: Layer) -> sql.Composable:
    """Give a whole number that finds a row again: its key, else its place in the table, else nothing."""
    if layer.key is not None:
        return sql.SQL("t.{}::bigint").format(sql.Identifier(layer.key))
    if layer.has_ctid:
        place = "(t.ctid::text::point)"
        return sql.SQL(f"(({place})[0]::bigint * 65536 + ({place})[1]::bigint)")
    return sql.SQL("NULL::bigint")


def box(frame: Frame) -> sql.Composable:
    """Give the filter's box, $1 to $4 in the layer's own coordinates."""
    return _BOX.format(srid=sql.Literal(frame.srid))


def probe(layer: Layer, frame: Frame) -> str:
    """Count the rows of a box, up to one more than a tile carries whole."""
    query = sql.SQL("SELECT count(*) FROM (SELECT FROM {t} t WHERE {g} && {box} LIMIT {limit}) few")
    return query.format(
        t=relation(layer), g=geometry(layer), box=box(frame), limit=sql.Literal(WHOLE_ROWS + 1)
    ).as_string()


def whole(layer: Layer, frame: Frame, column: str | None) -> str:
    """Make a tile of every feature. Parameters: the box ($1-$4), then z, x, y ($5-$7)."""
    findable = layer.key is not None or layer.has_ctid
    return (
        template("whole")
        .format(
            name=sql.Literal(layer.slug),
            extent=sql.Literal(EXTENT),
            buffer=sql.Literal(BUFFER),
            id_column=sql.SQL(", 'id'" if findable else ""),
            attributes=_attributes(layer, column, findable=findable),
            shape=drawable(layer, frame),
            t=relation(layer),
            g=geometry(layer),
            box=box(frame),
        )
        .as_string()
    )


def grid(layer: Layer, frame: Frame, column: str | None) -> str:
    """Make a tile of counts and means. Parameters as for `whole`, then `small_cell` ($8, $9)."""
    u, v, source = _tile_space(frame)
    x, y = _middle(layer)
    return (
        template("grid")
        .format(
            value=number(column),
            g=geometry(layer),
            t=relation(layer),
            box=box(frame),
            x=x,
            y=y,
            u=u,
            v=v,
            source=source,
            extent=sql.Literal(EXTENT),
            cells=sql.Literal(GRID),
            name=sql.Literal(layer.slug),
        )
        .as_string()
    )


def small_cell(frame: Frame, z: int) -> tuple[float, float]:
    """Give width and height of a small cell in the layer's own coordinates, the same all over a zoom."""
    share = 1 / (2**z * GRID)
    if frame.kind is Kind.DEGREES:
        return 360 * share, 270 * share  # flatter: towards the poles a degree is drawn ever taller
    metres = 2 * HALF_WORLD * share
    if frame.kind is Kind.METRES or frame.bounds is None:
        return metres, metres
    west, south, east, north = to_metres(frame.bounds)
    drawn, own = max(east - west, north - south), frame.domain
    metres *= max(own[2] - own[0], own[3] - own[1]) / drawn if drawn else 1.0
    return metres, metres


def _middle(layer: Layer) -> tuple[sql.Composable, sql.Composable]:
    """Give the middle of a row's box; for declared points simply where they are."""
    if layer.type == "Point":
        forms = ("ST_X({g})", "ST_Y({g})")
    else:
        forms = ("(ST_XMin({g}) + ST_XMax({g})) / 2", "(ST_YMin({g}) + ST_YMax({g})) / 2")
    x, y = (sql.SQL(form).format(g=geometry(layer)) for form in forms)
    return x, y


def project_box(frame: Frame) -> str:
    """Turn a box in metres ($1-$4, vertices at most $5 metres apart) into the layer's own coordinates."""
    query = sql.SQL(
        "SELECT ST_XMin(b), ST_YMin(b), ST_XMax(b), ST_YMax(b) FROM (SELECT ST_Transform("
        "ST_Segmentize(ST_MakeEnvelope($1::float8, $2::float8, $3::float8, $4::float8, 3857), $5::float8),"
        " {srid}::int) AS b) projected"
    )
    return query.format(srid=sql.Literal(frame.srid)).as_string()


def feature(layer: Layer) -> str | None:
    """Give one row's attributes as text, in the table's order; $1 is its id. None: its rows have none."""
    names = sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(field.name)) for field in layer.fields)
    condition: sql.Composable
    if layer.key is not None:
        condition = sql.SQL("t.{} = $1::bigint").format(sql.Identifier(layer.key))
    elif layer.has_ctid:
        condition = sql.SQL("t.ctid = format('(%s,%s)', $1::bigint / 65536, $1::bigint % 65536)::tid")
    else:
        return None
    query = sql.SQL(
        "SELECT (SELECT json_agg(json_build_array(key, value)) FROM json_each_text(f.row)) AS attributes"
        " FROM (SELECT (SELECT row_to_json(r) FROM (SELECT {names}) r) AS row FROM {t} t WHERE {condition}) f"
    )
    return query.format(names=names, t=relation(layer), condition=condition).as_string()


def _attributes(layer: Layer, column: str | None, *, findable: bool) -> sql.Composable:
    parts: list[sql.Composable] = [sql.SQL("{} AS value").format(number(column))]
    if findable:
        parts.append(sql.SQL("{} AS id").format(row_id(layer)))
    else:
        carried = [field for field in layer.fields if field.name not in {"value", "geom"}]
        parts += [
            sql.SQL("left(t.{name}::text, 200) AS {name}").format(name=sql.Identifier(field.name))
            for field in carried[:CARRIED_FIELDS]
        ]
    return sql.SQL(", ").join(parts)


def drawable(layer: Layer, frame: Frame) -> sql.Composable:
    """Give the geometry with what no transform survives cut off (one coordinate of 1e300 breaks a tile)."""
    shape: sql.Composable = geometry(layer)
    if _CURVED & set(frame.types):
        shape = sql.SQL("ST_CurveToLine({})").format(shape)
    whole_box = sql.SQL("ST_MakeEnvelope({}, {}, {}, {})").format(*map(sql.Literal, _safe(frame)))
    cut = sql.SQL("CASE WHEN {s} @ {safe} THEN {s} ELSE ST_ClipByBox2D({s}, {box}::box2d) END").format(
        s=shape, safe=whole_box, box=box(frame)
    )
    return sql.SQL("ST_SetSRID({}, {})").format(cut, sql.Literal(frame.srid)) if frame.assumed else cut


def _safe(frame: Frame) -> Box:
    match frame.kind:
        case Kind.DEGREES:
            return (-400.0, -89.0, 400.0, 89.0)
        case Kind.METRES:
            return (-1e8, -1e8, 1e8, 1e8)
        case Kind.PROJECTED:
            return frame.domain


def _tile_space(frame: Frame) -> tuple[sql.Composable, sql.Composable, sql.Composable]:
    """Give u, v (in tiles from the world's north west) and what they are computed from."""
    size = sql.SQL("(2 ^ $5::int)")
    edge = sql.SQL("least({}, {size} - 1e-9)")
    if frame.srid == 4326:
        u = sql.SQL("(cx + 180) / 360 * {size}").format(size=size)
        v = sql.SQL("(1 - asinh(tan(radians(cy))) / pi()) / 2 * {size}").format(size=size)
        near = sql.SQL("WHERE cy BETWEEN -89.9 AND 89.9")
        return edge.format(u, size=size), edge.format(v, size=size), near
    x, y = sql.SQL("cx"), sql.SQL("cy")
    source: sql.Composable = sql.SQL("")
    if frame.kind is not Kind.METRES:
        x, y = sql.SQL("ST_X(m)"), sql.SQL("ST_Y(m)")
        source = sql.SQL(", LATERAL ST_Transform(ST_SetSRID(ST_MakePoint(cx, cy), {srid}), 3857) m").format(
            srid=sql.Literal(frame.srid)
        )
    half = sql.Literal(HALF_WORLD)
    across = sql.SQL("({x} + {h}) / (2 * {h}) * {size}").format(x=x, h=half, size=size)
    down = sql.SQL("({h} - {y}) / (2 * {h}) * {size}").format(y=y, h=half, size=size)
    return edge.format(across, size=size), edge.format(down, size=size), source
