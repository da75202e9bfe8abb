"""Volunteers' tables lie on a file system of their own: who fills it stops nobody else, and nobody gets out of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from divebell.database import admin, connect, prepare, provision
from divebell.database.cluster import data_folder
from divebell.database.connection import conninfo
from divebell.database.leftovers import processes_in
from divebell.database.migrate import apply, migrations
from divebell.database.scratch import scratch_folder, space
from divebell.event import Containers, ensure_secrets, load_event
from live import until

RunServer = Callable[[Any], AbstractContextManager[subprocess.Popen[bytes]]]
MEGABYTE = 1024**2
ROWS = "SELECT repeat('x', 1000) AS x FROM generate_series(1, {})"


@contextmanager
def volunteer(folder: Any, name: str) -> Iterator[psycopg.Connection]:
    with connect(folder.state, "event_hub") as hub:
        password = provision(hub, name)
    place = {**conninfo(folder.state, "event_hub"), "user": f"v_{name}", "password": password}
    with psycopg.connect(**place, autocommit=True) as connection:
        yield connection


def outside(folder: Any, role: str = "v_ana") -> list[str]:
    """Give a volunteer's relations that lie outside the tablespace."""
    with admin(folder.state) as database:
        rows = database.execute(
            "SELECT relname FROM pg_class WHERE relowner = %s::regrole AND relkind IN ('r', 'm', 'i', 't')"
            " AND pg_relation_filepath(oid) !~ '^pg_tblspc/' ORDER BY 1",
            (role,),
        ).fetchall()
    return [name for (name,) in rows]


MAKING = (
    "CREATE TABLE t (id serial PRIMARY KEY, note text)",
    "SET default_tablespace = ''; CREATE TABLE u AS SELECT 1 AS n",
    "SET default_tablespace = 'pg_default'; SELECT 1 AS n INTO w",
    "CREATE INDEX ON t (note)",
    "CREATE MATERIALIZED VIEW m AS SELECT * FROM t",
    "ALTER TABLE t ADD COLUMN code int UNIQUE",
    "CREATE TABLE p (n int) PARTITION BY RANGE (n); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9)",
    "SET temp_tablespaces = ''; CREATE TEMP TABLE x AS SELECT 1 AS n",
    "ALTER ROLE v_ana SET default_tablespace = ''; CREATE TABLE y (n int)",
    "REINDEX TABLE t",
    "REFRESH MATERIALIZED VIEW m",
    "CLUSTER t USING t_pkey",
    "VACUUM FULL t",
)


def test_whatever_a_volunteer_makes_lies_in_the_space_for_it(empty_cluster: Any) -> None:
    with volunteer(empty_cluster, "ana") as ana:
        for statements in MAKING:
            for statement in statements.split("; "):
                ana.execute(statement)
            assert outside(empty_cluster) == [], statements


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE u (n int) TABLESPACE pg_default",
        "CREATE TABLE u TABLESPACE pg_default AS SELECT 1 AS n",
        "CREATE TABLE u (n int PRIMARY KEY USING INDEX TABLESPACE pg_default)",
        "CREATE TEMP TABLE u (n int) TABLESPACE pg_default",
        "CREATE INDEX ON t (n) TABLESPACE pg_default",
        "CREATE MATERIALIZED VIEW m TABLESPACE pg_default AS SELECT 1 AS n",
        "ALTER TABLE t SET TABLESPACE pg_default",
        "ALTER INDEX t_pkey SET TABLESPACE pg_default",
        "ALTER TABLE ALL IN TABLESPACE scratch SET TABLESPACE pg_default",
        "SET ROLE volunteers; CREATE TEMP TABLE u (n int) TABLESPACE pg_default",
        "SET ROLE event_reader; SET ROLE v_ana; CREATE TABLE u (n int) TABLESPACE pg_default",
        "CREATE TABLE u (n int) TABLESPACE pg_global",
    ],
)
def test_naming_another_tablespace_is_refused(empty_cluster: Any, statement: str) -> None:
    with volunteer(empty_cluster, "ana") as ana:
        ana.execute("CREATE TABLE t (n int PRIMARY KEY)")
        with pytest.raises((errors.InsufficientPrivilege, errors.InvalidParameterValue)):  # noqa: PT012
            for each in statement.split("; "):
                ana.execute(each)
        assert outside(empty_cluster) == []


