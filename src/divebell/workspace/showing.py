"""Put a GeoDataFrame on the map: as a table of one's own schema, which the map then shows."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.errors import DependentObjectsStillExist

from divebell.errors import DivebellError
from divebell.workspace.engine import engine, own_schema
from divebell.workspace.maps import Link, Style, framed

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from sqlalchemy import Connection

NAME = "shown"
MARK = "made by divebell.show"
"""The comment by which a table is known that `show` made, and may replace."""
READERS = "event_reader"
LONGEST_NAME = 63
"""Bytes of a name in PostgreSQL."""


def show(
    frame: GeoDataFrame,
    name: str = NAME,
    color: str | None = None,
    *,
    size: str | None = None,
    scheme: str | None = None,
    classes: int | None = None,
) -> Link:
    """Put a GeoDataFrame on the map, here in the notebook.

    It is written to a table `name` of your own schema, in place of what you showed under that name before;
    only you see it until you `divebell.share(name)`. The other arguments are those of `divebell.map`. Raises
    DivebellError for what cannot be on a map, and where `name` is a table that `show` did not make.
    """
    schema, style = own_schema(), Style(color, size, scheme, classes)
    style.fragment()
    ready = prepared(frame)
    for column in (one for one in (color, size) if one is not None):
        if column not in ready.columns:
            known = ", ".join(str(one) for one in ready.columns[:30])
            raise DivebellError(f"there is no column '{column}'", next_step=f"its columns: {known}")
    if not name or len(name.encode()) > LONGEST_NAME or '"' in name:
        raise DivebellError(
            f"a table cannot be called {name!r}", next_step=f"1 to {LONGEST_NAME} characters, and no quote"
        )
    with engine().begin() as connection:
        shared = _make_room(connection, schema, name)
        ready.to_postgis(name, connection, schema=schema, index=False)
        _finish(connection, schema, name, shared=shared)
    return framed(schema, name, style)


def prepared(frame: Any) -> GeoDataFrame:
    """Give a frame that PostGIS takes as it is. Raises DivebellError for one that cannot be on a map."""
    from geopandas import GeoDataFrame  # noqa: PLC0415 - `import divebell` stays light

    frame = _checked(frame)
    named = any(name is not None for name in frame.index.names)
    shape = frame.geometry.name
    frame = frame.reset_index(drop=not named)
    place = list(frame.columns).index(shape)
    names = column_names([str(one) for one in frame.columns])
    columns = {
        name: frame.iloc[:, i] if i == place else _plain(frame.iloc[:, i]) for i, name in enumerate(names)
    }
    ready = GeoDataFrame(columns, geometry=names[place], crs=frame.crs)
    if 0 < ready.has_z.sum() < (~ready.geometry.isna()).sum():  # a column is in two dimensions or in three
        ready = ready.set_geometry(ready.geometry.force_2d())
    return ready if ready.crs.to_epsg() else ready.to_crs(4326)


def column_names(names: list[str]) -> list[str]:
    """Give names that PostgreSQL and its driver take, each once; most stay as they are."""
    taken: Counter[str] = Counter()
    result = []
    for number, name in enumerate(names, 1):
        plain = re.sub(r'["%\x00]', "_", name).encode()[: LONGEST_NAME - 4].decode(errors="ignore")
        plain = plain or f"column_{number}"
        taken[plain] += 1
        result.append(plain if taken[plain] == 1 else f"{plain}_{taken[plain]}")
    return result


def _checked(frame: Any) -> GeoDataFrame:
    from geopandas import GeoDataFrame, GeoSeries  # noqa: PLC0415 - `import divebell` stays light

    if isinstance(frame, GeoSeries):
        frame = frame.to_frame(frame.name or "geometry")
    if not isinstance(frame, GeoDataFrame):
        raise DivebellError(
            f"a map needs a GeoDataFrame, and this is a {type(frame).__name__}",
            next_step="geopandas.GeoDataFrame(df, geometry=geopandas.points_from_xy(df.lon, df.lat), "
            "crs=4326)",
        )
    if frame._geometry_column_name not in frame.columns:  # noqa: SLF001 - asking for it raises
        raise DivebellError("it has no geometry column", next_step="gdf.set_geometry('column') names it")
    shapes = frame.geometry
    if (shapes.isna() | shapes.is_empty).all():
        raise DivebellError("there is nothing to show: it has no row with a geometry")
    if frame.crs is None:
        raise DivebellError(
            "it does not say which coordinate system it is in",
            next_step="gdf.set_crs(4326) if the coordinates are longitudes and latitudes",
        )
    bounds = shapes.total_bounds
    if not (abs(bounds) < 1e15).all():
        raise DivebellError(
            "some of its coordinates are infinite or absurdly large",
            next_step="gdf[gdf.bounds.abs().lt(1e9).all(axis=1)] leaves those rows out",
        )
    return frame


def _plain(column: Any) -> Any:
    """Give a column as PostgreSQL knows its values: what it has no type for becomes text."""
    kind = str(column.dtype)
    if kind == "geometry":
        return column.to_wkt()
    if kind == "object":
        odd = column.map(lambda value: isinstance(value, list | dict | set | tuple | bytes | range))
        return column.astype(str).where(~odd.isna() & column.notna(), None) if odd.any() else column
    if kind.startswith(("period", "interval", "category", "complex", "timedelta")):
        return column.astype(str).where(column.notna(), None)
    return column


def _make_room(connection: Connection, schema: str, name: str) -> bool:
    """Drop what was shown under this name before; say whether everybody could read it."""
    from sqlalchemy import text  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    found = connection.execute(
        text(
            "SELECT relkind, obj_description(c.oid, 'pg_class'),"
            " has_table_privilege(:readers, c.oid, 'SELECT')"
            " FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE nspname = :schema AND relname = :name"
        ),
        {"readers": READERS, "schema": schema, "name": name},
    ).fetchone()
    if found is None:
        return False
    kind, comment, shared = found
    if comment != MARK or kind != "r":
        raise DivebellError(
            f"you have a table '{name}' that divebell.show did not make",
            next_step=f"show it under another name, or drop it; divebell.map('{name}') shows it as it is",
        )
    try:
        connection.exec_driver_sql(f"DROP TABLE {_named(schema, name)}")
    except DBAPIError as error:
        if not isinstance(error.orig, DependentObjectsStillExist):
            raise
        raise DivebellError(
            f"'{name}' cannot be replaced: {error.orig.diag.message_detail}",
            next_step="show it under another name, or drop what depends on it",
        ) from None
    return bool(shared)


def _finish(connection: Connection, schema: str, name: str, *, shared: bool) -> None:
    table = _named(schema, name)
    connection.exec_driver_sql(f"COMMENT ON TABLE {table} IS '{MARK}'")
    if shared:
        connection.exec_driver_sql(f"GRANT SELECT ON {table} TO {READERS}")
    connection.exec_driver_sql(f"ANALYZE {table}")


def _named(schema: str, name: str) -> str:
    return sql.Identifier(schema, name).as_string()
