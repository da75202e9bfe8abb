"""What the database holds of shared work, and who may write what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from divebell.database import admin, connect


@pytest.fixture
def web(cluster: Any) -> Iterator[psycopg.Connection]:
    """Give a connection of the web app's, on which it may write."""
    with admin(cluster.state) as database:
        database.execute("TRUNCATE shared.work CASCADE")
    with connect(cluster.state, "event_web") as connection:
        connection.autocommit = True
        connection.execute("SET default_transaction_read_only = off")
        yield connection


def share(web: psycopg.Connection, who: str, path: str, contents: bytes) -> tuple[Any, ...]:
    given = (who, path, "jobs", "file", "Jobs", "", contents)
    row = web.execute("SELECT * FROM shared.add(%s, %s, %s, %s, %s, %s, %s)", given).fetchone()
    assert row is not None
    return row


def test_the_same_path_again_is_a_new_version_and_the_same_contents_are_none(
    web: psycopg.Connection,
) -> None:
    work, number, slug = share(web, "ana", "jobs.csv", b"1")
    assert (number, slug) == (1, "jobs")
    assert share(web, "ana", "jobs.csv", b"2") == (work, 2, "jobs")
    assert share(web, "ana", "jobs.csv", b"2") == (work, 2, "jobs")
    assert share(web, "ana", "other/jobs.csv", b"2")[1:] == (1, "jobs-2")
    assert share(web, "ben", "jobs.csv", b"2")[1:] == (1, "jobs")


def test_the_loader_finds_what_its_branches_lack_and_says_what_became_of_it(
    cluster: Any, web: psycopg.Connection
) -> None:
    with connect(cluster.state, "event_loader") as loader:
        loader.autocommit = True
        loader.execute("LISTEN shared")
        work, *_ = share(web, "ana", "jobs.csv", b"1")
        assert [notice.channel for notice in loader.notifies(timeout=30, stop_after=1)] == ["shared"]
        share(web, "ana", "jobs.csv", b"2")
        rows = loader.execute(
            "SELECT id, work, number, author, path, contents FROM shared.uncommitted ORDER BY id"
        ).fetchall()
        assert [row[1:] for row in rows] == [
            (work, 1, "ana", "jobs.csv", b"1"),
            (work, 2, "ana", "jobs.csv", b"2"),
        ]
        loader.execute(
            "UPDATE shared.version SET committed_at = now(), commit = 'abc' WHERE id = %s", [rows[0][0]]
        )
        assert loader.execute("SELECT number FROM shared.uncommitted").fetchall() == [(2,)]


def test_what_is_taken_back_is_forgotten_and_the_branch_is_told(
    cluster: Any, web: psycopg.Connection
) -> None:
    work, *_ = share(web, "ana", "jobs.csv", b"1")
    taken = "SELECT shared.take_back(%s, %s, %s)"
    assert web.execute(taken, [work, "ben", False]).fetchone() == (False,)
    assert web.execute(taken, [work, "lead", True]).fetchone() == (True,)
    assert web.execute("SELECT count(*) FROM shared.gallery").fetchone() == (0,)
    assert web.execute("SELECT contents FROM shared.version").fetchall() == [(None,), (None,)]
    with connect(cluster.state, "event_loader") as loader:
        row = loader.execute("SELECT number, removes, shared_by FROM shared.uncommitted").fetchall()
    assert row == [(2, True, "lead")]
    assert share(web, "ana", "jobs.csv", b"1") == (work, 3, "jobs")
    assert web.execute("SELECT number FROM shared.gallery g JOIN shared.version v ON v.work = g.id"
                       " WHERE v.number = g.current").fetchall() == [(3,)]  # fmt: skip


def test_what_one_person_shares_has_a_limit(web: psycopg.Connection) -> None:
    for number in range(100):
        share(web, "ana", f"{number}.csv", b"1")
    with pytest.raises(psycopg.errors.ProgramLimitExceeded, match="100 works"):
        share(web, "ana", "more.csv", b"1")
    share(web, "ana", "1.csv", b"2")
    with pytest.raises(psycopg.errors.ProgramLimitExceeded, match="200 MB"):
        share(web, "ana", "1.csv", bytes(201 * 1024**2))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO shared.work (author, path, slug, kind, title, current) VALUES ('a', 'b', 'c', 'file', 'd', 1)",
        "UPDATE shared.version SET shared_by = 'ben'",
        "DELETE FROM shared.work",
        "SELECT * FROM shared.uncommitted",
    ],
)
def test_the_web_app_writes_on_no_other_way(web: psycopg.Connection, statement: str) -> None:
    share(web, "ana", "jobs.csv", b"1")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        web.execute(statement)
