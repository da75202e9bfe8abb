"""Staged tables take their places in schema `data`; what volunteers built on the old ones stays."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

from divebell.errors import DivebellError
from divebell.pipeline.catalogue import Connection, query
from divebell.pipeline.names import index_name
from divebell.pipeline.stage import KEY, Staged, where
from divebell.readers import GEOMETRY_COLUMN

LOCK_TIMEOUT_MS = 1000
TRIES = 20
PAUSE_SECONDS = 0.5


class PostponedError(DivebellError):
    """Somebody's work stands in the way for now; trying again later may succeed."""


def swap_in(connection: Connection, staged: Staged) -> None:
    """Let a staged table take its place, within the transaction that is open on `connection`.

    Raises PostponedError naming the view or the session that stands in the way; nothing has changed then.
    """
    _patiently(connection, staged.table, lambda: _replace(connection, staged))


def drop(connection: Connection, table: str) -> None:
    """Take a table away. Raises PostponedError naming the view that uses it; nothing has changed then."""

    def attempt() -> None:
        try:
            with connection.transaction():
                connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(where("data", table)))
        except psycopg.errors.DependentObjectsStillExist:
            raise PostponedError(
                f"the file is gone from the repository, but {_users(connection, table)} uses its table "
                f"'{table}', so the table stays"
            ) from None

    _patiently(connection, table, attempt)


def _patiently(connection: Connection, table: str, attempt: Callable[[], None]) -> None:
    """Try again while readers hold the table; each try blocks others for a second at most."""
    for _ in range(TRIES):
        try:
            with connection.transaction():
                connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(LOCK_TIMEOUT_MS))
                attempt()
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            time.sleep(PAUSE_SECONDS)
        else:
            return
    raise PostponedError(
        f"table '{table}' has been in use all the time (a transaction left open?); the old one stays"
    )


def _replace(connection: Connection, staged: Staged) -> None:
    try:
        with connection.transaction():
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(where("data", staged.table)))
    except psycopg.errors.DependentObjectsStillExist:
        _refill(connection, staged)
    else:
        connection.execute(sql.SQL("ALTER TABLE {} SET SCHEMA data").format(where("stage", staged.table)))
    connection.execute(sql.SQL("GRANT SELECT ON {} TO event_reader").format(where("data", staged.table)))


def _refill(connection: Connection, staged: Staged) -> None:
    """Keep the table itself, for something depends on it: give it the new columns and the new rows."""
    target, source = where("data", staged.table), where("stage", staged.table)
    old, new = _columns(connection, "data", staged.table), _columns(connection, "stage", staged.table)
    try:
        with connection.transaction():
            # DELETE, not TRUNCATE: a reader whose transaction began earlier goes on seeing the old rows.
            connection.execute(sql.SQL("DELETE FROM {}").format(target))
            for change in _changes(old, new):
                connection.execute(sql.SQL("ALTER TABLE {} {}").format(target, change))
    except (psycopg.errors.DependentObjectsStillExist, psycopg.errors.FeatureNotSupported):
        raise PostponedError(
            f"its columns changed, and {_users(connection, staged.table)} still uses the old ones of table "
            f"'{staged.table}'; the old table stays until that view is changed or dropped"
        ) from None
    names = sql.SQL(", ").join(map(sql.Identifier, new))
    connection.execute(sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(target, names, names, source))
    _describe(connection, staged)
    connection.execute(sql.SQL("DROP TABLE {}").format(source))
    if GEOMETRY_COLUMN in new:
        index = sql.Identifier(index_name(staged.table, GEOMETRY_COLUMN))
        connection.execute(
            sql.SQL("CREATE INDEX IF NOT EXISTS {} ON {} USING gist (geom)").format(index, target)
        )
    connection.execute(sql.SQL("ANALYZE {}").format(target))


def _changes(old: dict[str, str], new: dict[str, str]) -> list[sql.Composed]:
    """List what turns the old columns into the new ones."""
    gone = [sql.SQL("DROP COLUMN {}").format(sql.Identifier(name)) for name in old if name not in new]
    added = [
        sql.SQL("ADD COLUMN {} {}").format(sql.Identifier(name), _type(kind))
        for name, kind in new.items()
        if name not in old
    ]
    retyped = [
        sql.SQL("ALTER COLUMN {} TYPE {} USING NULL").format(sql.Identifier(name), _type(kind))
        for name, kind in new.items()
        if name in old and old[name] != kind and name != KEY
    ]
    return [*gone, *retyped, *added]


def _type(name: str) -> sql.SQL:
    """Types are those PostgreSQL itself gave, through format_type."""
    return sql.SQL(name)


def _columns(connection: Connection, schema: str, table: str) -> dict[str, str]:
    rows = connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        (where(schema, table).as_string(connection),),
    )
    return dict(rows.fetchall())


def _describe(connection: Connection, staged: Staged) -> None:
    """Carry the comments over."""
    source = where("stage", staged.table).as_string(connection)
    row: Any = connection.execute("SELECT obj_description(%s::regclass)", (source,)).fetchone()
    target = where("data", staged.table)
    connection.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(target, sql.Literal(row[0])))
    for one in staged.attributes:
        place = sql.Identifier("data", staged.table, one.name)
        connection.execute(sql.SQL("COMMENT ON COLUMN {} IS {}").format(place, sql.Literal(one.original)))


def _users(connection: Connection, table: str) -> str:
    """Name what depends on a table."""
    name = where("data", table).as_string(connection)
    rows = connection.execute(query("dependents"), {"table": name}).fetchall()
    return ", ".join(f"{view} (of {owner})" for view, owner in rows) or "something in the database"
