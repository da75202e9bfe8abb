"""What the database knows of branches: what they lack, how they stand, and who pushes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import class_row

from divebell.errors import DivebellError
from divebell.pipeline.branch_commits import Version

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Push:
    """A push on its way: whose it is, and what git said."""

    id: int
    name: str
    request: bytes = field(repr=False)


def next_push(connection: Connection) -> Push | None:
    """Give the oldest push that waits."""
    with connection.cursor(row_factory=class_row(Push)) as cursor:
        return cursor.execute(
            "SELECT id, name, request FROM branches.push WHERE answer IS NULL ORDER BY id LIMIT 1"
        ).fetchone()


def answer(connection: Connection, asked: Push, said: bytes) -> None:
    """Tell the web app what git said."""
    connection.execute("UPDATE branches.push SET answer = %s, request = NULL WHERE id = %s", [said, asked.id])


def note_received(connection: Connection, name: str, size: int) -> None:
    """Write down that a person's pushes take so many bytes more."""
    connection.execute(
        "INSERT INTO branches.received AS r (name, bytes) VALUES (%s, %s)"
        " ON CONFLICT (name) DO UPDATE SET bytes = r.bytes + excluded.bytes",
        [name, size],
    )


def uncommitted(connection: Connection) -> Iterator[Version]:
    """Give what the branches lack, one by one, oldest first."""
    ids = [row[0] for row in connection.execute("SELECT id FROM shared.uncommitted ORDER BY id")]
    for which in ids:
        with connection.cursor(row_factory=class_row(Version)) as cursor:
            found = cursor.execute(
                "SELECT id, author, path, title, description, shared_by, shared_at,"
                " CASE WHEN removes THEN NULL ELSE contents END AS contents"
                " FROM shared.uncommitted WHERE id = %s",
                [which],
            ).fetchone()
        if found is not None:
            yield found


def note_committed(connection: Connection, version: int, commit: str | None) -> None:
    """Write down which commit holds a version; None where the branch was so already."""
    connection.execute(
        "UPDATE shared.version SET committed_at = now(), commit = %s, problem = NULL WHERE id = %s",
        [commit, version],
    )


def note_problem(connection: Connection, version: int, words: str) -> None:
    """Write down why a version is not committed."""
    connection.execute(
        "UPDATE shared.version SET problem = %s WHERE id = %s AND problem IS DISTINCT FROM %s",
        [words, version, words],
    )


def known(connection: Connection) -> set[str]:
    """Name those who have a branch, as far as the database knows."""
    return {row[0] for row in connection.execute("SELECT name FROM branches.branch")}


def note(connection: Connection, tips: dict[str, str]) -> None:
    """Write down what the branches end with."""
    with connection.transaction():
        changed = 0
        for name, tip in tips.items():
            changed += connection.execute(
                "INSERT INTO branches.branch AS b (name, tip) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE"
                " SET tip = excluded.tip, changed_at = now(), again_at = now() WHERE b.tip <> excluded.tip",
                [name, tip],
            ).rowcount
        if changed:
            connection.execute("NOTIFY branches")


def commit_again(connection: Connection, name: str) -> None:
    """Let all kept versions of what somebody shares be committed anew: the branch they were on is gone."""
    with connection.transaction():
        connection.execute(
            "UPDATE shared.version v SET committed_at = NULL, commit = NULL, pushed_at = NULL"
            " FROM shared.work w WHERE w.id = v.work AND w.author = %s"
            " AND (v.removes OR v.contents IS NOT NULL)",
            [name],
        )
        connection.execute("DELETE FROM branches.received WHERE name = %s", [name])
        connection.execute("DELETE FROM branches.branch WHERE name = %s", [name])


def due(connection: Connection) -> list[str]:
    """Name those whose branch the repository lacks and that is to be tried now."""
    rows = connection.execute(
        "SELECT name FROM branches.branch WHERE tip IS DISTINCT FROM pushed AND again_at <= now()"
        " ORDER BY again_at"
    )
    return [row[0] for row in rows]


def last_committed(connection: Connection, name: str) -> int:
    """Give the newest version of somebody's that is on the branch; 0 where there is none."""
    row = connection.execute(
        "SELECT coalesce(max(v.id), 0) FROM shared.version v JOIN shared.work w ON w.id = v.work"
        " WHERE w.author = %s AND v.committed_at IS NOT NULL",
        [name],
    ).fetchone()
    return int(row[0]) if row else 0


def note_pushed(connection: Connection, name: str, last: int, commit: str) -> None:
    """Write down that the repository has a branch up to `commit`, and somebody's versions up to `last`."""
    with connection.transaction():
        connection.execute(
            "UPDATE branches.branch SET pushed = %s, pushed_at = now(), problem = NULL, failures = 0"
            " WHERE name = %s",
            [commit, name],
        )
        connection.execute(
            "UPDATE shared.version v SET pushed_at = now(), problem = NULL FROM shared.work w"
            " WHERE w.id = v.work AND w.author = %s AND v.id <= %s"
            " AND v.committed_at IS NOT NULL AND v.pushed_at IS NULL",
            [name, last],
        )


def note_failure(
    connection: Connection, name: str, last: int, error: DivebellError, wait: Callable[[int], float]
) -> None:
    """Write down why the repository lacks a branch, and when it is tried again."""
    row = connection.execute("SELECT failures + 1 FROM branches.branch WHERE name = %s", [name]).fetchone()
    failures = int(row[0]) if row else 1
    words = f"not pushed: {error.message}"
    with connection.transaction():
        connection.execute(
            "UPDATE branches.branch SET problem = %s, failures = %s,"
            " again_at = now() + make_interval(secs => %s) WHERE name = %s",
            [str(error), failures, wait(failures), name],
        )
        connection.execute(
            "UPDATE shared.version v SET problem = %s FROM shared.work w"
            " WHERE w.id = v.work AND w.author = %s AND v.id <= %s"
            " AND v.committed_at IS NOT NULL AND v.pushed_at IS NULL",
            [words, name, last],
        )