def test_the_loader_and_the_superuser_make_theirs_where_the_event_lies(empty_cluster: Any) -> None:
    with connect(empty_cluster.state, "event_loader") as loader:
        loader.execute("CREATE TABLE data.roads AS SELECT 1 AS n")
        path = loader.execute("SELECT pg_relation_filepath('data.roads')").fetchone()[0]
    assert path.startswith("base/")


def fill(connection: psycopg.Connection, table: str) -> None:
    """Write until there is no room left, in smaller and smaller pieces."""
    connection.execute(f"CREATE TABLE {table} (x text)")
    connection.execute(f"ALTER TABLE {table} ALTER x SET STORAGE PLAIN")
    for rows in (50_000, 5_000, 100):
        for _ in range(200):
            try:
                connection.execute(f"INSERT INTO {table} {ROWS.format(rows)}")
            except errors.DiskFull:
                break
        else:
            pytest.fail("the space has no end")


@pytest.mark.root
def test_who_fills_the_space_stops_nobody_but_those_who_write_there(
    event_folder: Any, run_server: RunServer
) -> None:
    state = event_folder.state
    with run_server(event_folder):
        prepare(event_folder.event, state)
        with volunteer(event_folder, "eve") as eve, volunteer(event_folder, "ana") as ana:
            ana.execute("CREATE TABLE found AS SELECT 1 AS n, ST_SetSRID(ST_Point(8, 47), 4326) AS geom")
            ana.execute("GRANT SELECT ON found TO event_reader")
            fill(eve, "flood")
            with pytest.raises(errors.DiskFull, match="No space left on device"):
                ana.execute(f"CREATE TABLE more AS {ROWS.format(50_000)}")
            with pytest.raises(errors.DiskFull):
                eve.execute("SELECT count(*) FROM (SELECT x || x AS y FROM flood ORDER BY 1) s")
            assert ana.execute("SELECT n FROM found").fetchone() == (1,)
            assert eve.execute("SELECT count(*) > 100000 FROM flood").fetchone() == (True,)
            with connect(state, "event_loader", autocommit=True) as loader:
                loader.execute(f"CREATE TABLE data.large AS {ROWS.format(100_000)}")
                loader.execute("CREATE INDEX ON data.large (x)")
            with volunteer(event_folder, "new") as new:
                assert new.execute("SELECT count(*) FROM large").fetchone() == (100_000,)
            with connect(state, "event_tiles") as tiles:
                assert tiles.execute("SELECT ST_AsMVTGeom(geom, ST_TileEnvelope(0, 0, 0)) FROM v_ana.found")
            prepare(event_folder.event, state)
            eve.execute("DROP TABLE flood")
            ana.execute(f"CREATE TABLE more AS {ROWS.format(50_000)}")


@pytest.mark.root
def test_the_server_comes_back_after_a_crash_with_the_space_full(
    event_folder: Any, run_server: RunServer
) -> None:
    with run_server(event_folder) as first:
        prepare(event_folder.event, event_folder.state)
        with volunteer(event_folder, "eve") as eve:
            eve.execute("CREATE TABLE early (x text)")
            eve.execute("ALTER TABLE early ALTER x SET STORAGE PLAIN")
            eve.execute(f"INSERT INTO early {ROWS.format(100_000)}")  # in the write-ahead log
            eve.execute("DROP TABLE early")  # recovery makes it once more
            fill(eve, "late")
            rows = eve.execute("SELECT count(*) FROM late").fetchone()
        os.kill(first.pid, signal.SIGKILL)
        first.wait(timeout=60)
    with run_server(event_folder):
        prepare(event_folder.event, event_folder.state)
        with volunteer(event_folder, "eve") as eve:
            assert eve.execute("SELECT count(*) FROM late").fetchone() == rows
    log = (event_folder.folder / "postgres.log").read_text()
    assert "redo done" in log
    assert "PANIC" not in log


