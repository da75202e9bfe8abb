"""Write the catalogue: what is loaded, what is not, and that the loader lives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib import resources
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from divebell.pipeline.plan import Catalogue, Known
from divebell.pipeline.repository import Commit

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Record:
    """One row of the catalogue as the loader writes it."""

    file: str
    layer: str | None
    table: str
    format: str
    identity: str
    commit: str
    committed_at: datetime
    author: str
    rows: int
    null_geometries: int | None
    empty_geometries: int | None
    invalid_geometries: int | None
    geometry_type: str | None
    crs: str | None
    srid: int | None
    bbox: list[float] | None
    columns: list[dict[str, Any]]
    """Each with name, original (the file's header), type and nulls (how many); the geometry left out."""
    warnings: list[str]
    load_seconds: float
    geometry_types: list[str] = field(default_factory=list)
    """Every geometry type found in the file, before any was promoted."""


def storable(text: str) -> str:
    """Give a text as PostgreSQL can store it: without NUL and halves of characters."""
    return text.replace("\0", "").encode("utf-8", "backslashreplace").decode()


def query(name: str) -> LiteralString:
    """Give the text of a query kept beside this module."""
    text: LiteralString = resources.files("divebell.pipeline").joinpath("sql", f"{name}.sql").read_text()
    return text


def known(connection: Connection) -> Catalogue:
    """Read what a plan compares a commit with."""
    tables = tuple(Known(*row) for row in connection.execute(query("known")))
    failures = dict(connection.execute("SELECT file, identity FROM catalogue.failure").fetchall())
    return Catalogue(tables, failures)


def tables_of(connection: Connection, files: list[str]) -> list[str]:
    """Give the tables that were made from files."""
    rows = connection.execute("SELECT table_name FROM catalogue.dataset WHERE file = ANY(%s)", (files,))
    return [table for (table,) in rows]


def layers_of(connection: Connection, file: str) -> dict[str | None, str]:
    """Give the table of each layer of a file."""
    rows = connection.execute("SELECT layer, table_name FROM catalogue.dataset WHERE file = %s", (file,))
    return dict(rows.fetchall())


def remember(connection: Connection, record: Record) -> None:
    """Write the row of a table; whoever had the table's name before loses it, and originals go with it."""
    connection.execute("DELETE FROM catalogue.original_geometry WHERE table_name = %s", (record.table,))
    connection.execute(
        "DELETE FROM catalogue.dataset WHERE table_name = %s AND (file, layer) IS DISTINCT FROM (%s, %s)",
        (record.table, record.file, record.layer),
    )
    connection.execute(query("remember"), asdict(record) | {"columns": Jsonb(record.columns)})


def forget_tables(connection: Connection, tables: list[str]) -> None:
    """Take tables out of the catalogue."""
    if tables:
        connection.execute("DELETE FROM catalogue.dataset WHERE table_name = ANY(%s)", (tables,))


def keep_originals(connection: Connection, table: str, fixes: sql.Composable) -> int:
    """Keep the geometries of a table that were repaired as the file had them; give how many.

    They are taken from the table `fixes` (row_id, repaired, original, reason). To be called after `remember`:
    they go when the table's row in the catalogue does, and no other way.
    """
    statement = sql.SQL(
        "INSERT INTO catalogue.original_geometry (table_name, row_id, reason, geom) "
        "SELECT {}, row_id, reason, original FROM {} WHERE original IS NOT NULL"
    )
    return connection.execute(statement.format(sql.Literal(table), fixes)).rowcount


def hand_over(connection: Connection, table: str, name: str, file: str, commit: Commit) -> None:
    """Say that a table belongs to another file since `commit`, or to its own once more."""
    connection.execute(
        "UPDATE catalogue.dataset SET file = %s, table_name = %s, commit = %s, committed_at = %s, "
        "author = %s, retired_at = NULL, used_by = '{}' WHERE table_name = %s",
        (file, name, commit.id, commit.committed_at, commit.author, table),
    )


def retire(connection: Connection, table: str, commit: Commit) -> None:
    """Say that the file of a table is gone at `commit`, for the time the table is still there."""
    facts = {
        "table": table,
        "commit": commit.id,
        "committed_at": commit.committed_at,
        "author": commit.author,
    }
    connection.execute(query("retire"), facts)


def say_users(connection: Connection, table: str, users: Sequence[str]) -> None:
    """Say whose work uses a retired table."""
    connection.execute(
        "UPDATE catalogue.dataset SET used_by = %s WHERE table_name = %s AND used_by <> %s",
        (list(users), table, list(users)),
    )


def fail(connection: Connection, file: str, reason: str, *, identity: str, commit: str) -> None:
    """Write why a file is not loaded."""
    connection.execute(
        "INSERT INTO catalogue.failure (file, identity, reason, commit) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (file) DO UPDATE SET identity = excluded.identity, reason = excluded.reason, "
        "commit = excluded.commit, failed_at = now()",
        (file, identity, storable(reason), commit),
    )


def forget_failure(connection: Connection, file: str) -> None:
    """Take a file's failure away."""
    connection.execute("DELETE FROM catalogue.failure WHERE file = %s", (file,))


def beat(connection: Connection, activity: str, detail: str) -> None:
    """Say that the loader lives and what it does, and let nobody keep others from the event's tables."""
    connection.execute(
        "UPDATE catalogue.loader SET heartbeat = now(), activity = %s, detail = %s", (activity, detail)
    )
    connection.execute("SELECT catalogue.unblock()")


def loaded_in_full(connection: Connection, commit: str) -> None:
    """Say that every dataset of a commit has been dealt with."""
    connection.execute("UPDATE catalogue.loader SET commit = %s, heartbeat = now()", (commit,))
