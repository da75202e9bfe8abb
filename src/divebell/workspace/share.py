"""Share a table with everybody at the event, and see it on a map."""

from __future__ import annotations

import os
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

import psycopg
from psycopg import sql

from divebell.errors import DivebellError
from divebell.workspace.engine import own_schema

READERS = "event_reader"
_PORTAL_VARIABLE = "DIVEBELL_URL"


@dataclass(frozen=True)
class Link:
    """Where a table is shown; in a notebook it becomes a link."""

    table: str
    url: str
    text: str
    framed: bool = False

    def __str__(self) -> str:
        return f"{self.text}: {self.url}"

    def _repr_html_(self) -> str:
        link = f'<a href="{escape(self.url)}" target="_blank" rel="noopener">{escape(self.text)}</a>'
        title = escape(self.table)
        frame = f'<iframe src="{escape(self.url)}" width="100%" height="480" title="{title}"></iframe>'
        return f"{link}<br>{frame}" if self.framed else link


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
        return Link(f"{schema}.{name}", _portal(), f"Everybody can now read {schema}.{name} (it has no map)")
    return Link(
        f"{schema}.{name}", _map_url(schema, name), f"Everybody can now see {schema}.{name} on the map"
    )


def unshare(table: str) -> None:
    """Take a table of yours back: nobody else can read it any more."""
    schema, name, _ = _own_table(table)
    with psycopg.connect("") as connection:
        connection.execute(
            sql.SQL("REVOKE ALL ON {} FROM {}").format(sql.Identifier(schema, name), sql.Identifier(READERS))
        )


def map(table: str) -> Link:  # noqa: A001 - `divebell.map("counties")` reads as it is meant
    """Show a table of the event, or a shared one, on its map, here in the notebook.

    A bare name is a table of yours if there is one, else one of the event's.
    """
    with psycopg.connect("") as connection:
        found = connection.execute(
            "SELECT nspname, relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE relkind IN ('r', 'v', 'm', 'p') AND (nspname || '.' || relname = %(table)s"
            " OR (relname = %(table)s AND nspname IN (%(own)s, 'data')))"
            " ORDER BY nspname = %(own)s DESC LIMIT 1",
            {"table": table, "own": own_schema()},
        ).fetchone()
    if found is None:
        raise DivebellError(
            f"there is no table '{table}'", next_step="\\dt data.* in psql lists the event's tables"
        )
    return Link(f"{found[0]}.{found[1]}", _map_url(*found), f"{found[0]}.{found[1]}", framed=True)


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


def _portal() -> str:
    return os.environ.get(_PORTAL_VARIABLE, "/services/event/")


def _map_url(schema: str, name: str) -> str:
    return f"{_portal()}maps/{quote(f'{schema}.{name}', safe='.')}"
