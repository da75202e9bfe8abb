"""A real PostgreSQL for integration tests, started by divebell itself.

`cluster`: one server for the whole session, prepared (roles, schemas, migrations). It gives what
`event_folder` gives (`.folder`, `.event`, `.state`, `.secrets`, `.ports`), so a test connects with

    from divebell.database import admin, connect, provision
    with connect(cluster.state, "event_loader") as connection: ...

Whatever earlier tests left is still there: take names of your own, or use

`empty_cluster`: the same server with nothing in `data`, `stage`, `catalogue` and `people`, and no volunteers.

`run_server(event_folder)`: a context manager that runs a server of its own on an event's folder (2-3 s);
it gives the process. The test calls `prepare` itself if it needs to.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from psycopg import sql

from divebell.database import admin, prepare
from divebell.errors import DivebellError

START_SECONDS = 180


def start_server(folder: Any) -> subprocess.Popen[bytes]:
    """Start the server of an event's folder; its log goes to `postgres.log` beside the event file."""
    with (folder.folder / "postgres.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "divebell.database.serve", str(folder.folder)],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def wait_for_server(folder: Any, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server lets the superuser in."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            admin(folder.state, "postgres").close()
        except DivebellError:
            if process.poll() is not None or time.monotonic() > deadline:
                log = (folder.folder / "postgres.log").read_text()
                pytest.fail(f"PostgreSQL did not start ({process.poll()}):\n{log}")
            time.sleep(0.1)
        else:
            return


def stop_server(process: subprocess.Popen[bytes]) -> None:
    """Stop a server fast; sessions end."""
    if process.poll() is None:
        os.kill(process.pid, signal.SIGINT)
    process.wait(timeout=180)


@contextmanager
def running_server(folder: Any) -> Iterator[subprocess.Popen[bytes]]:
    process = start_server(folder)
    try:
        wait_for_server(folder, process)
        yield process
    finally:
        stop_server(process)


@pytest.fixture(scope="session")
def run_server() -> Callable[[Any], AbstractContextManager[subprocess.Popen[bytes]]]:
    """Give the context manager that runs a server on an event's folder."""
    return running_server


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, make_event_folder: Callable[..., Any]) -> Iterator[Any]:
    """Give the session's event, whose database runs and is prepared."""
    folder = make_event_folder(tmp_path_factory.mktemp("cluster") / "event")
    with running_server(folder):
        prepare(folder.event, folder.state)
        yield folder


@pytest.fixture
def empty_cluster(cluster: Any) -> Any:
    """Give the session's event with no data, nobody signed in and no volunteers' roles."""
    with admin(cluster.state, autocommit=True) as database:
        # what volunteers still do would hold tables, and what they own
        database.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename ^@ 'v_'"
        )
        for schema, table in database.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('data', 'stage')"
        ).fetchall():
            database.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier(schema, table)))
        database.execute(
            "TRUNCATE catalogue.dataset, catalogue.history, catalogue.failure, people.person, watch.intervention CASCADE"
        )
        database.execute("UPDATE catalogue.loader SET commit = NULL, activity = 'starting', detail = ''")
        for (role,) in database.execute("SELECT rolname FROM pg_roles WHERE rolname ^@ 'v_'").fetchall():
            name = sql.Identifier(role)
            database.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(name))
            database.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(name))
            database.execute(sql.SQL("DROP ROLE {}").format(name))
    return cluster
