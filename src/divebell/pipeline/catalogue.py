"""Write the catalogue: what is loaded, what is not, and that the loader lives."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from importlib import resources
from typing import Any, LiteralString

import psycopg
from psycopg.types.json import Jsonb

from divebell.pipeline.plan import Catalogue, Known

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
    columns: list[dict[str, str]]
    warnings: list[str]
    load_seconds: float


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


def remember(connection: Connection, record: Record) -> None:
    """Write the row of a table; whoever had the table's name before loses it."""
    connection.execute(
        "DELETE FROM catalogue.dataset WHERE table_name = %s AND (file, layer) IS DISTINCT FROM (%s, %s)",
        (record.table, record.file, record.layer),
    )
    connection.execute(query("remember"), asdict(record) | {"columns": Jsonb(record.columns)})


def forget_tables(connection: Connection, tables: list[str]) -> None:
    """Take tables out of the catalogue."""
    if tables:
        connection.execute("DELETE FROM catalogue.dataset WHERE table_name = ANY(%s)", (tables,))


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
    """Say that the loader lives and what it does."""
    connection.execute(
        "UPDATE catalogue.loader SET heartbeat = now(), activity = %s, detail = %s", (activity, detail)
    )


def loaded_in_full(connection: Connection, commit: str) -> None:
    """Say that every dataset of a commit has been dealt with."""
    connection.execute("UPDATE catalogue.loader SET commit = %s, heartbeat = now()", (commit,))
