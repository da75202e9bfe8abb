"""The loader as a process, and a table whose every value is known beforehand: shared by the tests that kill.

A table's rows are compared with what PostgreSQL itself generates, so that truth owes nothing to the loader.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from divebell.database import admin, catalogue
from divebell.errors import DivebellError

PATIENCE_SECONDS = 120
TRIES = 5
SMALL, BIG = 2, 80_000
TRUTH = """
    SELECT md5(string_agg(concat_ws('|', n, n, 'well number ' || n, n / 8.0::float8,
        ST_AsText(ST_MakePoint(-90 + n / 16384.0::float8, 30 + n / 32768.0::float8))), ',' ORDER BY n))
    FROM generate_series(1, %s) AS n"""
FOUND = """
    SELECT md5(string_agg(concat_ws('|', row_id, id, name, depth, ST_AsText(geom)), ',' ORDER BY row_id))
    FROM data.big"""


def wells(rows: int) -> str:
    header = "id,name,depth,longitude,latitude\n"
    return header + "".join(
        f"{n},well number {n},{n / 8!r},{-90 + n / 16384!r},{30 + n / 32768!r}\n" for n in range(1, rows + 1)
    )


@contextmanager
def loader(folder: Any) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "loader.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "divebell.pipeline", str(folder)], stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_SECONDS)


def wait_for(true: Callable[[], Any], what: str, pause: float = 0.05) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if true():
                return
        except (psycopg.OperationalError, DivebellError):
            pass  # the database is away for a moment
        time.sleep(pause)
    pytest.fail(f"not within {PATIENCE_SECONDS} s: {what}")


def one(connection: psycopg.Connection[Any], query: str, *values: object) -> Any:
    row = connection.execute(query, values).fetchone()  # type: ignore[arg-type]
    return row and row[0]


def rows_loaded(connection: psycopg.Connection[Any]) -> int:
    """Give which of the two tables is there, after checking that it is there in full."""
    at_once = f"SELECT rows, ({FOUND}) FROM catalogue.dataset WHERE table_name = 'big'"  # a load may go on
    row = connection.execute(at_once).fetchone()  # type: ignore[call-overload]
    assert row is not None
    rows, found = row
    assert found == one(connection, TRUTH, rows)
    return int(rows)


def is_clean(connection: psycopg.Connection[Any]) -> bool:
    return bool(one(connection, "SELECT count(*) = 0 FROM pg_tables WHERE schemaname = 'stage'"))


def has_loaded(connection: psycopg.Connection[Any], commit: str) -> bool:
    return catalogue.loader(connection).commit == commit


Moment = Callable[[psycopg.Connection[Any]], bool]


def doing(pattern: str) -> Moment:
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'event_loader' AND query ~* %s "
        "AND pid <> pg_backend_pid()"
    )
    return lambda watcher: one(watcher, query, pattern) > 0


def seen_or_over(watcher: psycopg.Connection[Any], moment: Moment, commit: str) -> None:
    """Wait until a moment of a commit's load is seen; a busy machine may show it when all is over."""
    wait_for(lambda: moment(watcher) or has_loaded(watcher, commit), "the moment", pause=0.002)


def caught(
    watcher: psycopg.Connection[Any], moment: Moment, next_commit: Callable[[int], str]
) -> tuple[str, int]:
    """Have commits loaded until a moment of a load is seen before it is over; give that one and its number."""
    for number in range(TRIES):
        commit = next_commit(number)
        seen_or_over(watcher, moment, commit)
        if not has_loaded(watcher, commit):
            return commit, number
    pytest.fail("each time the load was over before the moment was seen")


def is_waiting(watcher: psycopg.Connection[Any]) -> bool:
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'event_loader' AND wait_event_type = 'Lock'"
    )
    return bool(one(watcher, query) > 0)


@contextmanager
def nothing_written_down(state: Any) -> Iterator[None]:
    """Keep whatever is loaded from taking its place for as long as the block lasts."""
    with admin(state) as holder:
        holder.execute("LOCK TABLE catalogue.dataset IN SHARE MODE")
        yield
