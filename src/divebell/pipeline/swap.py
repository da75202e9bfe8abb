"""Staged tables take their places in schema `data`; what volunteers built on the old ones stays."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Protocol

import psycopg
from psycopg import sql

from divebell.database.stillness import hold_off, wait_while_read
from divebell.pipeline import refill
from divebell.pipeline.catalogue import Connection
from divebell.pipeline.refill import PostponedError, Refill
from divebell.pipeline.rights import USUAL, grant, rights
from divebell.pipeline.stage import where
from divebell.pipeline.users import listed, users

__all__ = ["PostponedError", "drop", "lock", "patiently", "put", "vacuum"]

OTHERS_WAIT_SECONDS = 0.8
"""How long readers wait behind a try, at most: it gets all its locks within this time, or gives them back."""
TRIES = 20
PAUSE_SECONDS = 0.5


class Staged(Protocol):
    """A table in schema `stage`."""

    @property
    def table(self) -> str:
        """Its name there and in `data`."""
        ...


def put(
    connection: Connection, staged: Sequence[Staged], gone: Sequence[str], then: Callable[[list[str]], None]
) -> None:
    """Let staged tables take their places and drop those in `gone`, all in one instant.

    `then` runs in the same transaction and is given the tables in `gone` that stay, for somebody's work uses
    them. `connection` is in autocommit. Raises PostponedError naming what stands in the way; nothing has
    changed then.
    """
    names = [one.table for one in staged]
    patiently(connection, names, lambda: _widen_large_ones(connection, names))
    refilled: list[str] = []

    def attempt() -> None:
        used = [table for table in gone if users(connection, table)]
        refilled[:] = _exchange(connection, names, [table for table in gone if table not in used])
        then(used)

    patiently(connection, [*names, *gone], attempt)
    for table in refilled:
        vacuum(connection, table)


def drop(connection: Connection, table: str) -> None:
    """Take a table away. Raises PostponedError naming what uses it; nothing has changed then."""

    def attempt() -> None:
        if found := users(connection, table):
            raise PostponedError(
                f"the file is gone from the repository, but {listed(found)} uses its table '{table}', so the "
                "table stays"
            )
        _exchange(connection, [], [table])

    patiently(connection, [table], attempt)


def vacuum(connection: Connection, table: str) -> None:
    """Free the space of rows that were replaced. What cannot be done at once is left to the server."""
    with suppress(psycopg.errors.LockNotAvailable, psycopg.errors.UndefinedTable):
        connection.execute(
            sql.SQL("VACUUM (ANALYZE, TRUNCATE false, SKIP_LOCKED) {}").format(where("data", table))
        )


def patiently(connection: Connection, tables: Sequence[str], attempt: Callable[[], object]) -> None:
    """Do what needs tables for itself, in a transaction; try again while others hold them.

    Raises PostponedError naming who held them when that took too long; nothing has changed then.
    """
    holders = ""
    for _ in range(TRIES):
        wait_while_read(connection)
        try:
            with connection.transaction():
                hold_off(connection)
                attempt()
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            holders = _holders(connection, tables) or holders
            time.sleep(PAUSE_SECONDS)
        except psycopg.errors.DependentObjectsStillExist as error:  # somebody made something just now
            holders = f" ({error.diag.message_detail or error.diag.message_primary})"
            time.sleep(PAUSE_SECONDS)
        else:
            return
    which = f"table '{tables[0]}' has" if len(tables) == 1 else f"tables {', '.join(tables)} have"
    raise PostponedError(
        f"{which} been in use all the time{holders} (a transaction left open?); the old one stays"
    )


def _holders(connection: Connection, tables: Sequence[str]) -> str:
    """Name whose sessions hold a table."""
    rows = connection.execute(
        "SELECT DISTINCT a.usename FROM pg_locks l JOIN pg_class c ON c.oid = l.relation "
        "JOIN pg_stat_activity a ON a.pid = l.pid WHERE c.relnamespace = 'data'::regnamespace "
        "AND c.relname = ANY(%s) AND l.granted AND l.pid <> pg_backend_pid() ORDER BY 1",
        (list(tables),),
    ).fetchall()
    return f" by {', '.join(name for (name,) in rows)}" if rows else ""


def _widen_large_ones(connection: Connection, tables: list[str]) -> None:
    """Give large tables new columns beforehand: to write their rows takes longer than readers may wait."""
    plans = [refill.refill(connection, table) for table in tables if users(connection, table)]
    large = [plan for plan in plans if plan.missing and plan.size > refill.BYTES_AT_ONCE]
    lock(connection, [plan.table for plan in large])
    for plan in large:
        refill.widen(connection, plan)


def _exchange(connection: Connection, tables: list[str], gone: list[str]) -> list[str]:
    """Put staged tables in place and drop those in `gone`; give those that were kept and refilled."""
    plans = [refill.refill(connection, table) for table in tables if users(connection, table)]
    for plan in plans:
        if not plan.missing:
            refill.write_rows(connection, plan)
    kept = [plan.table for plan in plans]
    replaced = [table for table in tables if table not in kept]
    old = [table for table in (*replaced, *gone) if _exists(connection, table)]
    lock(connection, [*old, *(plan.table for plan in plans if plan.changes_columns)])
    for plan in plans:
        _finish(connection, plan)
    given = {table: rights(connection, table) for table in replaced if table in old}
    for table in old:
        connection.execute(sql.SQL("DROP TABLE {}").format(where("data", table)))
    for table in replaced:
        connection.execute(sql.SQL("ALTER TABLE {} SET SCHEMA data").format(where("stage", table)))
        grant(connection, table, given.get(table, USUAL), refill.columns(connection, "data", table))
    return kept


def _finish(connection: Connection, plan: Refill) -> None:
    """Bring a table that stays to its end; readers wait where its columns change."""
    if plan.missing:
        refill.widen(connection, plan)
        refill.write_rows(connection, plan)
    if plan.changes_columns:
        refill.narrow(connection, plan)
    connection.execute(sql.SQL("DROP TABLE {}").format(where("stage", plan.table)))


def _exists(connection: Connection, table: str) -> bool:
    name = where("data", table).as_string(connection)
    return connection.execute("SELECT to_regclass(%s)", (name,)).fetchone() != (None,)


def lock(connection: Connection, tables: Iterable[str]) -> None:
    """Keep everyone from tables. Raises psycopg.errors.LockNotAvailable when that takes too long."""
    until = time.monotonic() + OTHERS_WAIT_SECONDS
    for table in sorted(tables):
        left = max(1, round((until - time.monotonic()) * 1000))
        connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(left))
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(where("data", table)))
