"""The hub gives each volunteer a role, and can do nothing else with that power."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg import errors

from divebell.database import admin, connect, prepare, provision
from divebell.database.connection import conninfo, scram_verifier
from live import until


def enter(cluster: Any, name: str, password: str) -> psycopg.Connection:
    place = {**conninfo(cluster.state, "event_hub"), "user": f"v_{name}", "password": password}
    return psycopg.connect(**place, autocommit=True)


def test_a_renewed_password_replaces_the_earlier_one(empty_cluster: Any) -> None:
    with connect(empty_cluster.state, "event_hub") as hub:
        first, second = provision(hub, "ana"), provision(hub, "ana")
    assert first != second
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        enter(empty_cluster, "ana", first)
    enter(empty_cluster, "ana", second).close()


def test_what_a_volunteer_changed_about_the_own_role_is_undone(empty_cluster: Any) -> None:
    with connect(empty_cluster.state, "event_hub") as hub:
        with enter(empty_cluster, "ana", provision(hub, "ana")) as ana:
            ana.execute("ALTER ROLE v_ana PASSWORD 'my own'")
            ana.execute("ALTER ROLE v_ana SET statement_timeout = 0")
            ana.execute("ALTER ROLE v_ana IN DATABASE event SET search_path = pg_temp")
        password = provision(hub, "ana")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        enter(empty_cluster, "ana", "my own")
    with enter(empty_cluster, "ana", password) as ana:
        shown = [ana.execute(f"SHOW {name}").fetchone() for name in ("statement_timeout", "search_path")]
        assert shown == [("15min",), ('"$user", data, public',)]


def shown(connection: psycopg.Connection, names: tuple[str, ...]) -> list[str]:
    return [connection.execute(f"SHOW {name}").fetchone()[0] for name in names]


def test_the_limits_of_the_event_file_are_a_volunteers_defaults(empty_cluster: Any) -> None:
    names = (
        *("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"),
        *("idle_session_timeout", "temp_file_limit", "default_tablespace", "temp_tablespaces"),
    )
    with connect(empty_cluster.state, "event_hub") as hub:
        password = provision(hub, "ana")
    with enter(empty_cluster, "ana", password) as ana:
        assert shown(ana, names) == ["15min", "30s", "5min", "1h", "64MB", "scratch", "scratch"]


def test_limits_changed_in_the_event_file_are_everybodys_after_the_next_up(empty_cluster: Any) -> None:
    with connect(empty_cluster.state, "event_hub") as hub:
        password = provision(hub, "ana")
    stricter = empty_cluster.event.database.model_copy(update={"connections": 2, "longest_query": "90 s"})
    try:
        prepare(empty_cluster.event.model_copy(update={"database": stricter}), empty_cluster.state)
        with enter(empty_cluster, "ana", password) as ana, enter(empty_cluster, "ana", password):
            assert shown(ana, ("statement_timeout",)) == ["90s"]
            with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
                enter(empty_cluster, "ana", password)
    finally:
        prepare(empty_cluster.event, empty_cluster.state)


def test_a_volunteer_who_holds_the_own_role_keeps_no_event_from_starting(empty_cluster: Any) -> None:
    with (
        connect(empty_cluster.state, "event_hub") as hub,
        enter(empty_cluster, "eve", provision(hub, "eve")) as eve,
        eve.transaction(),
    ):
        hub.commit()
        eve.execute("ALTER ROLE v_eve SET work_mem = '17MB'")
        prepare(empty_cluster.event, empty_cluster.state)


def test_tables_outlive_a_renewal(empty_cluster: Any) -> None:
    with connect(empty_cluster.state, "event_hub") as hub:
        with enter(empty_cluster, "ana", provision(hub, "ana")) as ana:
            ana.execute("CREATE TABLE kept AS SELECT 1 AS n")
        with enter(empty_cluster, "ana", provision(hub, "ana")) as ana:
            assert ana.execute("SELECT n FROM kept").fetchone() == (1,)


def test_many_at_once_are_all_provisioned(empty_cluster: Any) -> None:
    def one(number: int) -> None:
        with connect(empty_cluster.state, "event_hub") as hub:
            enter(empty_cluster, f"p{number % 20}", provision(hub, f"p{number % 20}")).close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(20)))


def test_a_volunteer_who_holds_up_the_own_role_holds_up_nobody_else(empty_cluster: Any) -> None:
    def renew() -> None:
        with connect(empty_cluster.state, "event_hub") as hub, pytest.raises(errors.QueryCanceled):
            provision(hub, "eve")

    with (
        admin(empty_cluster.state, autocommit=True) as watcher,
        connect(empty_cluster.state, "event_hub") as hub,
        ThreadPoolExecutor(1) as pool,
        enter(empty_cluster, "eve", provision(hub, "eve")) as eve,
        eve.transaction(),
    ):
        eve.execute("ALTER ROLE v_eve SET work_mem = '17MB'")
        held_up = pool.submit(renew)
        until(lambda: waiting_for_locks(watcher), "nobody is held up")
        hub.execute("SET lock_timeout = '1s'")  # how busy the machine is does not count
        provision(hub, "ana")
        [waiting] = waiting_for_locks(watcher)
        watcher.execute("SELECT pg_cancel_backend(%s)", [waiting])
        held_up.result()


def waiting_for_locks(watcher: psycopg.Connection) -> list[int]:
    """Give the hub's sessions that wait for a lock."""
    waiting = "SELECT pid FROM pg_stat_activity WHERE usename = 'event_hub' AND wait_event_type = 'Lock'"
    return [pid for (pid,) in watcher.execute(waiting).fetchall()]


