"""The watchdog against the real server: each limit, tried by a volunteer who has lifted what can be lifted."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import errors

from divebell.database import admin, connect, prepare, provision
from divebell.database.connection import conninfo
from divebell.database.interventions import listing
from divebell.watchdog import watch
from divebell.watchdog.rules import Machine, Offence
from divebell.watchdog.watch import Watch, tidy
from live import until

Enter = Callable[..., psycopg.Connection]
ENDED = (errors.AdminShutdown, psycopg.OperationalError)


@pytest.fixture
def enter(empty_cluster: Any) -> Iterator[Enter]:
    """Give a function that connects as a volunteer and lifts the timeouts."""
    opened: list[psycopg.Connection] = []
    passwords: dict[str, str] = {}

    def connected(name: str) -> psycopg.Connection:
        if name not in passwords:
            with connect(empty_cluster.state, "event_hub") as hub:
                passwords[name] = provision(hub, name)
        place = {**conninfo(empty_cluster.state, "event_hub"), "user": f"v_{name}"}
        opened.append(psycopg.connect(**{**place, "password": passwords[name]}, autocommit=True))
        for setting in ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout"):
            opened[-1].execute(f"SET {setting} = 0")
        return opened[-1]

    yield connected
    for connection in opened:
        connection.close()


@pytest.fixture
def allow(empty_cluster: Any) -> Iterator[Callable[..., None]]:
    """Give a function that sets the event's limits, as the event file would."""

    def limits(*, query: float = 900, idle: float = 300, locks: int = 2000) -> None:
        with admin(empty_cluster.state) as database:
            database.execute(
                "UPDATE divebell.limits SET query_seconds = %s, idle_seconds = %s, locks = %s",
                (query, idle, locks),
            )

    yield limits
    limits()


@pytest.fixture
def watchdog(empty_cluster: Any) -> Iterator[psycopg.Connection]:
    with connect(empty_cluster.state, "event_watchdog", autocommit=True) as connection:
        yield connection


def busy(
    connection: psycopg.Connection, statement: str, raised: list[Exception] | None = None
) -> tuple[threading.Thread, list[Exception]]:
    """Run a statement beside the test; what it raises ends up in the list."""
    raised = [] if raised is None else raised

    def run() -> None:
        try:
            connection.execute(statement)
        except psycopg.Error as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, raised


