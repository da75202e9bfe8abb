"""Bring the event's database to the state this version of divebell needs. May be repeated at any time."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from importlib.resources import files

import psycopg
from psycopg import sql

from divebell.database.connection import DATABASE, admin, in_words, scram_verifier, service_passwords
from divebell.database.scratch import ensure_tablespace, keep_ballast
from divebell.errors import DivebellError
from divebell.event import Event, Secrets, State, load_secrets

LOCK = 0x6469_7665_6265_6C6C
"""Advisory lock held while a database is prepared: 'divebell' in ASCII."""
MOST_TEMPORARY_BYTES = 2 * 1024**3
"""Temporary files of one process of a volunteer's query, where the space for all of them is large."""


@dataclass(frozen=True)
class Migration:
    """One numbered SQL file; each runs once, in a transaction of its own."""

    number: int
    name: str
    text: str


def migrations() -> tuple[Migration, ...]:
    """Give all migrations in order."""
    folder = files("divebell.database") / "migrations"
    names = sorted(file.name for file in folder.iterdir() if re.fullmatch(r"\d{4}_\w+\.sql", file.name))
    return tuple(Migration(int(name[:4]), name, (folder / name).read_text()) for name in names)


def prepare(event: Event, state: State) -> list[str]:
    """Create or update the database `event` of a running server, and set the service roles' passwords.

    Give the names of the migrations that it took.
    Raises DivebellError when the server does not answer or a newer divebell has worked on the database.
    """
    with (
        in_words("the event's database could not be prepared"),
        admin(state, "postgres", autocommit=True) as server,
    ):
        server.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        _create_database(server)
        ensure_tablespace(server, state)
        keep_ballast(state)
        with admin(state, autocommit=True) as database:
            taken = apply(database, migrations())
            database.execute(_text("privileges.sql"))
            _update_postgis(database)
            _set_passwords(database, load_secrets(state))
            _set_limits(database, event)
            _move_volunteers_tables(database)
            comment = sql.SQL("COMMENT ON DATABASE {} IS {}")
            database.execute(comment.format(sql.Identifier(DATABASE), event.name))
    return taken


def apply(database: psycopg.Connection, known: tuple[Migration, ...]) -> list[str]:
    """Run the migrations that have not run yet; give their names."""
    database.execute(_text("ledger.sql"))
    done: dict[int, str] = dict(database.execute("SELECT number, name FROM divebell.migration").fetchall())
    if unknown := sorted(done.keys() - {migration.number for migration in known}):
        raise DivebellError(
            f"a newer divebell has changed this event's database ({done[unknown[-1]]})",
            next_step="run that version: pip install --upgrade divebell",
        )
    missing = [migration for migration in known if migration.number not in done]
    for migration in missing:
        with database.transaction():
            database.execute(migration.text.encode())
            database.execute(
                "INSERT INTO divebell.migration (number, name) VALUES (%s, %s)",
                (migration.number, migration.name),
            )
    return [migration.name for migration in missing]


def _create_database(server: psycopg.Connection) -> None:
    if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _update_postgis(database: psycopg.Connection) -> None:
    """Follow the machine's PostGIS after its package was upgraded."""
    behind = database.execute(
        "SELECT 1 FROM pg_available_extensions"
        " WHERE name = 'postgis' AND installed_version <> default_version"
    )
    if behind.fetchone():
        database.execute("ALTER EXTENSION postgis UPDATE")
        database.execute(_text("privileges.sql"))


def _set_passwords(database: psycopg.Connection, secrets: Secrets) -> None:
    """Set the passwords in secrets.json, as verifiers."""
    for role, password in service_passwords(secrets).items():
        verifier = scram_verifier(database, role, password)
        statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
        database.execute(statement.format(sql.Identifier(role), verifier))


def _set_limits(database: psycopg.Connection, event: Event) -> None:
    """Write down what the event allows each volunteer, and bring those who were here before to it."""
    allowed = event.database
    database.execute(
        "UPDATE divebell.limits SET connections = %s, query_seconds = %s, idle_seconds = %s, locks = %s,"
        " temporary_bytes = %s, ends = %s",
        (
            allowed.connections,
            allowed.longest_query_seconds,
            allowed.longest_idle_transaction_seconds,
            allowed.most_locks,
            min(MOST_TEMPORARY_BYTES, allowed.scratch_bytes // 4),
            event.ends.replace(tzinfo=event.zone) if event.ends else None,
        ),
    )
    volunteers = database.execute(
        "SELECT rolname FROM pg_auth_members JOIN pg_roles r ON r.oid = member"
        " WHERE roleid = 'volunteers'::regrole"
    )
    for (role,) in volunteers.fetchall():
        with (
            contextlib.suppress(psycopg.errors.LockNotAvailable),
            database.transaction(),
        ):  # until the next start
            database.execute("SET LOCAL lock_timeout = '2s'")
            database.execute("CALL divebell.settle(%s)", (role,))


def _move_volunteers_tables(database: psycopg.Connection) -> None:
    """Give tables of an earlier version their place among volunteers' tables, as far as there is room."""
    database.execute("SELECT divebell.move_strays(old => true)")


def _text(name: str) -> bytes:
    return (files("divebell.database") / name).read_bytes()
