"""The loader as a process: it follows the branch, answers requests, and may be killed at any instant."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import psycopg
import pytest
from psycopg import sql

from divebell.cli import main
from divebell.cli.data import loading as loading_command
from divebell.database import catalogue, connect, prepare
from divebell.database.catalogue import listing
from divebell.pipeline.catalogue import beat
from divebell.pipeline.worker import ANSWERS, REQUESTS, take_turn

from .conftest import Loading, Repo, git
from .loaders import PATIENCE_SECONDS, is_clean, loader, wait_for

WELLS = "id,depth\n1,10\n2,20\n"


def rows_of(loading: Loading) -> dict[str, int]:
    return {entry.table_name: entry.rows for entry in loading.listing.datasets}


def says_that_it_fails(loading: Loading, words: str) -> bool:
    said = catalogue.loader(loading.connection)
    return said.activity == "failing" and words in said.detail


def test_the_loader_follows_the_branch_without_being_asked(loading: Loading) -> None:
    loading.repo.commit({"data/wells.csv": WELLS})
    with loader(loading.folder):
        wait_for(lambda: rows_of(loading) == {"wells": 2}, "first load")
        commit = loading.repo.commit({"data/wells.csv": WELLS + "3,30\n"})
        wait_for(lambda: rows_of(loading) == {"wells": 3}, "second load")
        wait_for(lambda: catalogue.loader(loading.connection).commit == commit, "commit loaded in full")
        wait_for(lambda: catalogue.loader(loading.connection).activity == "waiting", "waiting")


def test_the_loader_waits_for_a_branch_that_is_not_there_yet(loading: Loading) -> None:
    with loader(loading.folder):
        wait_for(lambda: says_that_it_fails(loading, "no commit yet"), "the problem is told")
        loading.repo.commit({"data/wells.csv": WELLS})
        wait_for(lambda: rows_of(loading) == {"wells": 2}, "load")


def test_a_loader_killed_while_loading_leaves_nothing_half_done(loading: Loading) -> None:
    big = "id,name\n" + "".join(f"{row},well number {row}\n" for row in range(300_000))
    loading.load({"data/big.csv": WELLS})
    loading.repo.commit({"data/big.csv": big, "data/wells.csv": WELLS})
    for delay in (1.0, 2.5, 4.0):
        with loader(loading.folder) as process:
            time.sleep(delay)
            children = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(signal.SIGKILL)
            process.wait()
        _, alive = psutil.wait_procs(children, timeout=PATIENCE_SECONDS)
        assert alive == []
        # in one statement: the server may still be busy with the last thing that loader asked for
        at_once = (
            "SELECT rows, (SELECT count(*) FROM data.big) FROM catalogue.dataset WHERE table_name = 'big'"
        )
        [(said, there)] = loading.rows(at_once)
        assert said == there
        assert said in {2, 300_000}
    with loader(loading.folder):
        wait_for(lambda: rows_of(loading) == {"wells": 2, "big": 300_000}, "the rerun converges")
    assert is_clean(loading.connection)


def test_there_is_one_loader_at_a_time(loading: Loading) -> None:
    loading.repo.commit({"data/wells.csv": WELLS})
    with loader(loading.folder) as first:
        wait_for(lambda: rows_of(loading) == {"wells": 2}, "load")
        with loader(loading.folder) as second:
            time.sleep(3)
            assert second.poll() is None
            first.send_signal(signal.SIGKILL)
            loading.repo.commit({"data/wells.csv": WELLS + "3,30\n"})
            wait_for(lambda: rows_of(loading) == {"wells": 3}, "the second takes over")


def test_the_loader_survives_the_database(make_event_folder: Any, run_server: Any, tmp_path: Any) -> None:
    event = make_event_folder(tmp_path / "event")
    repo = Repo(event.folder / "repository")
    repo.write("data/wells.csv", WELLS)

    def rows() -> dict[str, int]:
        with connect(event.state, "event_loader") as connection:
            return {entry.table_name: entry.rows for entry in listing(connection).datasets}

    with run_server(event) as server, loader(event.folder) as process:
        prepare(event.event, event.state)
        wait_for(lambda: rows() == {"wells": 2}, "load")
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
        with run_server(event):
            repo.commit({"data/wells.csv": WELLS + "3,30\n"})
            wait_for(lambda: rows() == {"wells": 3}, "load after the database came back")
            assert process.poll() is None


def test_asking_a_running_loader_loads_at_once(loading: Loading, capsys: pytest.CaptureFixture[str]) -> None:
    loading.repo.commit({"data/wells.csv": WELLS})
    with loader(loading.folder):
        wait_for(lambda: not catalogue.loader(loading.connection).away, "heartbeat")
        assert main(["data", "load", str(loading.folder), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [(one["table"], one["rows"]) for one in answer["datasets"]] == [("wells", 2)]
    assert answer["failed"] == []


def test_a_loader_that_has_just_taken_its_turn_is_asked_as_well(
    loading: Loading, capsys: pytest.CaptureFixture[str]
) -> None:
    done = threading.Event()

    def begin(connection: psycopg.Connection[Any]) -> None:
        [asked] = list(connection.notifies(timeout=60, stop_after=1))
        beat(connection, "waiting", "")
        connection.execute(
            sql.SQL("NOTIFY {}, {}").format(sql.Identifier(ANSWERS), sql.Literal(asked.payload))
        )
        done.wait(60)

    with (
        ThreadPoolExecutor(1) as pool,
        connect(loading.state, "event_loader", autocommit=True) as connection,
    ):
        assert take_turn(connection)
        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(REQUESTS)))
        begun = pool.submit(begin, connection)
        try:
            assert main(["data", "load", str(loading.folder), "--json"]) == 0
        finally:
            done.set()
        begun.result()
    assert json.loads(capsys.readouterr().out) == {"datasets": [], "failed": []}


def test_a_loader_that_has_the_turn_and_never_answers_is_named(
    loading: Loading, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading_command, "_BEGINNING_SECONDS", 0.1)
    with connect(loading.state, "event_loader", autocommit=True) as connection:
        assert take_turn(connection)
        assert main(["data", "load", str(loading.folder)]) == 1
    assert "another loader is at work but does not answer" in capsys.readouterr().err


def test_without_a_loader_the_command_loads_itself(
    loading: Loading, capsys: pytest.CaptureFixture[str]
) -> None:
    loading.repo.commit({"data/wells.csv": WELLS, "data/broken.zip": "no zip"})
    assert main(["data", "load", str(loading.folder)]) == 1
    printed = capsys.readouterr()
    assert "wells" in printed.out
    assert "data/broken.zip is not loaded:" in printed.out
    assert "Loading data/wells.csv" in printed.err


def test_the_list_says_what_is_loaded_and_what_is_not_committed(
    loading: Loading, capsys: pytest.CaptureFixture[str]
) -> None:
    point = (
        '{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {"Höhe": 3}}'
    )
    commit = loading.repo.commit({"data/spots.geojson": point})
    loading.load()
    loading.repo.write("data/draft.csv", WELLS)
    capsys.readouterr()
    assert main(["data", "list", str(loading.folder), "--json"]) == 0
    printed = capsys.readouterr()
    [entry] = json.loads(printed.out)["datasets"]
    when = {"committed_at", "loaded_at", "load_seconds"}
    assert {name: value for name, value in entry.items() if name not in when} == {
        "file": "data/spots.geojson",
        "layer": None,
        "table": "spots",
        "rows": 1,
        "null_geometries": 0,
        "empty_geometries": 0,
        "invalid_geometries": 0,
        "geometry_type": "Point",
        "crs": "EPSG:4326",
        "columns": [{"name": "hohe", "original": "Höhe", "type": "bigint", "nulls": 0}],
        "warnings": [],
        "format": "GeoJSON",
        "author": "test@localhost",
        "geometry_types": ["Point"],
        "retired_at": None,
        "used_by": [],
        "commit": commit,
        "bbox": [1.0, 2.0, 1.0, 2.0],
    }
    assert "Not committed, so not loaded as they are now: data/draft.csv" in printed.err


def test_an_event_that_was_never_started_says_how_to_start_it(
    make_event_folder: Any, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    event = make_event_folder(tmp_path / "event")
    assert main(["data", "list", str(event.folder)]) == 1
    assert "divebell up" in capsys.readouterr().err
    shutil.rmtree(event.state.folder)
    assert main(["data", "list", str(event.folder)]) == 1
    assert "divebell up" in capsys.readouterr().err


def test_a_commit_made_while_another_is_loaded_is_not_missed(loading: Loading) -> None:
    with loader(loading.folder):
        for rows in range(3, 6):
            loading.repo.commit({"data/wells.csv": WELLS + "".join(f"{row},1\n" for row in range(rows))})
            time.sleep(0.4)
        head = git(loading.repo.folder, "rev-parse", "HEAD")
        wait_for(lambda: catalogue.loader(loading.connection).commit == head, "the last commit is loaded")
    assert rows_of(loading) == {"wells": 7}