@pytest.mark.parametrize(
    "role",
    [
        *(
            "postgres",
            "event_owner",
            "event_web",
            "event_tiles",
            "event_watchdog",
            "v_",
            "v_1",
            "v_Ana",
            "v_ana; DROP TABLE x",
            'v_"',
        ),
        *("V_ana", "v_ana\n", "v_" + "a" * 32, "pg_read_all_data", "volunteers", ""),
    ],
)
def test_only_a_persons_role_can_be_provisioned(cluster: Any, role: str) -> None:
    with connect(cluster.state, "event_hub") as hub:
        verifier = scram_verifier(hub, "v_ana", "x")
        with pytest.raises(errors.RaiseException, match="not the role of a person"):
            hub.execute("CALL public.provision(%s, %s)", (role, verifier))


@pytest.mark.parametrize(
    "verifier", ["cleartext", "md5" + "0" * 32, "SCRAM-SHA-256$", "SCRAM-SHA-256$4096:x$y:z", ""]
)
def test_only_a_verifier_is_taken(cluster: Any, verifier: str) -> None:
    with (
        connect(cluster.state, "event_hub") as hub,
        pytest.raises(errors.RaiseException, match="not a SCRAM-SHA-256 verifier"),
    ):
        hub.execute("CALL public.provision(%s, %s)", ("v_ana", verifier))


@pytest.mark.parametrize("role", ["event_web", "event_loader", "event_tiles", "event_watchdog"])
def test_the_other_services_may_not_provision(cluster: Any, role: str) -> None:
    with connect(cluster.state, role) as connection, pytest.raises(psycopg.Error, match="permission denied"):
        provision(connection, "ana")


@pytest.mark.parametrize(
    "statement",
    [
        *("CREATE ROLE mine", "ALTER ROLE v_ana SUPERUSER", "GRANT event_owner TO event_hub"),
        *("SET ROLE event_owner", "SET ROLE v_ana", "CREATE TABLE public.t (n int)", "DO 'BEGIN END'"),
        *("COPY (SELECT 1) TO PROGRAM 'id'", "SELECT pg_read_file('/etc/passwd')"),
        "GRANT pg_execute_server_program TO event_hub",
    ],
)
@pytest.mark.parametrize("role", ["event_hub", "event_web", "event_tiles", "event_watchdog"])
def test_the_services_are_no_way_to_more_power(empty_cluster: Any, role: str, statement: str) -> None:
    with connect(empty_cluster.state, "event_hub") as hub:
        provision(hub, "ana")
    refused = errors.InsufficientPrivilege | errors.ReadOnlySqlTransaction
    with (
        connect(empty_cluster.state, role, autocommit=True) as connection,
        pytest.raises(psycopg.Error) as no,
    ):
        connection.execute(statement)
    assert isinstance(no.value, refused), no.value


def test_the_hub_keeps_people_and_the_web_resets_them(empty_cluster: Any) -> None:
    with connect(empty_cluster.state, "event_hub") as hub:
        hub.execute(
            "INSERT INTO people.person (name, identity, return_code_hash) VALUES ('ana', 'password:ana', 'x')"
        )
        hub.execute("INSERT INTO people.device (token_hash, name) VALUES ('y', 'ana')")
    with connect(empty_cluster.state, "event_web", autocommit=True) as web:
        assert web.execute("SELECT name, reset FROM people.roster").fetchall() == [("ana", False)]
        with pytest.raises(errors.InsufficientPrivilege):
            web.execute("SELECT * FROM people.device")
        web.execute("BEGIN READ WRITE")
        assert web.execute("SELECT people.reset('ana'), people.reset('ben')").fetchone() == ("yes", "unknown")
        web.execute("COMMIT")
        assert web.execute("SELECT name, reset FROM people.roster").fetchall() == [("ana", True)]
    with connect(empty_cluster.state, "event_hub") as hub:
        assert hub.execute("SELECT count(*) FROM people.device").fetchone() == (0,)


def test_a_change_of_the_catalogue_is_announced(empty_cluster: Any) -> None:
    with (
        connect(empty_cluster.state, "event_web", autocommit=True) as web,
        connect(empty_cluster.state, "event_loader", autocommit=True) as loader,
    ):
        web.execute("LISTEN catalogue")
        loader.execute(
            "INSERT INTO catalogue.failure (file, identity, reason, commit) VALUES ('a', 'b', 'c', 'd')"
        )
        assert [notice.channel for notice in web.notifies(timeout=60, stop_after=1)] == ["catalogue"]


def test_no_service_role_but_the_superuser_owns_the_procedure(cluster: Any) -> None:
    with admin(cluster.state) as database:
        owner = (
            "SELECT proowner::regrole::text, prosecdef, proconfig FROM pg_proc WHERE proname = 'provision'"
        )
        assert database.execute(owner).fetchall() == [("postgres", True, ["search_path=pg_catalog, pg_temp"])]
