"""Whatever is killed, whenever: the old table or the new one, never half, and the next pass makes it good."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psutil
import psycopg
import pytest

from divebell.database import admin, connect, prepare

from .conftest import Loading, Repo, git
from .loaders import (
    BIG,
    PATIENCE_SECONDS,
    SMALL,
    TRIES,
    Moment,
    caught,
    doing,
    has_loaded,
    is_clean,
    is_waiting,
    loader,
    one,
    rows_loaded,
    seen_or_over,
    wait_for,
    wells,
)

GROWN = range(BIG, BIG + TRIES)


def is_telling(watcher: psycopg.Connection[Any]) -> bool:
    return "big.csv" in one(watcher, "SELECT detail FROM catalogue.loader")


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the loader; whatever it started must end by itself."""
    process.send_signal(signal.SIGSTOP)  # it must not get on while its children are listed
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=PATIENCE_SECONDS)
    assert alive == []


def readers(process: subprocess.Popen[bytes]) -> set[psutil.Process]:
    """Give the Python processes below the loader."""
    found = set()
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            if "python" in child.name() and child.cmdline():
                found.add(child)
        except psutil.Error:
            continue
    return found


def grown(repo: Repo, number: int) -> str:
    return repo.commit({"data/big.csv": wells(GROWN[number])})


def end(found: set[psutil.Process]) -> None:
    """Kill processes, of which some end with others."""
    for one_of_them in found:
        with suppress(psutil.NoSuchProcess):
            one_of_them.kill()


@pytest.fixture
def watcher(loading: Loading) -> Iterator[psycopg.Connection[Any]]:
    """Give the superuser's connection, which sees what every other one does."""
    with admin(loading.state, autocommit=True) as connection:
        yield connection


def settles(loading: Loading, commit: str, rows: int) -> None:
    """See to it that a loader started now makes everything as the commit says and leaves nothing behind."""
    with loader(loading.folder):
        wait_for(lambda: has_loaded(loading.connection, commit), "the next pass")
    assert rows_loaded(loading.connection) == rows
    assert loading.listing.failed == ()
    assert is_clean(loading.connection)
    left = [path for path in loading.state.run.rglob("*") if path.is_file() and path.stat().st_size > 10_000]
    assert left == []


def killed_at(
    loading: Loading, watcher: psycopg.Connection[Any], moment: Moment, rows: int
) -> tuple[str, int]:
    """Kill a loader at a moment of its load of so many rows, or a few more; give the commit and how many.

    A busy machine may show the moment when it is over and the new table is there: once more then.
    """
    for more in range(TRIES):
        before = rows_loaded(loading.connection)
        commit = loading.repo.commit({"data/big.csv": wells(rows + more)})
        watcher.execute("UPDATE catalogue.loader SET detail = ''")
        with loader(loading.folder) as process:
            seen_or_over(watcher, moment, commit)
            kill(process)
        if rows_loaded(loading.connection) == before:
            return commit, rows + more
    pytest.fail("each time the loader was through before the moment was seen")


@pytest.mark.parametrize(
    ("moment", "big"),
    [
        pytest.param(is_telling, 5 * BIG, id="as it begins"),  # what it does is told once a second
        pytest.param(doing(r"^\s*COPY"), BIG, id="while rows are sent"),
        pytest.param(
            doing(r"^\s*(CREATE INDEX|ALTER TABLE.*PRIMARY KEY)"), BIG, id="while an index is built"
        ),
        pytest.param(doing(r"^\s*ANALYZE"), BIG, id="while it is analyzed"),
    ],
)
def test_a_loader_killed_on_the_way_leaves_the_old_table(
    loading: Loading, watcher: psycopg.Connection[Any], moment: Moment, big: int
) -> None:
    loading.load({"data/big.csv": wells(SMALL)})
    settles(loading, *killed_at(loading, watcher, moment, big))


@pytest.mark.parametrize(
    "lock",
    [
        pytest.param("LOCK TABLE data.big IN ACCESS SHARE MODE", id="a reader holds the old table"),
        pytest.param("LOCK TABLE catalogue.dataset IN SHARE MODE", id="the catalogue cannot be written"),
    ],
)
def test_a_loader_killed_while_it_waits_to_swap_leaves_the_old_table(
    loading: Loading, watcher: psycopg.Connection[Any], lock: str
) -> None:
    loading.load({"data/big.csv": wells(SMALL)})
    with admin(loading.state) as holder:
        holder.execute(lock)  # type: ignore[arg-type]
        commit, rows = killed_at(loading, watcher, is_waiting, BIG)
    assert rows_loaded(loading.connection) == SMALL
    settles(loading, commit, rows)


