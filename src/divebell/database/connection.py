"""Connect to the event's database as one of its roles, or as its superuser over the socket."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import psycopg

from divebell.database.cluster import socket_folder
from divebell.database.settings import SERVICE_ROLES, SUPERUSER
from divebell.errors import DivebellError
from divebell.event import Ports, Secrets, State, load_secrets

DATABASE = "event"
NO_ENTRY = "the event's database does not let us in"
SOCKET_PATH_LIMIT = 107
"""How many bytes the path of a unix socket may have (sun_path on Linux)."""


def role_of(person_name: str) -> str:
    """Give the database role, and schema, of a person."""
    return f"v_{person_name}"


def conninfo(state: State, role: str) -> dict[str, str | int]:
    """Give host, port, user, password and dbname of one of the event's service roles.

    The keys are libpq's; asyncpg calls `dbname` `database`. Raises DivebellError before the first `up`.
    """
    if role not in SERVICE_ROLES:
        raise ValueError(f"expected one of {', '.join(SERVICE_ROLES)}, not {role!r}")
    try:
        secrets, port = load_secrets(state), Ports.load(state).postgres
    except FileNotFoundError as error:
        raise DivebellError(
            f"this event has not been started yet: {error.filename} is missing", next_step="divebell up"
        ) from error
    return {
        "host": "127.0.0.1",
        "port": port,
        "user": role,
        "password": service_passwords(secrets)[role],
        "dbname": DATABASE,
    }


def service_passwords(secrets: Secrets) -> dict[str, str]:
    """Give the password of each service role."""
    return {
        "event_hub": secrets.hub_database_password,
        "event_loader": secrets.loader_database_password,
        "event_web": secrets.web_database_password,
        "event_tiles": secrets.tiles_database_password,
        "event_watchdog": secrets.watchdog_database_password,
    }


def connect(state: State, role: str, **kwargs: Any) -> psycopg.Connection:
    """Connect as one of the event's service roles; `kwargs` are those of `psycopg.connect`.

    Raises DivebellError when the database does not answer or does not let the role in.
    """
    given = {
        "connect_timeout": 5,
        "application_name": role,
        "sslmode": "disable",
        "require_auth": "scram-sha-256",  # whoever else may listen there is never told the password
        **conninfo(state, role),
        **kwargs,
    }
    with in_words(NO_ENTRY):
        return psycopg.connect(**given)


def admin(state: State, dbname: str = DATABASE, **kwargs: Any) -> psycopg.Connection:
    """Connect as the superuser, which only the account that ran `up` may, over the unix socket.

    Never read what volunteers made with it: views of theirs would run as the superuser, and are refused.
    """
    try:
        port = Ports.load(state).postgres
    except FileNotFoundError as error:
        raise DivebellError("this event has not been started yet", next_step="divebell up") from error
    given = {"port": port, "user": SUPERUSER, "dbname": dbname, "application_name": "divebell", **kwargs}
    with in_words(NO_ENTRY), _short_path(state, port) as folder:
        return psycopg.connect(host=folder, **given)


def scram_verifier(connection: psycopg.Connection, role: str, password: str) -> str:
    """Give what the server keeps instead of the password; computed here, so no log can show a password."""
    return connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()


@contextlib.contextmanager
def _short_path(state: State, port: int) -> Iterator[str]:
    """Give a path of the socket's folder that is short enough for a socket address."""
    folder = socket_folder(state)
    if len(os.fsencode(folder / f".s.PGSQL.{port}")) <= SOCKET_PATH_LIMIT:
        yield str(folder)
        return
    if not folder.exists():
        raise not_running()
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def not_running() -> DivebellError:
    """Give the error for a database that is not there."""
    return DivebellError("the event is not running: its database does not answer", next_step="divebell up")


@contextlib.contextmanager
def in_words(what: str) -> Iterator[None]:
    """Turn the server's being away, full or refusing into a DivebellError that begins with `what`."""
    try:
        yield
    except psycopg.OperationalError as error:
        words = str(error).strip()
        if "Connection refused" in words or "No such file" in words:
            raise not_running() from error
        raise DivebellError(
            f"{what}: {words}",
            next_step="divebell status names what is away; divebell up starts it; divebell logs postgres",
        ) from error
