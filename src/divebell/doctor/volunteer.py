"""A volunteer who tries: a real role of the event's own making, dropped when the doctor is done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from divebell import database
from divebell.database import admin, connect
from divebell.database.connection import role_of
from divebell.doctor.finding import CannotBeCheckedError, Check, Hole
from divebell.doctor.patient import Patient

NAME = "divebell_doctor"
"""A name nobody can take: it is reserved."""
ROLE = role_of(NAME)
PATIENCE = 15

Statement = str | sql.Composed


@dataclass(frozen=True)
class Volunteer:
    """How the volunteer comes in."""

    port: int
    password: str = field(repr=False)
    table: str | None
    """A table of the event's, to try things on."""
    turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @contextmanager
    def session(self, dbname: str = "event") -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """Come in, one check at a time: a volunteer has few connections."""
        with self.turn, self.connect(dbname) as connection:
            yield connection

    def connect(self, dbname: str = "event") -> psycopg.Connection[tuple[Any, ...]]:
        """Come in as notebooks do."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=ROLE,
            password=self.password,
            dbname=dbname,
            connect_timeout=PATIENCE,
            application_name="divebell doctor",
            options="-c statement_timeout=15s -c lock_timeout=2s",
        )


@contextmanager
def volunteer(patient: Patient) -> Iterator[Volunteer]:
    """Make the volunteer, and leave nothing of it."""
    with admin(patient.state, autocommit=True) as server:
        if server.execute("SELECT 1 FROM people.person WHERE name = %s", (NAME,)).fetchone():
            raise CannotBeCheckedError(f"somebody signed in as '{NAME}'")
        _drop(server)
        row = server.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'data'::regnamespace AND relkind = 'r' LIMIT 1"
        ).fetchone()
    with connect(patient.state, "event_hub") as hub:
        password = database.provision(hub, NAME)
    try:
        yield Volunteer(patient.ports.postgres, password, row[0] if row else None)
    finally:
        with admin(patient.state, autocommit=True) as server:
            _drop(server)


def _drop(server: psycopg.Connection[tuple[Any, ...]]) -> None:
    if not server.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone():
        return
    name = sql.Identifier(ROLE)
    server.execute("SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE usename = %s", (ROLE,))
    server.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(name))
    server.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(name))
    server.execute(sql.SQL("DROP ROLE {}").format(name))


def _trial(
    statements: Callable[[Volunteer], Sequence[tuple[str, Statement]]],
) -> Callable[[Patient], Iterator[Hole]]:
    """Give the probe that tries statements as a volunteer: each must be refused for want of a right."""

    def probe(patient: Patient) -> Iterator[Hole]:
        who = patient.shared(volunteer)
        with who.session() as connection:
            for words, statement in statements(who):
                if _done(connection, statement):
                    yield Hole(f"a volunteer can {words}")

    tries = "; ".join(words for words, _ in statements(Volunteer(0, "", None)))
    probe.__doc__ = f"Try as a volunteer to: {tries}."
    return probe


def _done(connection: psycopg.Connection[tuple[Any, ...]], statement: Statement) -> bool:
    """Try, and take it back. Any refusal but for want of a right proves nothing, and is raised."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege:
        return False
    except (psycopg.errors.IntegrityError, psycopg.errors.DependentObjectsStillExist):
        return True  # allowed to; only this very row or table stood in the way
    return True


def _functions(_: Volunteer) -> Sequence[tuple[str, Statement]]:
    body = "CREATE FUNCTION pg_temp.trojan() RETURNS int LANGUAGE {} AS $$ {} $$"
    return (
        ("define a function in SQL", body.format("sql", "SELECT 1")),
        ("define a function in PL/pgSQL", body.format("plpgsql", "BEGIN RETURN 1; END")),
        ("run a block of PL/pgSQL", "DO $$ BEGIN NULL; END $$"),
    )


def _programs(_: Volunteer) -> Sequence[tuple[str, Statement]]:
    return (
        (
            "run a program on this machine (COPY ... TO PROGRAM)",
            "COPY (SELECT 1) TO PROGRAM 'cat > /dev/null'",
        ),
        ("hide from the server's log", "SET log_statement = 'none'"),
        ("load a library", "LOAD '$libdir/plpgsql'"),
        ("install an extension that connects onwards", "CREATE EXTENSION dblink"),
    )


def _files(_: Volunteer) -> Sequence[tuple[str, Statement]]:
    return (
        ("read a file of the server (pg_read_file)", "SELECT pg_read_file('PG_VERSION')"),
        ("list a folder of the server (pg_ls_dir)", "SELECT pg_ls_dir('.')"),
        ("read a file into a large object (lo_import)", "SELECT lo_import('/etc/hostname')"),
        ("write a file (COPY ... TO)", "COPY (SELECT 1) TO '/tmp/divebell-doctor'"),
        ("read the server's log (pg_current_logfile)", "SELECT pg_current_logfile()"),
    )


