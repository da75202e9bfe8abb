"""What each role may do: compared with what divebell gives, right by right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import psycopg

from divebell.database import admin
from divebell.database.migrate import LOCK
from divebell.doctor.database import PATIENCE, superuser
from divebell.doctor.finding import CannotBeCheckedError, Check, Hole
from divebell.doctor.hba import SUPERUSER
from divebell.doctor.patient import Patient

MEMBER_OF = {
    "volunteers": {"event_reader"},
    "event_loader": {"event_owner"},
    "event_web": {"event_drafts"},
    "event_drafts": {"pg_read_all_data"},
    "event_watchdog": {"pg_signal_backend", "pg_read_all_stats", "pg_monitor"},
}
"""What a role may be a member of besides `event_reader`; a volunteer's own role besides `volunteers`."""
UNWANTED = {
    "dblink": "connects onwards as the server",
    "adminpack": "writes files as the server",
    "postgis_raster": "reads files and addresses through GDAL",
    "pageinspect": "reads rows past every right",
    "refint": "has run code sent to it (CVE-2026-6637)",
}


def _query(name: str) -> bytes:
    return (files("divebell.doctor") / "queries" / name).read_bytes()


def roles(patient: Patient) -> Iterator[Hole]:
    """Look for roles that may do more than a role of an event needs."""
    names = ("SUPERUSER", "CREATEROLE", "CREATEDB", "REPLICATION", "BYPASSRLS")
    with superuser(patient) as connection:
        rows = connection.execute(
            "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles"
            " WHERE rolname <> %s AND rolname !~ '^pg_' ORDER BY 1",
            (SUPERUSER,),
        ).fetchall()
    for role, *has in rows:
        found = [name for name, true in zip(names, has, strict=True) if true]
        if found:
            mend = f'ALTER ROLE "{role}" {" ".join(f"NO{name}" for name in found)};'
            yield Hole(f"the role `{role}` is {' and '.join(found)}", mend)


def members(patient: Patient) -> Iterator[Hole]:
    """Look for memberships that no role of an event has."""
    with superuser(patient) as connection:
        rows = connection.execute(
            "SELECT m.rolname, g.rolname FROM pg_auth_members JOIN pg_roles m ON m.oid = member"
            " JOIN pg_roles g ON g.oid = roleid WHERE m.rolname !~ '^pg_' AND m.rolname <> %s ORDER BY 1, 2",
            (SUPERUSER,),
        ).fetchall()
    for member, group in rows:
        allowed = MEMBER_OF.get(member, set()) | {"event_reader"}
        if group not in (allowed | {"volunteers"} if member.startswith("v_") else allowed):
            yield Hole(f"`{member}` is a member of `{group}`", f'REVOKE "{group}" FROM "{member}";')


def languages(patient: Patient) -> Iterator[Hole]:
    """Look for languages in which a volunteer could define functions, and for such that know no limits."""
    with superuser(patient) as connection:
        rows = connection.execute(_query("languages.sql")).fetchall()
    for name, trusted, users in rows:
        if not trusted:
            yield Hole(f"the untrusted language `{name}` is installed", f"DROP EXTENSION {name};")
        if users:
            who = "PUBLIC" if "volunteers" in users else f'"{users[0]}"'
            roles = f"PUBLIC, volunteers, {who}" if who != "PUBLIC" else "PUBLIC, volunteers"
            mend = f"REVOKE USAGE ON LANGUAGE {name} FROM {roles};"
            yield Hole(f"`{users[0]}` may define functions in language `{name}`", mend)


def extensions(patient: Patient) -> Iterator[Hole]:
    """Look for extensions and wrappers that reach out of the database."""
    with superuser(patient) as connection:
        names = [row[0] for row in connection.execute("SELECT extname FROM pg_extension")]
        wrappers = [row[0] for row in connection.execute("SELECT fdwname FROM pg_foreign_data_wrapper")]
    for name in names:
        if name in UNWANTED:
            yield Hole(
                f"the extension `{name}` is installed, which {UNWANTED[name]}", f"DROP EXTENSION {name};"
            )
    for name in wrappers:
        yield Hole(f"the foreign data wrapper `{name}` is installed", f"DROP EXTENSION {name} CASCADE;")


@dataclass(frozen=True)
class Rights:
    """The rights as they are and as divebell gives them, and the functions kept from everybody."""

    found: frozenset[tuple[str, str, str]]
    meant: frozenset[tuple[str, str, str]]
    closed: tuple[int, ...]