@dataclass
class Clock:
    """Goes a second with every round, however long that takes here."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def until_something_is_done(watching: Watch, clock: Clock | None = None, seconds: float = 120) -> Offence:
    deadline = time.monotonic() + seconds
    while not (done := watching.round()):
        assert time.monotonic() < deadline, "the watchdog did nothing"
        time.sleep(0.1)
        if clock:
            clock.now += 1
    return done[0]


def test_a_query_that_runs_too_long_is_ended_and_its_owner_reads_why(
    enter: Enter, allow: Callable[..., None], watchdog: psycopg.Connection, empty_cluster: Any
) -> None:
    allow(query=1)
    ana, ben = enter("ana"), enter("ben")
    thread, raised = busy(ana, "SELECT pg_sleep(60)")
    done = until_something_is_done(Watch(watchdog, empty_cluster.state.postgres))
    thread.join(timeout=60)
    assert isinstance(raised[0], errors.QueryCanceled)
    assert (done.session.role, done.what) == ("v_ana", "query")
    [(what, limit, detail, query)] = ana.execute(
        'SELECT what, "limit", detail, query FROM watch.mine'
    ).fetchall()
    assert (what, limit, query) == ("query", "1 s for one statement", "SELECT pg_sleep(60)")
    assert re.match(r"A query of yours was ended after [0-9.]+ s\.", detail)
    assert ben.execute("SELECT count(*) FROM watch.mine").fetchone() == (0,)
    ana.execute("SET ROLE volunteers")
    assert ana.execute("SELECT count(*) FROM watch.mine").fetchone() == (1,)


def test_a_query_that_does_not_listen_loses_its_connection(
    enter: Enter, allow: Callable[..., None], watchdog: psycopg.Connection, empty_cluster: Any
) -> None:
    allow(query=0.1)
    clock = Clock()
    deaf = "translate(repeat('x', 10000000), repeat('y', 50) || 'x', repeat('z', 51))"  # looks up when done
    thread, raised = busy(enter("ana"), f"SELECT length({deaf})")
    watching = Watch(watchdog, empty_cluster.state.postgres, clock)
    until_something_is_done(watching)
    assert watching.round() == []  # it was told a moment ago
    clock.now += watch.PATIENCE_SECONDS
    assert watching.round()
    thread.join(timeout=120)
    assert isinstance(raised[0], ENDED)
    with admin(empty_cluster.state) as database:
        assert len(listing(database)) == 1


def test_a_transaction_left_open_is_ended(
    enter: Enter, allow: Callable[..., None], watchdog: psycopg.Connection, empty_cluster: Any
) -> None:
    allow(idle=0.5)
    ana = enter("ana")
    ana.execute("BEGIN")
    ana.execute("CREATE TABLE half (n int)")
    done = until_something_is_done(Watch(watchdog, empty_cluster.state.postgres))
    assert done.what == "idle transaction"
    with pytest.raises(ENDED):
        ana.execute("COMMIT")
    assert enter("ana").execute("SELECT to_regclass('v_ana.half')").fetchone() == (None,)


def test_a_hoard_of_locks_is_ended(
    enter: Enter, allow: Callable[..., None], watchdog: psycopg.Connection, empty_cluster: Any
) -> None:
    allow(locks=100)
    ana = enter("ana")
    watching = Watch(watchdog, empty_cluster.state.postgres)
    for n in range(150):
        ana.execute(f"CREATE TABLE t{n} (n int)")
    assert watching.round() == []
    ana.execute("BEGIN")
    for n in range(150):
        ana.execute(f"LOCK TABLE t{n}")
    assert until_something_is_done(watching).what == "locks"
    with pytest.raises(ENDED):
        ana.execute("SELECT 1")


def test_an_open_transaction_does_not_keep_the_loader_waiting(
    enter: Enter, watchdog: psycopg.Connection, empty_cluster: Any
) -> None:
    state = empty_cluster.state
    with connect(state, "event_loader", autocommit=True) as loader:
        loader.execute("CREATE TABLE data.wells AS SELECT 1 AS n")
        ana, ben = enter("ana"), enter("ben")
        ana.execute("BEGIN")
        ana.execute("SELECT * FROM wells")
        loader.execute("SET lock_timeout = '120s'")
        thread, raised = busy(loader, "LOCK TABLE data.wells; DROP TABLE data.wells")
        reader, _ = busy(ben, "SELECT pg_sleep(1)")
        clock = Clock()
        done = until_something_is_done(Watch(watchdog, state.postgres, clock), clock)
        thread.join(timeout=60)
        reader.join(timeout=60)
    assert (done.what, done.session.role, raised) == ("blocking", "v_ana", [])
    assert "the loader had to wait for it" in done.detail


def test_who_holds_the_own_role_does_not_keep_the_hub_waiting(
    enter: Enter, watchdog: psycopg.Connection, empty_cluster: Any
) -> None:
    eve = enter("eve")
    eve.execute("BEGIN")
    eve.execute("ALTER ROLE v_eve SET work_mem = '17MB'")
    thread, _ = busy(eve, "SELECT pg_sleep(60)")
    with connect(empty_cluster.state, "event_hub") as hub:
        renewed: list[str] = []
        renewing = threading.Thread(target=lambda: renewed.append(provision(hub, "eve")))
        renewing.start()
        clock = Clock()
        done = until_something_is_done(Watch(watchdog, empty_cluster.state.postgres, clock), clock)
        renewing.join(timeout=60)
        thread.join(timeout=60)
    assert (done.what, done.session.role) == ("blocking", "v_eve")
    assert renewed


BIG = "SELECT g, repeat('x', 500) AS x FROM generate_series(1, 400000) g"
"""Some 200 MB: more than memory for a sort, less than the space of the tests' event."""