def _people(_: Volunteer) -> Sequence[tuple[str, Statement]]:
    return (
        ("read who claimed which name (people.person)", "SELECT * FROM people.person LIMIT 1"),
        ("read browsers' tokens (people.device)", "SELECT * FROM people.device LIMIT 1"),
        ("read invitations (people.invitation)", "SELECT * FROM people.invitation LIMIT 1"),
        ("read tokens of GitHub's (people.github)", "SELECT * FROM people.github LIMIT 1"),
        ("invite people (people.invite)", "SELECT people.invite('','','',1,'','',now(),'','{}',1)"),
        ("read passwords (pg_authid)", "SELECT rolpassword FROM pg_authid LIMIT 1"),
        ("make volunteers (provision)", "CALL public.provision('v_nobody', 'SCRAM')"),
    )


def _data(who: Volunteer) -> Sequence[tuple[str, Statement]]:
    made = ("create a table among the event's (data)", "CREATE TABLE data.divebell_doctor (a int)")
    if who.table is None:
        return (made,)
    table = sql.Identifier("data", who.table)
    return (
        made,
        (f"delete rows of data.{who.table}", sql.SQL("DELETE FROM {} WHERE false").format(table)),
        (f"add rows to data.{who.table}", sql.SQL("INSERT INTO {} DEFAULT VALUES").format(table)),
        (f"empty data.{who.table}", sql.SQL("TRUNCATE {}").format(table)),
        (f"drop data.{who.table}", sql.SQL("DROP TABLE {}").format(table)),
    )


def _public(_: Volunteer) -> Sequence[tuple[str, Statement]]:
    return (
        ("create a table in `public`", "CREATE TABLE public.divebell_doctor (a int)"),
        ("create a schema", "CREATE SCHEMA divebell_doctor"),
        ("stage a table as the loader does", "CREATE TABLE stage.divebell_doctor (a int)"),
        ("become the event's owner", "SET ROLE event_owner"),
        ("make a role", "CREATE ROLE divebell_doctor"),
    )


def _shared(_: Volunteer) -> Sequence[tuple[str, Statement]]:
    return (
        ("hold advisory locks", "SELECT pg_try_advisory_xact_lock(1)"),
        ("end others' sessions", "SELECT pg_terminate_backend(pg_backend_pid())"),
        ("wake every listener (pg_notify)", "SELECT pg_notify('catalogue', '')"),
        ("write to the server's journal", "SELECT pg_logical_emit_message(false, '', '')"),
    )


def other_databases(patient: Patient) -> Iterator[Hole]:
    """Try to enter the databases beside the event's."""
    who = patient.shared(volunteer)
    for name in ("postgres", "template1"):
        try:
            with who.session(name):
                pass
        except psycopg.OperationalError as error:
            if "pg_hba.conf" not in str(error) and "permission denied" not in str(error):
                raise
        else:
            yield Hole(f"a volunteer can enter the database `{name}`")


_UP = "divebell up {folder} gives all rights anew"

CHECKS = (
    Check(
        "volunteer.functions",
        "a volunteer cannot define functions or run code in the server",
        "a function in a shared view runs with the rights of whoever looks at it",
        "REVOKE USAGE ON LANGUAGE sql, plpgsql FROM PUBLIC, volunteers;",
        _trial(_functions),
    ),
    Check(
        "volunteer.programs",
        "a volunteer cannot run programs, load libraries or change the server",
        "that is a shell on this machine",
        f"REVOKE pg_execute_server_program FROM volunteers; {_UP}",
        _trial(_programs),
    ),
    Check(
        "volunteer.files",
        "a volunteer cannot read or write files of the server",
        "the server may read the whole database, whatever rights say",
        f"REVOKE pg_read_server_files, pg_write_server_files FROM volunteers; {_UP}",
        _trial(_files),
    ),
    Check(
        "volunteer.people",
        "a volunteer cannot read who signed in, tokens or passwords",
        "with a token one is somebody else",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA people FROM PUBLIC, volunteers; {_UP}",
        _trial(_people),
    ),
    Check(
        "volunteer.data",
        "a volunteer cannot change the event's data",
        "everybody else's results would be wrong, and nobody would know",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA data FROM PUBLIC, volunteers; {_UP}",
        _trial(_data),
    ),
    Check(
        "volunteer.schemas",
        "a volunteer creates only in the own schema and becomes nobody else",
        "what lies in `public` is found by everybody's queries",
        f"REVOKE CREATE ON SCHEMA public FROM PUBLIC, volunteers; {_UP}",
        _trial(_public),
    ),
    Check(
        "volunteer.shared",
        "a volunteer cannot exhaust or disturb what all sessions share",
        "sign-ins and loads stop when locks and wake-ups run out",
        _UP,
        _trial(_shared),
    ),
    Check(
        "volunteer.databases",
        "a volunteer enters no database but the event's",
        "other databases have none of these limits",
        f"REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC; {_UP}",
        other_databases,
    ),
)
