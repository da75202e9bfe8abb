"""Several loaders, commits and readers at the same time: everyone sees the old table or the new one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

from divebell.database import admin, connect, provision

from .conftest import Loading, git
from .loaders import (
    BIG,
    SMALL,
    has_loaded,
    is_clean,
    is_waiting,
    loader,
    nothing_written_down,
    rows_loaded,
    wait_for,
    wells,
)


@pytest.fixture
def watcher(loading: Loading) -> Iterator[psycopg.Connection[Any]]:
    with admin(loading.state, autocommit=True) as connection:
        yield connection


def ends_well(loading: Loading, rows: int) -> None:
    assert rows_loaded(loading.connection) == rows
    assert loading.listing.failed == ()
    assert is_clean(loading.connection)


def test_loaders_started_at_once_do_the_work_of_one(loading: Loading) -> None:
    commit = loading.repo.commit({"data/big.csv": wells(BIG), "data/more.csv": "id\n1\n"})
    with ExitStack() as stack:
        processes = [stack.enter_context(loader(loading.folder)) for _ in range(3)]
        wait_for(lambda: has_loaded(loading.connection, commit), "the load")
        commit = loading.repo.commit({"data/big.csv": wells(SMALL)})
        wait_for(lambda: has_loaded(loading.connection, commit), "the second load")
        assert [process.poll() for process in processes] == [None] * 3
    ends_well(loading, SMALL)
    assert loading.tables == {"big", "more"}


def test_a_commit_that_arrives_during_a_load_is_loaded_after_it(
    loading: Loading, watcher: psycopg.Connection[Any]
) -> None:
    loading.load({"data/big.csv": wells(SMALL)})
    loading.repo.commit({"data/big.csv": wells(BIG)})
    with ExitStack() as stack:
        with nothing_written_down(loading.state):
            stack.enter_context(loader(loading.folder))
            wait_for(lambda: is_waiting(watcher), "a load that is under way")
            commit = loading.repo.commit({"data/big.csv": wells(BIG + 1), "data/more.csv": "id\n1\n"})
        wait_for(lambda: has_loaded(loading.connection, commit), "the commit that arrived")
    ends_well(loading, BIG + 1)
    assert loading.tables == {"big", "more"}


def test_a_history_rewritten_during_a_load_is_followed(
    loading: Loading, watcher: psycopg.Connection[Any]
) -> None:
    first = loading.repo.commit({"data/big.csv": wells(SMALL), "data/gone.csv": "id\n1\n"})
    loading.load()
    loading.repo.commit({"data/big.csv": wells(BIG)})
    with ExitStack() as stack:
        with nothing_written_down(loading.state):
            stack.enter_context(loader(loading.folder))
            wait_for(lambda: is_waiting(watcher), "a load that is under way")
            git(loading.repo.folder, "checkout", "--quiet", "--orphan", "other")
            commit = loading.repo.commit({"data/big.csv": wells(SMALL + 1), "data/gone.csv": None})
            git(loading.repo.folder, "branch", "--quiet", "--force", "main", commit)
        wait_for(lambda: has_loaded(loading.connection, commit), "the new history")
        ends_well(loading, SMALL + 1)
        assert loading.tables == {"big"}
        git(loading.repo.folder, "branch", "--quiet", "--force", "main", first)
        wait_for(lambda: has_loaded(loading.connection, first), "the old history")
    ends_well(loading, SMALL)
    assert loading.tables == {"big", "gone"}


class Reader:
    """A volunteer who queries all the time and gives up when others keep the table for ten seconds."""

    def __init__(self, parameters: dict[str, Any], query: str) -> None:
        self.seen: set[tuple[Any, ...]] = set()
        self.problems: list[psycopg.Error] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(parameters, query), daemon=True)
        self._thread.start()

    def _read(self, parameters: dict[str, Any], query: str) -> None:
        try:
            with psycopg.connect(**parameters, autocommit=True) as connection:
                connection.execute("SET lock_timeout = '10s'")
                while not self._done.is_set():
                    self.seen.update(connection.execute(query).fetchall())  # type: ignore[arg-type]
        except psycopg.Error as error:
            self.problems.append(error)

    def stop(self) -> None:
        self._done.set()
        self._thread.join()


@pytest.fixture
def ann(loading: Loading) -> Iterator[dict[str, Any]]:
    """Give how a volunteer signs in."""
    with connect(loading.state, "event_hub", autocommit=True) as hub:
        password = provision(hub, "ann")
    port = loading.connection.info.port
    yield {"host": "127.0.0.1", "port": port, "dbname": "event", "user": "v_ann", "password": password}
    with admin(loading.state, autocommit=True) as database:
        database.execute("DROP OWNED BY v_ann CASCADE")


@pytest.mark.parametrize("with_view", [False, True], ids=["the table alone", "a view on it as well"])
def test_readers_never_fail_wait_or_see_half_a_table(
    loading: Loading, ann: dict[str, Any], with_view: bool
) -> None:
    sizes = (20_000, 30_000)
    files = ["id,batch\n" + "".join(f"{row},{size}\n" for row in range(size)) for size in sizes]
    loading.load({"data/big.csv": files[0]})
    query = "SELECT count(*), min(batch), max(batch), count(DISTINCT id) FROM {}"
    readers = [Reader(ann, query.format("data.big")) for _ in range(2)]
    if with_view:
        with psycopg.connect(**ann, autocommit=True) as connection:
            connection.execute("CREATE VIEW v_ann.all_of_it AS SELECT * FROM data.big")
        readers.append(Reader(ann, query.format("v_ann.all_of_it")))
    for turn in range(6):
        assert loading.load({"data/big.csv": files[1 - turn % 2]}).failed == ()
    for reader in readers:
        reader.stop()
    assert [reader.problems for reader in readers] == [[] for _ in readers]
    assert set.union(*(reader.seen for reader in readers)) == {(size, size, size, size) for size in sizes}
