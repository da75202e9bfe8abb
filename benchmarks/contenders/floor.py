"""What no loader can beat: rows that are encoded already, one binary COPY, the indexes, ANALYZE."""

from __future__ import annotations

import time
from typing import Any

from psycopg import sql

from contenders.event import SCHEMA, Event, check
from contenders.files import Job

_PIECE = 1 << 18


def timed(event: Event, job: Job) -> float:
    """Give the seconds of sending the rows of the table that divebell has just made into another."""
    rows = event.connection.execute("SELECT table_name FROM catalogue.dataset").fetchone()
    source = sql.Identifier("data", rows[0]) if rows else sql.Identifier("data")
    target = sql.Identifier(SCHEMA, "floor")
    encoded = _encoded(event, source)
    with event.connection.transaction():
        began = time.perf_counter()
        event.connection.execute(sql.SQL("CREATE TABLE {} (LIKE {})").format(target, source))
        _copy(event, target, encoded)
        event.connection.execute(sql.SQL("ALTER TABLE {} ADD PRIMARY KEY (row_id)").format(target))
        event.connection.execute(sql.SQL("CREATE INDEX ON {} USING gist (geom)").format(target))
        event.connection.execute(sql.SQL("ANALYZE {}").format(target))
    seconds = time.perf_counter() - began
    check(event.connection, SCHEMA, "floor", job.rows)
    event.connection.execute(sql.SQL("DROP TABLE {}").format(target))
    return seconds


def _encoded(event: Event, source: sql.Identifier) -> bytes:
    out = sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(source)
    with event.connection.cursor() as cursor, cursor.copy(out) as copy:
        return b"".join(bytes(piece) for piece in copy)


def _copy(event: Event, target: sql.Identifier, encoded: bytes) -> None:
    into: Any = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(target)
    view = memoryview(encoded)
    with event.connection.cursor() as cursor, cursor.copy(into) as copy:
        for start in range(0, len(view), _PIECE):
            copy.write(view[start : start + _PIECE])
