"""The private cluster: who it lets in, and that it comes back after every kind of end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from divebell.database import admin, connect, prepare, provision
from divebell.database.account import server_account
from divebell.database.cluster import data_folder, socket_folder
from divebell.database.connection import conninfo
from divebell.database.leftovers import processes_in
from divebell.database.settings import SERVICE_ROLES
from divebell.errors import DivebellError
from divebell.event import Containers, State
from live import until

RunServer = Callable[[Any], AbstractContextManager[subprocess.Popen[bytes]]]


def rows(folder: Any) -> list[tuple[int]]:
    with admin(folder.state) as database:
        return database.execute("SELECT n FROM data.kept ORDER BY n").fetchall()


def keep_a_row(folder: Any) -> None:
    prepare(folder.event, folder.state)
    with admin(folder.state) as database:
        database.execute("CREATE TABLE data.kept AS SELECT 1 AS n")


SUPERVISOR = """
import subprocess, sys, time
command = [sys.argv[1], "-m", "divebell.database.serve", sys.argv[2]]
print(subprocess.Popen(["setpriv", "--pdeathsig", "INT", "--", *command]).pid, flush=True)
time.sleep(100)
"""


def wait(condition: Callable[[], bool]) -> None:
    until(condition, "it did not come about", 120)


def kill_server(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=60)


@pytest.mark.parametrize("user", ["postgres", "event_owner", "nobody_we_know", "root"])
@pytest.mark.parametrize("dbname", ["event", "postgres", "template1"])
def test_nobody_but_the_events_roles_comes_in_over_tcp(cluster: Any, user: str, dbname: str) -> None:
    port = cluster.ports.postgres
    with pytest.raises(psycopg.OperationalError, match=r"pg_hba\.conf rejects connection"):
        psycopg.connect(host="127.0.0.1", port=port, user=user, password="x", dbname=dbname)


def test_the_events_roles_reach_no_other_database(cluster: Any) -> None:
    for dbname in ("postgres", "template1"):
        with pytest.raises(DivebellError, match=r"pg_hba\.conf rejects connection"):
            connect(cluster.state, "event_hub", dbname=dbname)


def knock(port: int, user: str, address: str = "127.0.0.1", source: str = "127.0.0.1") -> socket.socket:
    """Connect and say who it would be, and no more."""
    connection = socket.create_connection((address, port), timeout=120, source_address=(source, 0))
    words = f"user\0{user}\0database\0event\0\0".encode()
    connection.sendall(struct.pack("!ii", len(words) + 8, 3 << 16) + words)
    return connection


def answer_to(connection: socket.socket) -> str:
    """Give what the server says: R asks for a password, E refuses."""
    with connection:
        return connection.recv(1).decode()


def test_containers_find_the_server_on_their_gateway_and_only_volunteers_come_in(
    event_folder: Any, run_server: RunServer
) -> None:
    Containers("n", "b", "127.0.0.2", "127.0.0.16/28", "i").save(event_folder.state)
    with run_server(event_folder):
        prepare(event_folder.event, event_folder.state)
        with connect(event_folder.state, "event_hub") as hub:
            provision(hub, "ana")
        port, gateway = event_folder.ports.postgres, "127.0.0.2"
        assert answer_to(knock(port, "v_ana", gateway, source="127.0.0.17")) == "R"
        for role in (*SERVICE_ROLES, "postgres", "event_owner"):
            assert answer_to(knock(port, role, gateway, source="127.0.0.17")) == "E", role
        assert answer_to(knock(port, "v_ana", gateway, source="127.0.0.33")) == "E"
        with pytest.raises(ConnectionRefusedError):
            knock(port, "v_ana", "127.0.0.3")


def test_connections_that_never_say_who_they_are_lock_nobody_out(cluster: Any) -> None:
    with connect(cluster.state, "event_hub") as hub:
        provision(hub, "ana")
    flood = [knock(cluster.ports.postgres, "v_ana") for _ in range(110)]
    try:
        assert {connection.recv(1) for connection in flood} == {b"R"}
        for role in SERVICE_ROLES:
            connect(cluster.state, role).close()
        admin(cluster.state).close()
        while flood[0].recv(1000):  # until it is closed
            pass
    finally:
        for connection in flood:
            connection.close()


def test_a_query_that_wants_all_memory_fails_and_the_server_stays(cluster: Any) -> None:
    with connect(cluster.state, "event_hub") as hub:
        password = provision(hub, "ana")
    place = {**conninfo(cluster.state, "event_hub"), "user": "v_ana", "password": password}
    with psycopg.connect(**place, autocommit=True) as ana, admin(cluster.state, autocommit=True) as before:
        ana.execute("SET work_mem = '20GB'")
        text = "repeat('x', 100000000) || g"
        with pytest.raises(psycopg.errors.OutOfMemory):
            ana.execute(f"SELECT count(*) FROM (SELECT {text} FROM generate_series(1, 4000) g ORDER BY 1) s")
        with pytest.raises(psycopg.errors.OutOfMemory):
            ana.execute(f"SELECT array_agg({text}) FROM generate_series(1, 4000) g")
        assert ana.execute("SELECT 1").fetchone() == before.execute("SELECT 1").fetchone()


def test_a_wrong_password_is_refused(cluster: Any) -> None:
    with pytest.raises(DivebellError, match="password authentication failed"):
        connect(cluster.state, "event_web", password="wrong")


def test_over_the_socket_there_is_the_superuser_alone(cluster: Any) -> None:
    with admin(cluster.state) as database:
        assert database.execute("SELECT current_user").fetchone() == ("postgres",)
    with pytest.raises(psycopg.OperationalError, match="rejects connection"):
        psycopg.connect(**{**conninfo(cluster.state, "event_hub"), "host": str(socket_folder(cluster.state))})


def test_the_superuser_is_refused_to_other_accounts_even_with_the_socket_in_reach(cluster: Any) -> None:
    if os.geteuid() != 0:
        assert (socket_folder(cluster.state).stat().st_mode & 0o077) == 0
        return
    descriptor = os.open(socket_folder(cluster.state), os.O_PATH)
    account = server_account()
    psql = [
        *("psql", f"--host=/proc/self/fd/{descriptor}", f"--port={cluster.ports.postgres}"),
        *("--username=postgres", "--command=SELECT 1", "postgres"),
    ]
    done = subprocess.run(
        ["setpriv", "--reuid", str(account.uid), "--regid", str(account.gid), "--clear-groups", *psql],
        pass_fds=[descriptor],
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(descriptor)
    assert done.returncode != 0
    assert "Peer authentication failed" in done.stderr


def test_no_rule_trusts_and_every_password_is_scram(cluster: Any) -> None:
    with admin(cluster.state) as database:
        rules = database.execute("SELECT auth_method, error FROM pg_hba_file_rules").fetchall()
        assert {method for method, _ in rules} == {"peer", "scram-sha-256", "reject"}
        assert {error for _, error in rules} == {None}
        passwords = database.execute("SELECT rolname, rolpassword FROM pg_authid WHERE rolcanlogin")
        for role, password in passwords.fetchall():
            assert password is None if role == "postgres" else password.startswith("SCRAM-SHA-256$")
        assert database.execute("SHOW data_checksums").fetchone() == ("on",)


def test_no_secret_reaches_the_log(cluster: Any) -> None:
    with connect(cluster.state, "event_hub") as hub:
        password = provision(hub, "logged")
        with pytest.raises(psycopg.Error):
            hub.execute("CALL public.provision(%s, %s)", ("v_logged", password))
    log = (cluster.folder / "postgres.log").read_text()
    assert "not a SCRAM-SHA-256 verifier" in log
    secrets = cluster.secrets
    for secret in (password, secrets.hub_database_password, secrets.web_database_password):
        assert secret not in log


def test_data_survives_a_restart_and_passwords_follow_the_secrets(
    event_folder: Any, run_server: RunServer
) -> None:
    with run_server(event_folder):
        keep_a_row(event_folder)
    with run_server(event_folder):
        prepare(event_folder.event, event_folder.state)
        assert rows(event_folder) == [(1,)]
        connect(event_folder.state, "event_web").close()


def test_the_server_comes_back_after_kill_9_while_a_session_works_on(
    event_folder: Any, run_server: RunServer
) -> None:
    with run_server(event_folder) as first:
        keep_a_row(event_folder)
        busy = admin(event_folder.state, autocommit=True)
        busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1e12)")
        busy.pgconn.flush()
        with admin(event_folder.state, autocommit=True) as watcher:
            works = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query ~ 'generate_series' AND pid = %s"
            pid = busy.info.backend_pid
            wait(lambda: watcher.execute(works, [pid]).fetchone() is not None)
        kill_server(first)
        orphans = processes_in(data_folder(event_folder.state))
        assert orphans
        with run_server(event_folder):
            assert rows(event_folder) == [(1,)]
            assert not set(orphans) & set(processes_in(data_folder(event_folder.state)))
        busy.close()


def test_everything_killed_at_once_leaves_nothing_in_the_way(
    event_folder: Any, run_server: RunServer
) -> None:
    with run_server(event_folder) as first:
        keep_a_row(event_folder)
        for pid in processes_in(data_folder(event_folder.state)):
            with suppress(ProcessLookupError):  # sessions end by themselves with their server
                os.kill(pid, signal.SIGKILL)
        first.wait(timeout=60)
        with run_server(event_folder):
            assert rows(event_folder) == [(1,)]


def test_a_pid_file_whose_number_is_another_process_now_is_no_obstacle(
    event_folder: Any, run_server: RunServer
) -> None:
    with run_server(event_folder) as first:
        keep_a_row(event_folder)
        kill_server(first)
        pid_file = data_folder(event_folder.state) / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        account = server_account()
        stranger = subprocess.Popen(["sleep", "60"], user=account.uid if os.geteuid() == 0 else None)
        try:
            pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
            with run_server(event_folder):
                assert rows(event_folder) == [(1,)]
        finally:
            stranger.kill()
            stranger.wait()


def test_the_server_ends_with_the_supervisor_that_started_it(
    event_folder: Any, run_server: RunServer
) -> None:
    with run_server(event_folder):
        keep_a_row(event_folder)
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, sys.executable, str(event_folder.folder)], stdout=subprocess.PIPE
    )
    assert supervisor.stdout is not None
    server = Path("/proc") / supervisor.stdout.readline().decode().strip()
    wait((data_folder(event_folder.state) / "postmaster.pid").exists)
    wait(lambda: (server / "exe").resolve().name == "postgres")
    supervisor.kill()
    supervisor.communicate()
    wait(lambda: not processes_in(data_folder(event_folder.state)))


def test_the_server_comes_back_although_the_event_file_has_become_invalid(
    event_folder: Any, run_server: RunServer
) -> None:
    with run_server(event_folder):
        keep_a_row(event_folder)
    (event_folder.folder / "event.yaml").write_text("name: 1\n")
    with run_server(event_folder):
        assert rows(event_folder) == [(1,)]


def test_a_second_server_is_refused_and_the_first_stays(cluster: Any) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "divebell.database.serve", str(cluster.folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("divebell: PostgreSQL of this event already runs (process ")
    admin(cluster.state).close()


def interrupted_initdb(state: State) -> bool:
    """Begin to make a cluster and kill what does so; tell whether that came in time."""
    process = subprocess.Popen(
        [sys.executable, "-m", "divebell.database.serve", str(state.folder.parent)], start_new_session=True
    )
    unfinished = state.postgres / "data.new" / "global"
    while not unfinished.exists() and not data_folder(state).exists():
        assert process.poll() is None
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=60)
    wait(lambda: not processes_in(data_folder(state)))
    return not data_folder(state).exists()


def test_an_interrupted_initdb_is_done_again(event_folder: Any, run_server: RunServer) -> None:
    for _ in range(5):  # a busy machine may show what is unfinished when it is finished
        if interrupted_initdb(event_folder.state):
            break
        shutil.rmtree(event_folder.state.postgres)
    assert not data_folder(event_folder.state).exists()
    with run_server(event_folder):
        keep_a_row(event_folder)
        assert rows(event_folder) == [(1,)]


def test_an_event_below_a_folder_only_root_may_enter_works(
    tmp_path: Path, make_event_folder: Callable[..., Any], run_server: RunServer
) -> None:
    closed = tmp_path / "closed"
    folder = make_event_folder(closed / "event")
    closed.chmod(0o700)
    with run_server(folder) as process:
        keep_a_row(folder)
        assert rows(folder) == [(1,)]
        owner = Path(f"/proc/{process.pid}").stat().st_uid
        assert owner == server_account().uid != 0


def test_an_event_in_a_very_deep_folder_works(
    tmp_path: Path, make_event_folder: Callable[..., Any], run_server: RunServer
) -> None:
    folder = make_event_folder(tmp_path.joinpath(*["a folder with 'quotes' and ünïcode"] * 8, "event"))
    assert len(os.fsencode(folder.state.folder)) > 300
    with run_server(folder):
        keep_a_row(folder)
        assert rows(folder) == [(1,)]


def test_a_server_that_is_away_is_named_with_the_next_step(event_folder: Any) -> None:
    with pytest.raises(DivebellError, match="is not running") as away:
        connect(event_folder.state, "event_hub")
    assert "divebell up" in str(away.value)
    with pytest.raises(DivebellError, match="is not running"):
        admin(event_folder.state)


def test_an_event_never_started_is_named_as_such(
    tmp_path: Path, make_event_folder: Callable[..., Any]
) -> None:
    folder = make_event_folder(tmp_path / "event")
    folder.state.ports_file.unlink()
    for attempt in (lambda: connect(folder.state, "event_web"), lambda: admin(folder.state)):
        with pytest.raises(DivebellError, match="has not been started yet"):
            attempt()