@pytest.mark.parametrize(
    ("before", "statement"),
    [
        (
            "SET temp_tablespaces = ''; SET work_mem = '1MB'",
            f"SELECT count(*), pg_sleep(30) FROM ({BIG} ORDER BY -g) s, pg_sleep(5)",
        ),
        ("BEGIN", f"EXPLAIN ANALYZE CREATE TABLE big TABLESPACE pg_default AS {BIG}"),
        ("BEGIN", f"EXPLAIN ANALYZE CREATE TEMP TABLE big TABLESPACE pg_default AS {BIG}"),
        (
            "EXPLAIN ANALYZE CREATE TABLE big TABLESPACE pg_default AS SELECT 1 AS g, '' AS x; BEGIN",
            f"INSERT INTO big {BIG}",
        ),
        (
            "EXPLAIN ANALYZE CREATE TEMP TABLE big TABLESPACE pg_default AS SELECT 1 AS g, '' AS x",
            f"INSERT INTO big {BIG}",
        ),
    ],
    ids=["temporary files", "new table", "new temporary table", "table put outside", "temporary table"],
)
def test_who_writes_outside_the_space_is_stopped(
    enter: Enter, watchdog: psycopg.Connection, empty_cluster: Any, before: str, statement: str
) -> None:
    ana = enter("ana")
    ana.execute("SET temp_tablespaces = ''")
    for each in before.split("; "):
        ana.execute(each)
    thread, raised = busy(ana, statement)
    done = until_something_is_done(Watch(watchdog, empty_cluster.state.postgres))
    thread.join(timeout=120)
    assert done.what == "outside"
    if not raised:  # the statement came to its end before it was seen: its transaction was ended
        busy(ana, "SELECT 1", raised)[0].join(timeout=60)
    assert isinstance(raised[0], ENDED)
    with admin(empty_cluster.state, autocommit=True) as database:
        size = "SELECT coalesce(sum(size), 0) FROM pg_ls_tmpdir()"
        until(lambda: database.execute(size).fetchone() == (0,), "its files are still there")


def test_what_was_put_outside_is_brought_back(
    enter: Enter, watchdog: psycopg.Connection, empty_cluster: Any
) -> None:
    ana = enter("ana")
    ana.execute("CREATE TABLE kept (n int PRIMARY KEY)")
    ana.execute("EXPLAIN ANALYZE CREATE TABLE elsewhere TABLESPACE pg_default AS SELECT 1 AS n")
    if watchdog.info.server_version < 170000:
        ana.execute("REINDEX (TABLESPACE pg_default) TABLE kept")
    done = tidy(watchdog)
    assert ("v_ana", "v_ana.elsewhere", "moved") in done
    for name in ("elsewhere", "kept", "kept_pkey"):
        path = ana.execute("SELECT pg_relation_filepath(%s)", (f"v_ana.{name}",)).fetchone()[0]
        assert path.startswith("pg_tblspc/"), name
    assert tidy(watchdog) == []
    [(detail, times)] = ana.execute("SELECT detail, times FROM watch.mine").fetchall()
    assert "was moved back" in detail
    assert times == len(done)


@pytest.mark.root
def test_what_was_put_outside_and_has_no_room_is_dropped(
    enter: Enter, watchdog: psycopg.Connection, empty_cluster: Any
) -> None:
    ana = enter("ana")
    ana.execute(f"EXPLAIN ANALYZE CREATE TABLE huge TABLESPACE pg_default AS {BIG}, generate_series(1, 2)")
    assert tidy(watchdog) == [("v_ana", "v_ana.huge", "dropped")]
    assert ana.execute("SELECT to_regclass('v_ana.huge')").fetchone() == (None,)
    [(detail,)] = ana.execute("SELECT detail FROM watch.mine").fetchall()
    assert "was dropped" in detail


def test_when_the_disk_is_nearly_full_those_who_write_are_ended(
    enter: Enter, watchdog: psycopg.Connection, empty_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "look", lambda _: Machine(disk_short=True))
    ana, ben = enter("ana"), enter("ben")
    for connection, statement in ((ana, "CREATE TABLE t (n int)"), (ben, "SELECT 1")):
        connection.execute("BEGIN")
        connection.execute(statement)
    done = until_something_is_done(Watch(watchdog, empty_cluster.state.postgres))
    assert (done.what, done.session.role) == ("disk", "v_ana")
    ben.execute("COMMIT")


def test_nobody_but_volunteers_is_ever_ended(
    enter: Enter, allow: Callable[..., None], watchdog: psycopg.Connection, empty_cluster: Any
) -> None:
    allow(query=0.1, idle=0.1, locks=100)
    with contextlib.ExitStack() as stack:
        others = [
            stack.enter_context(connect(empty_cluster.state, role))
            for role in ("event_loader", "event_web", "event_hub", "event_tiles")
        ]
        others.append(stack.enter_context(admin(empty_cluster.state)))
        for connection in others:
            connection.execute("SELECT 1")  # and leaves its transaction open
        slow, raised = busy(others[-1], "SELECT pg_sleep(3)")
        watching = Watch(watchdog, empty_cluster.state.postgres)
        for _ in range(20):
            assert watching.round() == []
            time.sleep(0.1)
        slow.join()
        for connection in others:
            connection.execute("SELECT 1")
        assert raised == []