def test_a_loader_killed_at_any_instant_leaves_the_old_table_or_the_new_one(loading: Loading) -> None:
    loading.load({"data/big.csv": wells(SMALL)})
    dice, sizes = random.Random(3), (SMALL, BIG)
    for turn in range(5):
        commit = loading.repo.commit({"data/big.csv": wells(sizes[1 - turn % 2])})
        with loader(loading.folder) as process:
            time.sleep(dice.uniform(0.2, 5))
            kill(process)
        assert rows_loaded(loading.connection) in sizes
    settles(loading, commit, BIG)


def test_a_reading_process_that_is_killed_takes_only_its_file_along(
    loading: Loading, watcher: psycopg.Connection[Any]
) -> None:
    first = loading.repo.commit({"data/big.csv": wells(SMALL)})
    with loader(loading.folder) as process:
        wait_for(lambda: has_loaded(loading.connection, first), "the first load")
        before = readers(process)
        loading.repo.commit({"data/big.csv": wells(BIG)})
        wait_for(lambda: readers(process) - before, "a process that reads", pause=0.002)
        end(readers(process) - before)
        second = loading.repo.commit({"data/more.csv": "id\n1\n"})
        wait_for(lambda: has_loaded(loading.connection, second), "the file beside it")
        assert loading.tables == {"big", "more"}
        assert rows_loaded(loading.connection) in {SMALL, BIG}
        assert {failure.file for failure in loading.listing.failed} <= {"data/big.csv"}
        commit = loading.repo.commit({"data/big.csv": wells(BIG - 1)})
        wait_for(lambda: has_loaded(loading.connection, commit), "the next pass")
        assert process.poll() is None
    assert loading.listing.failed == ()
    assert rows_loaded(loading.connection) == BIG - 1


def test_a_loader_whose_helpers_are_killed_while_it_waits_goes_on(loading: Loading) -> None:
    first = loading.repo.commit({"data/big.csv": wells(SMALL)})
    with loader(loading.folder) as process:
        wait_for(lambda: has_loaded(loading.connection, first), "the first load")
        end(readers(process))
        loading.repo.commit({"data/big.csv": wells(SMALL + 1)})
        loading.repo.commit({"data/more.csv": "id\n1\n"})
        wait_for(lambda: loading.tables == {"big", "more"}, "the load after that")
        commit = loading.repo.commit({})
        wait_for(lambda: has_loaded(loading.connection, commit), "a pass more")
        assert process.poll() is None
    assert loading.listing.failed == ()
    assert rows_loaded(loading.connection) == SMALL + 1


def test_helpers_killed_in_the_middle_of_a_load_are_replaced(
    loading: Loading, watcher: psycopg.Connection[Any]
) -> None:
    first = loading.repo.commit({"data/big.csv": wells(SMALL)})
    with loader(loading.folder) as process:
        wait_for(lambda: has_loaded(loading.connection, first), "the first load")
        commit, _ = caught(watcher, doing(r"^\s*COPY"), lambda n: grown(loading.repo, n))
        end(readers(process))
        wait_for(lambda: has_loaded(loading.connection, commit), "the end of that pass")
        assert rows_loaded(loading.connection) in {SMALL, *GROWN}
        commit = loading.repo.commit({"data/big.csv": wells(BIG - 1)})
        wait_for(lambda: has_loaded(loading.connection, commit), "the next pass")
        assert process.poll() is None
    assert rows_loaded(loading.connection) == BIG - 1
    assert is_clean(loading.connection)


@pytest.mark.parametrize("moment", [r"^\s*COPY", r"^\s*(CREATE INDEX|ALTER TABLE.*PRIMARY KEY)"])
def test_a_database_that_crashes_in_the_middle_keeps_the_old_table(
    make_event_folder: Any, run_server: Any, tmp_path: Any, moment: str
) -> None:
    event = make_event_folder(tmp_path / "event")
    repo = Repo(event.folder / "repository")
    repo.folder.mkdir()
    git(repo.folder, "init", "--quiet", "--initial-branch=main")
    first = repo.commit({"data/big.csv": wells(SMALL)})
    with run_server(event) as server:
        prepare(event.event, event.state)
        with loader(event.folder) as process:
            with admin(event.state, autocommit=True) as watcher:
                wait_for(lambda: has_loaded(watcher, first), "the first load")
                commit, number = caught(watcher, doing(moment), lambda n: grown(repo, n))
                os.kill(server.pid, signal.SIGQUIT)
            server.wait()
            with run_server(event), connect(event.state, "event_loader", autocommit=True) as connection:
                assert rows_loaded(connection) in {SMALL, *GROWN}
                wait_for(lambda: has_loaded(connection, commit), "the next pass")
                assert rows_loaded(connection) == GROWN[number]
                assert is_clean(connection)
                assert process.poll() is None