@pytest.mark.root
def test_the_file_system_is_the_servers_alone_and_goes_with_it(
    event_folder: Any, run_server: RunServer
) -> None:
    image = str(event_folder.state.scratch)
    with run_server(event_folder) as server:
        prepare(event_folder.event, event_folder.state)
        room = space(event_folder.state)
        assert room is not None
        assert 200 * MEGABYTE < room.free < 256 * MEGABYTE
        assert not os.path.ismount(scratch_folder(event_folder.state))
        assert image in subprocess.check_output(["losetup", "-a"], text=True)
        for pid in processes_in(data_folder(event_folder.state)):
            with suppress(ProcessLookupError):  # sessions end by themselves with their server
                os.kill(pid, signal.SIGKILL)
        server.wait(timeout=60)
        assert space(event_folder.state) is None
    until(lambda: image not in subprocess.check_output(["losetup", "-a"], text=True), "it stays")


@pytest.mark.root
def test_more_room_in_the_event_file_is_more_room_after_the_next_start(
    event_folder: Any, run_server: RunServer
) -> None:
    with run_server(event_folder):
        prepare(event_folder.event, event_folder.state)
        before = space(event_folder.state)
        with volunteer(event_folder, "ana") as ana:
            ana.execute("CREATE TABLE kept AS SELECT 1 AS n")
    file = event_folder.folder / "event.yaml"
    file.write_text(file.read_text().replace("scratch: 256 MB", "scratch: 512 MB"))
    with run_server(event_folder):
        prepare(load_event(event_folder.folder), event_folder.state)
        after = space(event_folder.state)
        with volunteer(event_folder, "ana") as ana:
            assert ana.execute("SELECT n FROM kept").fetchone() == (1,)
    assert after.free > before.free + 200 * MEGABYTE


def test_an_event_that_was_moved_finds_its_tables(
    tmp_path: Path, make_event_folder: Callable[..., Any], run_server: RunServer
) -> None:
    folder = make_event_folder(tmp_path / "first" / "event")
    with run_server(folder):
        prepare(folder.event, folder.state)
        with volunteer(folder, "ana") as ana:
            ana.execute("CREATE TABLE kept AS SELECT 1 AS n")
    moved_to = tmp_path / "elsewhere"
    folder.folder.rename(moved_to)
    moved = type(folder)(
        moved_to,
        folder.event,
        type(folder.state)(moved_to / ".divebell"),
        folder.secrets,
        folder.ports,
    )
    with run_server(moved):
        prepare(moved.event, moved.state)
        with volunteer(moved, "ana") as ana:
            assert ana.execute("SELECT n FROM kept").fetchone() == (1,)


