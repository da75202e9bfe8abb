"""What others may do with a table: the same after its replacement as before."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from psycopg import sql

from divebell.pipeline.catalogue import Connection, query
from divebell.pipeline.stage import where


@dataclass(frozen=True)
class Right:
    """One privilege on a table, or on a column of it; `role` None: everyone."""

    column: str | None
    privilege: str
    role: str | None
    grantable: bool


USUAL = (
    Right(None, "SELECT", "event_reader", grantable=False),
    Right(None, "REFERENCES", "volunteers", grantable=False),
)
"""Everyone at the event reads; volunteers' tables may refer to rows."""


def rights(connection: Connection, table: str) -> tuple[Right, ...]:
    """Give the rights on a table of schema `data`."""
    return tuple(Right(*row) for row in connection.execute(query("rights"), {"table": table}))


def grant(connection: Connection, table: str, given: tuple[Right, ...], columns: Collection[str]) -> None:
    """Give rights on a table of schema `data`; those on a column it has no more are left out."""
    for right in given:
        if right.column is not None and right.column not in columns:
            continue
        connection.execute(
            sql.SQL("GRANT {}{} ON {} TO {}{}").format(
                sql.SQL(right.privilege),
                sql.SQL(" ({})").format(sql.Identifier(right.column)) if right.column else sql.SQL(""),
                where("data", table),
                sql.Identifier(right.role) if right.role else sql.SQL("PUBLIC"),
                sql.SQL(" WITH GRANT OPTION" if right.grantable else ""),
            )
        )
