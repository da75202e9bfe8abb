"""Invitations in PostgreSQL: made by the superuser or the web app, used up by the hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from divebell.errors import DivebellError
from divebell.invitation import Invitation, new_invitation

_TRIES = 20


@dataclass(frozen=True)
class Wanted:
    """An invitation to be made, for a person (`name`) or for several (`label` and `uses`)."""

    name: str | None
    label: str | None
    uses: int
    expires_at: datetime
    made_by: str


@dataclass(frozen=True)
class Room:
    """Who takes no place and needs no invitation, and for how many others there are places."""

    ambassadors: Sequence[str]
    expected: int


@dataclass(frozen=True)
class Invited:
    """An invitation as it stands. `state`: open, used, expired or revoked."""

    id: str
    name: str | None
    label: str | None
    uses: int
    used: int
    expires_at: datetime
    made_at: datetime
    made_by: str
    revoked_at: datetime | None
    state: str
    used_by: list[str]


@dataclass(frozen=True)
class Shown:
    """What the hub knows of an invitation that somebody came with."""

    id: str
    name: str | None
    label: str | None
    code_hash: str = field(repr=False)
    state: str


def invite(connection: psycopg.Connection, wanted: Wanted, room: Room) -> Invitation:
    """Make an invitation. Raises DivebellError where the name is not to be given away."""
    return invite_all(connection, [wanted], room)[0]


def invite_all(connection: psycopg.Connection, wanted: Sequence[Wanted], room: Room) -> list[Invitation]:
    """Make invitations, all or none. Raises DivebellError where a name is not to be given away."""
    ready = [_prepared(one, room) for one in wanted]  # slow hashes, while nobody's sign-in waits for it
    with connection.transaction():
        return [_made(connection, one, first, room) for one, first in zip(wanted, ready, strict=True)]


_Ready = tuple[Invitation, tuple[object, ...]]


def _prepared(wanted: Wanted, room: Room) -> _Ready:
    made = new_invitation()
    return made, values_of(made, wanted, room)


def _made(connection: psycopg.Connection, wanted: Wanted, ready: _Ready, room: Room) -> Invitation:
    for _ in range(_TRIES):
        made, values = ready
        row = connection.execute(
            "SELECT people.invite(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)", values
        ).fetchone()
        answer = row[0] if row else None
        if answer == "yes":
            return made
        if answer != "again":
            raise _not_to_be_given(str(wanted.name), str(answer), room)
        ready = _prepared(wanted, room)
    raise DivebellError("there is no room for more invitations", next_step="divebell people revoke ID")


def listing(connection: psycopg.Connection) -> list[Invited]:
    """Give all invitations, the latest first."""
    query = (
        "SELECT id, name, label, uses, used, expires_at, made_at, made_by, revoked_at,"
        " people.state_of(i) AS state,"
        " ARRAY(SELECT u.name FROM people.invitation_use u WHERE u.invitation = i.id ORDER BY u.at)"
        " AS used_by"
        " FROM people.invitation i ORDER BY made_at DESC, id"
    )
    with connection.cursor(row_factory=class_row(Invited)) as cursor:
        return cursor.execute(query).fetchall()


def revoke(connection: psycopg.Connection, number: str, by: str) -> bool:
    """End an invitation; tell whether it was one that had not ended."""
    row = connection.execute("SELECT people.revoke_invitation(%s, %s)", [number, by]).fetchone()
    return bool(row and row[0])


_SHOWN = "SELECT id, name, label, code_hash, people.state_of(i) FROM people.invitation i WHERE "


def find_by_key(connection: psycopg.Connection, key_hash: bytes) -> Shown | None:
    """Give the invitation whose link has this key."""
    row = connection.execute(_SHOWN + "key_hash = %s", [key_hash]).fetchone()
    return Shown(*row) if row else None


def find_by_id(connection: psycopg.Connection, number: str) -> Shown | None:
    """Give the invitation whose code begins like this."""
    row = connection.execute(_SHOWN + "id = %s", [number]).fetchone()
    return Shown(*row) if row else None


def names_held(connection: psycopg.Connection, apart_from: str) -> set[str]:
    """Give the names that open invitations hold for their people, apart from one invitation's."""
    rows = connection.execute(
        "SELECT name FROM people.invitation i WHERE name IS NOT NULL AND id <> %s"
        " AND people.state_of(i) = 'open'",
        [apart_from],
    )
    return {row[0] for row in rows}


def use(connection: psycopg.Connection, number: str, name: str) -> bool:
    """Use an invitation once; tell whether that could still be done. Of two at the last use one gets it."""
    used = connection.execute(
        "UPDATE people.invitation SET used = used + 1 WHERE id = %s AND used < uses AND revoked_at IS NULL"
        " AND expires_at > now() RETURNING id",
        [number],
    ).fetchone()
    if used is None:
        return False
    connection.execute("INSERT INTO people.invitation_use (invitation, name) VALUES (%s, %s)", [number, name])
    return True


def values_of(made: Invitation, wanted: Wanted, room: Room) -> tuple[object, ...]:
    """Give what `people.invite` takes."""
    who = (made.id, wanted.name, wanted.label, wanted.uses)
    return (
        *who,
        made.key_hash,
        made.code_hash,
        wanted.expires_at,
        wanted.made_by,
        list(room.ambassadors),
        room.expected,
    )


def full(expected: int) -> str:
    """Say that nobody else has a place."""
    return f"all {expected} places are taken (`people.expected` in event.yaml)"


def _not_to_be_given(name: str, why: str, room: Room) -> DivebellError:
    if why == "full":
        return DivebellError(
            f"'{name}' was removed and cannot come back: {full(room.expected)}",
            next_step="divebell people list",
        )
    if why == "ambassador":
        return DivebellError(
            f"'{name}' is an ambassador and has an own password", next_step="divebell people passwords"
        )
    return DivebellError(
        f"'{name}' belongs to somebody who signs in another way ({why})", next_step="choose another name"
    )