def test_a_folder_serves_where_no_file_system_can_be_mounted(
    event_folder: Any, run_server: RunServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", _without_mkfs(event_folder.folder))
    with run_server(event_folder):
        prepare(event_folder.event, event_folder.state)
        assert not event_folder.state.scratch.exists()
        with volunteer(event_folder, "ana") as ana:
            ana.execute("CREATE TABLE kept AS SELECT 1 AS n")
        assert outside(event_folder) == []
    monkeypatch.undo()
    with run_server(event_folder):  # and what lies there is taken along once one can be
        prepare(event_folder.event, event_folder.state)
        assert event_folder.state.scratch.exists() == (os.geteuid() == 0)
        with volunteer(event_folder, "ana") as ana:
            assert ana.execute("SELECT n FROM kept").fetchone() == (1,)


def _without_mkfs(folder: Path) -> str:
    """Make a folder of programs that has everything but mkfs.ext4."""
    programs = folder / "bin"
    programs.mkdir()
    for name in ("setpriv", "bwrap", "true"):
        found = next((p for p in (Path("/usr/bin") / name, Path("/bin") / name) if p.exists()), None)
        if found:
            (programs / name).symlink_to(found)
    return str(programs)


def old_database(folder: Any) -> None:
    """Make what divebell made before there were limits, a tablespace and a watchdog."""
    with admin(folder.state, "postgres", autocommit=True) as server:
        server.execute("CREATE DATABASE event")
    with admin(folder.state, autocommit=True) as database:
        apply(database, migrations()[:5])
        verifier = "SCRAM-SHA-256$4096:" + "A" * 24 + "$" + "B" * 43 + "=:" + "C" * 43 + "="
        database.execute("CALL public.provision('v_ana', %s)", (verifier,))
        database.execute("GRANT event_reader TO event_web")
        database.execute("INSERT INTO people.person (name, return_code_hash) VALUES ('ana', 'x')")
        database.execute("CREATE TABLE data.wells AS SELECT 7 AS n")
        database.execute("GRANT SELECT ON data.wells TO event_reader")
        database.execute("SET ROLE v_ana")
        database.execute(f"CREATE TABLE v_ana.kept AS {ROWS.format(1000)}")
        database.execute("CREATE INDEX kept_x ON v_ana.kept (x)")
        database.execute("CREATE MATERIALIZED VIEW v_ana.seen AS SELECT count(*) AS n FROM v_ana.kept")
    secrets = json.loads(folder.state.secrets_file.read_text())
    for new in ("tiles_database_password", "watchdog_database_password"):
        del secrets[new]
    folder.state.secrets_file.write_text(json.dumps(secrets))


def test_an_event_of_an_earlier_version_is_taken_over_with_everything_in_it(
    event_folder: Any, run_server: RunServer
) -> None:
    with run_server(event_folder):
        old_database(event_folder)
        assert {"kept", "kept_x", "seen"} <= set(outside(event_folder))
        ensure_secrets(event_folder.event, event_folder.state)  # as `divebell up` does
        prepare(event_folder.event, event_folder.state)
        assert outside(event_folder) == []
        with volunteer(event_folder, "ana") as ana:
            assert ana.execute("SELECT count(*) FROM kept").fetchone() == (1000,)
            assert ana.execute("SELECT n FROM seen").fetchone() == (1000,)
            assert ana.execute("SELECT n FROM wells").fetchone() == (7,)
        for role in ("event_tiles", "event_watchdog"):
            connect(event_folder.state, role).close()
        with connect(event_folder.state, "event_web") as web:
            assert web.execute("SELECT name FROM people.roster").fetchall() == [("ana",)]
            with pytest.raises(errors.InsufficientPrivilege):
                web.execute("SELECT * FROM data.wells")


@pytest.mark.root
def test_an_old_table_there_is_no_room_for_stays_where_it_is(
    event_folder: Any, run_server: RunServer
) -> None:
    with run_server(event_folder):
        old_database(event_folder)
        with admin(event_folder.state, autocommit=True) as database:
            database.execute("SET ROLE v_ana")
            database.execute("CREATE TABLE v_ana.huge (x text)")
            database.execute("ALTER TABLE v_ana.huge ALTER x SET STORAGE PLAIN")
            database.execute(f"INSERT INTO v_ana.huge {ROWS.format(300_000)}")
        ensure_secrets(event_folder.event, event_folder.state)
        prepare(event_folder.event, event_folder.state)
        with connect(event_folder.state, "event_watchdog", autocommit=True) as watchdog:
            assert watchdog.execute("SELECT * FROM watch.tidy()").fetchall() == []
        assert [name for name in outside(event_folder) if not name.startswith("pg_toast")] == ["huge"]
        with volunteer(event_folder, "ana") as ana:
            assert ana.execute("SELECT count(*) FROM huge").fetchone() == (300_000,)
            ana.execute("CREATE TABLE small AS SELECT 1 AS n")
            ana.execute("DELETE FROM huge WHERE random() < 2")
            ana.execute("VACUUM FULL huge")
        prepare(event_folder.event, event_folder.state)
        assert outside(event_folder) == []


def test_an_address_that_is_not_there_keeps_no_server_from_starting(
    event_folder: Any, run_server: RunServer
) -> None:
    Containers("n", "b", "192.0.2.1", "192.0.2.0/24", "i").save(event_folder.state)
    with run_server(event_folder):
        prepare(event_folder.event, event_folder.state)
        connect(event_folder.state, "event_web").close()
    assert 'could not bind IPv4 address "192.0.2.1"' in (event_folder.folder / "postgres.log").read_text()
