"""Write down what was heard, what was seen of the branch, and what was made of each commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from divebell.pipeline.catalogue import Connection, query, storable

KEPT = 200
"""How many commits are remembered."""


@dataclass(frozen=True)
class Heard:
    """What is known before a look."""

    hint: int | None
    """The newest hint that waits for a look; those before it wait too."""
    hooked: bool
    people: bool
    looked_at: datetime | None
    """When the branch was last seen at its source."""
    head: str | None
    """Its last commit then."""
    loaded: str | None
    """The commit that is loaded in full."""


@dataclass(frozen=True)
class Begun:
    """A pass over a commit that has begun."""

    number: int
    commit: str


def heard(connection: Connection) -> Heard:
    """Read what has happened besides; a look that begins after this answers every hint in it."""
    row = connection.execute(query("heard")).fetchone()
    return (
        Heard(*row)
        if row
        else Heard(None, hooked=False, people=False, looked_at=None, head=None, loaded=None)
    )


def looked(connection: Connection, head: str, before: Heard) -> None:
    """Say that the branch was seen, and what its last commit is."""
    connection.execute("UPDATE following.branch SET looked_at = clock_timestamp(), head = %s", (head,))
    if before.hint is not None:
        connection.execute(
            "UPDATE following.hint SET looked_at = clock_timestamp() WHERE looked_at IS NULL AND id <= %s",
            (before.hint,),
        )


def begin(connection: Connection, commit: str) -> Begun:
    """Say that a commit is being loaded; once more, if it was the last one."""
    row = connection.execute("SELECT id, commit FROM following.pass ORDER BY id DESC LIMIT 1").fetchone()
    if row and row[1] == commit:
        connection.execute(
            "UPDATE following.pass SET finished_at = NULL, problem = NULL WHERE id = %s", (row[0],)
        )
        return Begun(row[0], commit)
    connection.execute("DELETE FROM following.pass WHERE finished_at IS NULL")  # a loader was killed in it
    new = connection.execute("INSERT INTO following.pass (commit) VALUES (%s) RETURNING id", (commit,))
    number = int((new.fetchone() or (0,))[0])
    connection.execute("DELETE FROM following.pass WHERE id <= %s", (number - KEPT,))
    return Begun(number, commit)


def interrupt(connection: Connection, begun: Begun, reason: str) -> None:
    """Say why a commit cannot be had for now."""
    connection.execute(
        "UPDATE following.pass SET problem = %s WHERE id = %s", (storable(reason)[:2000], begun.number)
    )


def end(connection: Connection, begun: Begun, commit: str, problem: str | None) -> None:
    """Say that everything of a commit has been dealt with: the one that arrived, should another have."""
    facts = {"id": begun.number, "commit": commit, "problem": problem and storable(problem)[:2000]}
    connection.execute(query("end_pass"), facts)
