"""A PostGIS for stock, of the kind divebell's events have: same programs, same settings, a role for all."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from contenders.event import free_port
from divebell import database
from divebell.database.account import run_as, server_account
from divebell.database.binaries import find_binaries
from divebell.database.cluster import inherited, make_cluster, server_command, write_configuration
from divebell.database.connection import DATABASE
from divebell.database.serve import configuration, server_environment
from divebell.errors import DivebellError
from divebell.event import Event, Ports, State, load_event

ROLE = "stock"
_STARTS_WITHIN = _ENDS_WITHIN = 60.0


@dataclass(frozen=True)
class PostGIS:
    """A running server."""

    process: subprocess.Popen[bytes]
    variables: dict[str, str]
    """What psycopg needs to find it and to be let in."""


@contextmanager
def postgis(users: int, password: str, place: tuple[str, str] | None) -> Iterator[PostGIS]:
    """Keep a server for `users` people; `place`: where it listens besides, and who comes from there."""
    with tempfile.TemporaryDirectory(prefix="divebell-stock-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        (folder / "data").mkdir()
        (folder / "event.yaml").write_text(
            f"name: Stock\npeople: {{expected: {users + 5}}}\ndata: {{repository: .}}\n"
        )
        event, state = load_event(folder), State.beside(folder / "event.yaml")
        process = _serve(event, state, place)
        try:
            _prepare(state, process, password)
            host, port = (place[0] if place else "127.0.0.1"), Ports.load(state).postgres
            yield PostGIS(process, _variables(host, port, password))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=_ENDS_WITHIN)


def _serve(event: Event, state: State, place: tuple[str, str] | None) -> subprocess.Popen[bytes]:
    state.folder.mkdir(mode=0o700)
    Ports(*(free_port() for _ in range(7))).save(state)
    account, binaries = server_account(), find_binaries()
    make_cluster(state, binaries, account)
    write_configuration(state, _configuration(event, state, place))
    with inherited(state) as root, (state.folder / "postgres.log").open("wb") as log:
        command = server_command(binaries, root.path)
        return subprocess.Popen(
            run_as(account.uid, account.gid, command, reachable=[binaries.folder]),
            env=server_environment(state, {"PATH": "/usr/bin:/bin"}),
            cwd="/",
            pass_fds=(root.descriptor,),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _configuration(event: Event, state: State, place: tuple[str, str] | None) -> dict[str, str]:
    files = configuration(event, state)
    addresses = ["127.0.0.1", *([place[0]] if place else [])]
    networks = ["127.0.0.1/32", *([place[1]] if place else [])]
    lines = "".join(f"host {DATABASE} {ROLE} {network} scram-sha-256\n" for network in networks)
    return files | {
        "postgresql.conf": f"{files['postgresql.conf']}listen_addresses = '{','.join(addresses)}'\n",
        "pg_hba.conf": lines + files["pg_hba.conf"],
    }


def _prepare(state: State, process: subprocess.Popen[bytes], password: str) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN
    while True:
        try:
            with database.admin(state, "postgres", autocommit=True) as server:
                server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
            break
        except DivebellError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.2)
    with database.admin(state) as connection:
        connection.execute("CREATE EXTENSION postgis")
        role = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        connection.execute(role.format(sql.Identifier(ROLE), sql.Literal(password)))


def _variables(host: str, port: int, password: str) -> dict[str, str]:
    return {
        "PGHOST": host,
        "PGPORT": str(port),
        "PGDATABASE": DATABASE,
        "PGUSER": ROLE,
        "PGPASSWORD": password,
    }
