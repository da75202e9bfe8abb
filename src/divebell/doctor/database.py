"""The database's doors: who gets in, from where, with what, and what its log tells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from divebell.database import admin, connect
from divebell.database.settings import SERVICE_ROLES
from divebell.doctor.finding import CannotBeCheckedError, Check, Hole
from divebell.doctor.hba import LOOPBACK, SUPERUSER, Rule, openings
from divebell.doctor.patient import Patient
from divebell.errors import DivebellError

PATIENCE = 15
WRONG = "wrong"
SETTINGS = {
    "password_encryption": "scram-sha-256",
    "log_statement": "none",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "full_page_writes": "on",
    "shared_preload_libraries": "",
    "local_preload_libraries": "",
}


@contextmanager
def superuser(patient: Patient, dbname: str = "event") -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Connect as the superuser, for a short while."""
    with admin(patient.state, dbname, autocommit=True, connect_timeout=PATIENCE) as connection:
        connection.execute("SET statement_timeout = '15s'")
        connection.execute("SET lock_timeout = '5s'")
        yield connection


def hba(patient: Patient) -> Iterator[Hole]:
    """Read the rules as the server reads them."""
    networks = [*LOOPBACK, *([patient.containers.subnet] if patient.containers else [])]
    with superuser(patient) as connection:
        rows = connection.execute(
            "SELECT line_number, type, database, user_name, address, netmask, auth_method, error"
            " FROM pg_hba_file_rules"
        ).fetchall()
    if not rows:
        raise CannotBeCheckedError("the server shows no rules")
    for row in rows:
        for words in openings(Rule(*row), networks):
            yield Hole(f"pg_hba.conf {words}")


def superuser_refused(patient: Patient) -> Iterator[Hole]:
    """Try to come in as the superuser over the network."""
    for host in _hosts(patient):
        words = _refusal(patient, host=host, user=SUPERUSER, dbname="postgres", password=WRONG)
        if words is None:
            yield Hole(f"`{SUPERUSER}` gets in over TCP at {host} with any password")
        elif "pg_hba.conf" not in words:
            yield Hole(
                f"`{SUPERUSER}` is asked for a password over TCP at {host} instead of being refused: {words}"
            )


def wrong_password(patient: Patient) -> Iterator[Hole]:
    """Try a wrong password, unencrypted, for every role that has one."""
    for host in _hosts(patient):
        for role in SERVICE_ROLES:
            words = _refusal(patient, host=host, user=role, dbname="event", password=WRONG)
            if words is None:
                yield Hole(f"`{role}` gets in at {host} with a wrong password")


def _hosts(patient: Patient) -> list[str]:
    return ["127.0.0.1", *([patient.containers.gateway] if patient.containers else [])]


def _refusal(patient: Patient, **who: str) -> str | None:
    """Give the server's words when it refuses, None when it lets in."""
    try:
        psycopg.connect(
            port=patient.ports.postgres,
            connect_timeout=PATIENCE,
            sslmode="disable",
            **who,  # type: ignore[arg-type]
        ).close()
    except psycopg.OperationalError as error:
        words = " ".join(str(error).split())
        if "refused" in words or "timeout" in words:
            raise CannotBeCheckedError(words) from error
        return words
    return None


def passwords(patient: Patient) -> Iterator[Hole]:
    """Look at how passwords are kept."""
    with superuser(patient) as connection:
        rows = connection.execute(
            "SELECT rolname FROM pg_authid WHERE rolpassword IS NOT NULL AND rolpassword !~ '^SCRAM-SHA-256'"
        ).fetchall()
    for (role,) in rows:
        yield Hole(f"the password of `{role}` is kept as MD5")


def settings(patient: Patient) -> Iterator[Hole]:
    """Compare the server's settings with what they must be."""
    with superuser(patient) as connection:
        rows = connection.execute(
            "SELECT name, setting FROM pg_settings WHERE name = ANY (%s)", (list(SETTINGS),)
        ).fetchall()
    for name, found in rows:
        if found != SETTINGS[name]:
            mend = f"ALTER SYSTEM RESET {name}; then divebell down {{folder}}, divebell up {{folder}}"
            yield Hole(f"{name} is '{found}' instead of '{SETTINGS[name]}'", mend)


def parts(patient: Patient) -> Iterator[Hole]:
    """Come in as each part does: a door that is shut to the parts is no safe event but a broken one."""
    for role in SERVICE_ROLES:
        try:
            connect(patient.state, role, connect_timeout=PATIENCE).close()  # asks for SCRAM
        except DivebellError as error:
            yield Hole(f"`{role}` does not get in with SCRAM: {' '.join(error.message.split())}")


_HBA = "divebell down {folder}, divebell up {folder} writes pg_hba.conf anew"

CHECKS = (
    Check(
        "database.hba",
        "pg_hba.conf asks for SCRAM, of this machine and its containers alone, and of no superuser",
        "one line too many lets anybody in",
        _HBA,
        hba,
    ),
    Check(
        "database.superuser",
        "the superuser is refused over TCP",
        "a superuser of PostgreSQL runs programs on this machine",
        _HBA,
        superuser_refused,
    ),
    Check(
        "database.wrong_password",
        "a wrong password is refused, unencrypted connections included",
        "anybody would be the loader, and change every table",
        _HBA,
        wrong_password,
    ),
    Check(
        "database.parts",
        "the event's parts get in with SCRAM",
        "a server that asks for less could read their passwords",
        _HBA,
        parts,
    ),
    Check(
        "database.passwords",
        "every password is kept as a SCRAM verifier",
        "an MD5 hash can be used in place of the password",
        "divebell up {folder} sets the parts' passwords anew; ALTER ROLE ... PASSWORD NULL for other roles",
        passwords,
    ),
    Check(
        "database.settings",
        "the server keeps passwords as SCRAM, no values in its log, and loads no foreign library",
        "a log of statements is a log of what people typed",
        "ALTER SYSTEM RESET ALL; then divebell down {folder}, divebell up {folder}",
        settings,
    ),
)
