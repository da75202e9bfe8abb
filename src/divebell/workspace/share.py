"""Share a table with everybody at the event."""

from __future__ import annotations

import psycopg
from psycopg import sql

from divebell.errors import DivebellError
from divebell.workspace.engine import own_schema
from divebell.workspace.maps import Link, map_url, portal

READERS = "event_reader"


def share(table: str) -> Link:
    """Let everybody at the event read a table or view of yours, and put it on the map.

    A geometry column without a spatial index gets one. Raises DivebellError where there is no such table.
    """
    schema, name, kind = _own_table(table)
    with psycopg.connect("") as connection:
        geometries = _geometry_columns(connection, schema, name)
        if kind in "rm":
            for column in _without_index(connection, schema, name, geometries):
                connection.execute(
                    sql.SQL("CREATE INDEX ON {} USING gist ({})").format(
                        sql.Identifier(schema, name), sql.Identifier(column)
                    )
                )
        connection.execute(
            sql.SQL("GRANT SELECT ON {} TO {}").format(sql.Identifier(schema, name), sql.Identifier(READERS))
        )
    if not geometries:
        return Link(f"{schema}.{name}", portal(), f"Everybody can now read {schema}.{name} (it has no map)")
    return Link(
        f"{schema}.{name}", map_url(schema, name), f"Everybody can now see {schema}.{name} on the map"
    )


def unshare(table: str) -> None:
    """Take a table of yours back: nobody else can read it any more."""
    schema, name, _ = _own_table(table)
    with psycopg.connect("") as connection:
        connection.execute(
            sql.SQL("REVOKE ALL ON {} FROM {}").format(sql.Identifier(schema, name), sql.Identifier(READERS))
        )


def _own_table(table: str) -> tuple[str, str, str]:
    own = own_schema()
    name = table.removeprefix(f"{own}.")
    with psycopg.connect("") as connection:
        tables: dict[str, str] = dict(
            connection.execute(
                "SELECT relname, relkind::text FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
                " WHERE nspname = %s AND relkind IN ('r', 'v', 'm', 'p', 'f') ORDER BY relname",
                [own],
            ).fetchall()
        )
    for candidate in (name, name.lower()):
        if candidate in tables:
            return own, candidate, tables[candidate]
    known = ", ".join(tables) or "none yet"
    raise DivebellError(f"you have no table '{name}' in your schema {own}", next_step=f"your tables: {known}")


def _geometry_columns(connection: psycopg.Connection, schema: str, name: str) -> list[str]:
    rows = connection.execute(
        "SELECT attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
        " JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_type t ON t.oid = atttypid"
        " WHERE nspname = %s AND relname = %s AND typname = 'geometry' AND attnum > 0 ORDER BY attnum",
        [schema, name],
    ).fetchall()
    return [row[0] for row in rows]


def _without_index(
    connection: psycopg.Connection, schema: str, name: str, geometries: list[str]
) -> list[str]:
    indexed = connection.execute(
        "SELECT attname FROM pg_index JOIN pg_class c ON c.oid = indrelid"
        " JOIN pg_namespace n ON n.oid = relnamespace"
        " JOIN pg_class i ON i.oid = indexrelid JOIN pg_am ON pg_am.oid = i.relam"
        " JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]"
        " WHERE nspname = %s AND c.relname = %s AND amname IN ('gist', 'spgist')",
        [schema, name],
    ).fetchall()
    return [column for column in geometries if (column,) not in indexed]
