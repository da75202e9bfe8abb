"""What keeps one volunteer from using up what everybody needs of the database."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg

from divebell import disks
from divebell.database import admin, connect, interventions, scratch
from divebell.doctor.finding import CannotBeCheckedError, Check, DoesNotApplyError, Hole
from divebell.doctor.patient import Patient
from divebell.doctor.volunteer import ROLE, volunteer

SLACK = 1.05
"""How much larger than promised a disk may be: a file system is made of whole blocks."""
_WHERE = (
    "SELECT coalesce(spcname, 'pg_default') FROM pg_class"
    " LEFT JOIN pg_tablespace ON pg_tablespace.oid = reltablespace WHERE pg_class.oid = %s::regclass"
)
_GIGABYTE = 1024**3


def connections(patient: Patient) -> Iterator[Hole]:
    """Come in once more than is allowed."""
    who = patient.shared(volunteer)
    allowed = patient.event.database.connections
    with contextlib.ExitStack() as opened:
        try:
            for _ in range(allowed + 1):
                opened.enter_context(contextlib.closing(who.connect()))
        except psycopg.OperationalError as error:
            if "too many connections" not in str(error):
                raise
        else:
            yield Hole(f"a volunteer got more than {allowed} connections")


def roles(patient: Patient) -> Iterator[Hole]:
    """Look at the limit of every volunteer's role."""
    allowed = patient.event.database.connections
    with admin(patient.state) as server:
        rows = server.execute(
            "SELECT rolname, rolconnlimit FROM pg_roles WHERE rolname ^@ 'v_' AND rolname <> %s"
            " AND rolconnlimit NOT BETWEEN 0 AND %s",
            (ROLE, allowed),
        ).fetchall()
    for role, limit in rows:
        has = "any number of" if limit < 0 else f"{limit}"
        mend = f'ALTER ROLE "{role}" CONNECTION LIMIT {allowed};'
        yield Hole(f"`{role}` may open {has} connections instead of {allowed}", mend)


def tables(patient: Patient) -> Iterator[Hole]:
    """Make tables as a volunteer, and look where they lie."""
    who = patient.shared(volunteer)
    with who.session() as connection:
        for words, statement in (
            ("table", "CREATE TABLE probe (a text)"),
            ("temporary table", "CREATE TEMPORARY TABLE probe (a text)"),
        ):
            with connection.transaction(force_rollback=True):
                connection.execute(statement.encode())
                place = _one(connection, _WHERE, "probe")
            if place != scratch.TABLESPACE:
                yield Hole(f"a volunteer's {words} lies in {place}, beside the event's data")
        if _lies_outside(connection):
            yield Hole("a volunteer can put a table beside the event's data (TABLESPACE pg_default)")


def _lies_outside(connection: psycopg.Connection[tuple[Any, ...]]) -> bool:
    try:
        with connection.transaction(force_rollback=True):
            connection.execute("CREATE TABLE probe (a text) TABLESPACE pg_default")
            return bool(_one(connection, _WHERE, "probe") != scratch.TABLESPACE)
    except psycopg.errors.InsufficientPrivilege:
        return False


def _one(connection: psycopg.Connection[tuple[Any, ...]], query: str, *values: object) -> object:
    row = connection.execute(query.encode(), values).fetchone()
    return row[0] if row else None


def disk(patient: Patient) -> Iterator[Hole]:
    """Look whether volunteers' tables have a file system of their own, and how large it is."""
    if not disks.can_mount():
        raise DoesNotApplyError(
            "only root on a machine with loop devices can give tables a disk of their own"
        )
    room = scratch.space(patient.state)
    if room is None:
        yield Hole("volunteers' tables lie on the disk of the event's data: who fills it stops the database")
        return
    tables = patient.event.database.scratch_bytes
    promised = tables + min(tables, scratch.MOST_BALLAST)
    if room.total > promised * SLACK:
        has, wanted = room.total / _GIGABYTE, promised / _GIGABYTE
        yield Hole(f"volunteers' tables may take {has:.1f} GB instead of {wanted:.1f} GB")


def watchdog(patient: Patient) -> Iterator[Hole]:
    """Listen for the watchdog's heart beat."""
    with connect(patient.state, "event_web") as connection:
        said = interventions.watchdog(connection)
    if said.away:
        silent = f"for {said.silent:.0f} s" if said.silent < 10**6 else "ever"
        yield Hole(
            f"the watchdog has not been heard of {silent}: nothing ends queries and locks beyond the limits"
        )


def settings(patient: Patient) -> Iterator[Hole]:
    """Look at what bounds connections that have not signed in, and at the room for locks."""
    with admin(patient.state) as server:
        rows = server.execute(
            "SELECT name, setting::integer FROM pg_settings WHERE name = ANY (%s)",
            (["authentication_timeout", "max_locks_per_transaction", "max_connections"],),
        ).fetchall()
    found: dict[str, int] = dict(rows)
    if len(found) != 3:
        raise CannotBeCheckedError("the server does not show its settings")
    if found["authentication_timeout"] > 10:
        seconds = found["authentication_timeout"]
        yield Hole(f"a connection may take {seconds} s to sign in (authentication_timeout)")
    if found["max_locks_per_transaction"] < 64:
        yield Hole(f"there is room for {found['max_locks_per_transaction']} locks a connection")
    needed = patient.event.people.expected * patient.event.database.connections
    if found["max_connections"] < needed:
        yield Hole(f"there is room for {found['max_connections']} connections, and {needed} are promised")


_UP = "divebell up {folder} sets it anew"
_AGAIN = "divebell down {folder}, then divebell up {folder}"

CHECKS = (
    Check(
        "limits.connections",
        "a volunteer gets no more connections than event.yaml allows",
        "one notebook could lock everybody out of the database",
        f"`database: {{connections: ...}}` in {{folder}}/event.yaml; {_UP}",
        connections,
        alone=True,  # it takes all connections that the volunteer has
    ),
    Check(
        "limits.roles",
        "every volunteer's role has the limit of connections that event.yaml allows",
        "one notebook could lock everybody out of the database",
        _UP,
        roles,
    ),
    Check(
        "limits.tables",
        "volunteers' tables and temporary files lie apart from the event's data",
        "a full disk stops the database for everybody",
        _UP,
        tables,
    ),
    Check(
        "limits.disk",
        "volunteers' tables have a file system of their own, no larger than event.yaml allows",
        "a full disk stops the database for everybody",
        f"{_AGAIN}, as root",
        disk,
    ),
    Check(
        "limits.watchdog",
        "the watchdog is there",
        "timeouts are defaults that a volunteer lifts: only the watchdog ends what goes on for too long",
        f"divebell logs watchdog {{folder}}; {_AGAIN}",
        watchdog,
    ),
    Check(
        "limits.server",
        "there is room for everybody's connections and locks, and none may take long to sign in",
        "connections that never sign in are counted by nobody",
        f"ALTER SYSTEM RESET ALL; {_AGAIN}",
        settings,
    ),
)
