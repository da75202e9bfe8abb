"""Ask what volunteers' sessions do, end what goes beyond the limits, and write down what was done."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg.rows import class_row

from divebell.watchdog.machine import look, memory_of
from divebell.watchdog.rules import Action, Limits, Offence, Session, offences

PATIENCE_SECONDS = 3.0
"""How long a statement that was told to end may take to do so."""
FORGIVEN_AFTER_SECONDS = 5.0
"""Who waits gives up and tries again: a session that blocked somebody so long ago has not stopped to."""

Backend = tuple[int, datetime]


class Watch:
    """One round after the other, with what must be remembered between two."""

    def __init__(
        self, connection: psycopg.Connection, disk: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._connection = connection
        self._disk = disk
        self._clock = clock
        self._told: dict[tuple[Backend, str, datetime | None], float] = {}
        self._blocking: dict[Backend, tuple[float, float]] = {}
        self._written: set[tuple[Backend, str, datetime | None]] = set()

    def round(self) -> list[Offence]:
        """Look once at every session; give what was done."""
        sessions = [self._filled_in(session) for session in self._sessions()]
        self._forget({(session.pid, session.started) for session in sessions})
        found = offences(sessions, self._limits(), look(self._disk))
        done = [offence for offence in found if self._act(offence)]
        for offence in done:
            self._write_down(offence)
        ended = f"{len(sessions)} sessions of volunteers"
        self._connection.execute("UPDATE watch.heartbeat SET at = clock_timestamp(), detail = %s", (ended,))
        return done

    def _sessions(self) -> list[Session]:
        with self._connection.cursor(row_factory=class_row(Session)) as cursor:
            return cursor.execute(_query("sessions")).fetchall()

    def _limits(self) -> Limits:
        with self._connection.cursor(row_factory=class_row(Limits)) as cursor:
            limits = cursor.execute("SELECT query_seconds, idle_seconds, locks FROM watch.limits").fetchone()
        if limits is None:
            raise LookupError("watch.limits is empty")
        return limits

    def _filled_in(self, session: Session) -> Session:
        return dataclasses.replace(
            session, blocks_seconds=self._blocked_for(session), memory_bytes=memory_of(session.pid)
        )

    def _blocked_for(self, session: Session) -> float:
        """Give for how long it has kept somebody waiting, with pauses: who waits gives up and tries again."""
        key, now = (session.pid, session.started), self._clock()
        first, last = self._blocking.get(key, (now, now))
        if now - last > FORGIVEN_AFTER_SECONDS:
            first = now
        if session.blocks:
            self._blocking[key] = (first, now)
            return now - first
        return 0.0

    def _act(self, offence: Offence) -> bool:
        """End the statement or the session; tell whether anything was done."""
        session = offence.session
        key = ((session.pid, session.started), offence.what, session.query_start)
        told = self._told.get(key)
        if offence.action is Action.CANCEL and told is None:
            self._told[key] = self._clock()
            return self._end("cancel", session)
        if offence.action is Action.CANCEL and told is not None and self._clock() - told < PATIENCE_SECONDS:
            return False
        return self._end("terminate", session)

    def _end(self, how: str, session: Session) -> bool:
        values = {"pid": session.pid, "started": session.started, "query_start": session.query_start}
        return self._connection.execute(_query(how), values).fetchone() == (True,)

    def _write_down(self, offence: Offence) -> None:
        """Write one row at most for each statement and reason."""
        session = offence.session
        key = ((session.pid, session.started), offence.what, session.query_start)
        if key in self._written:
            return
        self._written.add(key)
        self._connection.execute(
            _query("record"),
            {
                "role": session.role,
                "what": offence.what,
                "limit": offence.limit,
                "detail": offence.detail,
                "query": session.query,
            },
        )

    def _forget(self, alive: set[Backend]) -> None:
        self._told = {key: at for key, at in self._told.items() if key[0] in alive}
        self._blocking = {key: times for key, times in self._blocking.items() if key in alive}
        self._written = {key for key in self._written if key[0] in alive}


def tidy(connection: psycopg.Connection) -> list[tuple[str, str, str]]:
    """Bring back tables and indexes put outside the space for them; give role, relation and outcome."""
    done = connection.execute("SELECT role, relation, outcome FROM watch.tidy()").fetchall()
    for role, relation, outcome in done:
        words = (
            "was dropped: there was no room for it where it belongs"
            if outcome == "dropped"
            else "was moved back"
        )
        connection.execute(
            _query("record"),
            {
                "role": role,
                "what": "outside",
                "limit": "tables and temporary files lie in the space for volunteers' tables",
                "detail": f"{relation} lay outside the space for volunteers' tables and {words}.",
                "query": "",
            },
        )
    return done


def _query(name: str) -> LiteralString:
    text: LiteralString = files("divebell.watchdog").joinpath("queries", f"{name}.sql").read_text()
    return text