def test_the_same_again_and_again_is_one_row(
    enter: Enter, allow: Callable[..., None], watchdog: psycopg.Connection, empty_cluster: Any
) -> None:
    allow(idle=0.1)
    watching = Watch(watchdog, empty_cluster.state.postgres)
    for _ in range(3):
        enter("ana").execute("BEGIN")
        until_something_is_done(watching)
    with admin(empty_cluster.state) as database:
        assert [(each.role, each.times) for each in listing(database)] == [("v_ana", 3)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM data.wells",
        "SELECT * FROM v_ana.private",
        "SELECT * FROM v_ana.shared",
        "SELECT * FROM catalogue.dataset",
        "SELECT * FROM people.person",
        "SELECT * FROM people.roster",
        "SELECT * FROM divebell.limits",
        "COPY data.wells TO STDOUT",
        "SELECT rolpassword FROM pg_authid",
        "SELECT pg_read_file('PG_VERSION')",
        "SELECT * FROM pg_ls_dir('.')",
        "DELETE FROM watch.intervention",
        "UPDATE watch.intervention SET detail = 'nothing happened'",
        "TRUNCATE watch.intervention",
        "CREATE TABLE watch.mine_too (n int)",
        "CREATE TEMP TABLE t (n int)",
        "SET ROLE v_ana",
        "SET ROLE event_owner",
        "CALL public.provision('v_ana', 'x')",
        "SELECT divebell.move_strays(true)",
        "ALTER TABLE v_ana.private SET TABLESPACE pg_default",
    ],
)
def test_the_watchdog_can_read_and_change_nothing_of_anybody(
    enter: Enter, watchdog: psycopg.Connection, empty_cluster: Any, statement: str
) -> None:
    with connect(empty_cluster.state, "event_loader") as loader:
        loader.execute("CREATE TABLE data.wells AS SELECT 1 AS n")
    ana = enter("ana")
    ana.execute("CREATE TABLE private AS SELECT 1 AS n")
    ana.execute("CREATE TABLE shared AS SELECT 1 AS n")
    ana.execute("GRANT SELECT ON shared TO event_reader")
    with pytest.raises(errors.InsufficientPrivilege):
        watchdog.execute(statement)


def test_the_watchdog_ends_no_superusers_session(watchdog: psycopg.Connection, empty_cluster: Any) -> None:
    with admin(empty_cluster.state) as database, pytest.raises(errors.InsufficientPrivilege):
        watchdog.execute("SELECT pg_terminate_backend(%s)", (database.info.backend_pid,))


RunServer = Callable[[Any], AbstractContextManager[subprocess.Popen[bytes]]]


def test_the_program_watches_outlives_the_database_and_ends_when_told(
    event_folder: Any, run_server: RunServer
) -> None:
    state = event_folder.state
    limits = event_folder.event.database.model_copy(update={"longest_query": "1 s"})
    event = event_folder.event.model_copy(update={"database": limits})

    def hold_on(name: str) -> None:
        with connect(state, "event_hub") as hub:
            password = provision(hub, name)
        place = {**conninfo(state, "event_hub"), "user": f"v_{name}", "password": password}
        with psycopg.connect(**place, autocommit=True) as volunteer:
            volunteer.execute("SET statement_timeout = 0")
            with pytest.raises(errors.QueryCanceled):
                volunteer.execute("SELECT pg_sleep(120)")
            mine = "SELECT count(*) FROM watch.mine"
            until(lambda: volunteer.execute(mine).fetchone() == (1,), "it is not written down")

    program = subprocess.Popen([sys.executable, "-m", "divebell.watchdog", str(event_folder.folder)])
    try:
        for name in ("ana", "ben"):  # the second time after the database was away
            with run_server(event_folder):
                prepare(event, state)
                hold_on(name)
    finally:
        os.kill(program.pid, signal.SIGTERM)
        assert program.wait(timeout=60) == -signal.SIGTERM