@contextmanager
def _rights(patient: Patient) -> Iterator[Rights]:
    """Give all rights anew as `divebell up` does, look, and take all of that back."""
    with admin(patient.state, connect_timeout=PATIENCE) as connection:
        # one snapshot for both looks: volunteers come meanwhile
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        free = connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone()
        if not (free and free[0]):
            raise CannotBeCheckedError("`divebell up` prepares the database at this moment")
        connection.execute("SET LOCAL statement_timeout = '15s'")
        connection.execute("SET LOCAL lock_timeout = '5s'")
        found = _snapshot(connection)
        connection.execute((files("divebell.database") / "privileges.sql").read_bytes())
        meant = _snapshot(connection)
        closed = connection.execute(_query("closed_functions.sql")).fetchall()
        connection.rollback()
    yield Rights(found, meant, tuple(row[0] for row in closed))


def _snapshot(connection: psycopg.Connection[tuple[Any, ...]]) -> frozenset[tuple[str, str, str]]:
    rows = connection.execute(_query("rights.sql"))
    return frozenset((kind, name, right) for kind, name, right in rows if right)


def rights(patient: Patient) -> Iterator[Hole]:
    """Compare every right with what divebell gives."""
    known = patient.shared(_rights)
    changed: dict[tuple[str, str], tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for side, other, place in ((known.found, known.meant, 0), (known.meant, known.found, 1)):
        for kind, name, right in sorted(side - other):
            changed[kind, name][place].append(right)
    for (kind, name), (found, meant) in sorted(changed.items()):
        yield Hole(
            f"{kind} {name} has {', '.join(found) or 'nothing'} instead of {', '.join(meant) or 'nothing'}"
        )


def functions(patient: Patient) -> Iterator[Hole]:
    """Look whether anybody got back a function that was taken away."""
    closed = patient.shared(_rights).closed
    with superuser(patient) as connection:
        rows = connection.execute(_query("open_functions.sql"), {"functions": list(closed)}).fetchall()
    first: dict[str, str] = {}
    for function, role in rows:
        if first.setdefault(function, role) == role:
            mend = f'REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC, volunteers, "{role}";'
            yield Hole(f"`{role}` may call {function}", mend)


def databases(patient: Patient) -> Iterator[Hole]:
    """Look for databases and schemas that volunteers may enter or fill."""
    with superuser(patient) as connection:
        others = connection.execute(
            "SELECT datname FROM pg_database WHERE datname <> 'event' AND datallowconn"
            " AND has_database_privilege('volunteers', oid, 'CONNECT')"
        ).fetchall()
        schemas = connection.execute(_query("open_schemas.sql")).fetchall()
    for (name,) in others:
        yield Hole(
            f"volunteers may enter the database `{name}`", f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC;'
        )
    for name, right in schemas:
        mend = f'REVOKE ALL ON SCHEMA "{name}" FROM PUBLIC, volunteers, event_reader; divebell up {{folder}}'
        yield Hole(f"volunteers have {right} on the schema `{name}`", mend)


_UP = "divebell up {folder} gives all rights anew; for a role of your own, REVOKE what it should not have"

CHECKS = (
    Check(
        "rights.roles",
        "no role but `postgres` is SUPERUSER, CREATEROLE, CREATEDB, REPLICATION or BYPASSRLS",
        "each of these is, or on PostgreSQL 15 becomes, a superuser",
        "divebell up {folder} takes it from the event's roles",
        roles,
    ),
    Check(
        "rights.members",
        "no role is a member of another that the event did not give it",
        "pg_execute_server_program is a shell on this machine, event_owner is every table",
        "REVOKE the membership that is named",
        members,
    ),
    Check(
        "rights.languages",
        "volunteers cannot define functions, and no untrusted language is installed",
        "a function in a shared view runs with the rights of whoever looks at it",
        "REVOKE USAGE ON LANGUAGE sql, plpgsql FROM PUBLIC, volunteers;",
        languages,
    ),
    Check(
        "rights.extensions",
        "nothing is installed that connects onwards, reads files or wraps foreign servers",
        "the server would fetch for a volunteer what the volunteer may not reach",
        "DROP EXTENSION the one that is named",
        extensions,
    ),
    Check(
        "rights.given",
        "every right on roles, databases, schemas, languages and functions is as divebell gives it",
        "rights that grew by hand are what nobody looks after",
        _UP,
        rights,
        alone=True,  # roles come and go while others run
    ),
    Check(
        "rights.functions",
        "volunteers may call none of the functions that were taken from them",
        "they drop tables by name, exhaust what all share, or read files",
        _UP,
        functions,
        alone=True,  # roles come and go while others run
    ),
    Check(
        "rights.closed",
        "volunteers enter no other database, and create in no schema but their own",
        "what lies in `public` is found by everybody's queries",
        _UP,
        databases,
    ),
)
