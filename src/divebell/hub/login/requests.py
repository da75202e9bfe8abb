"""Accounts that people ask for, in PostgreSQL. Each function is one transaction of `event_hub`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import psycopg

from divebell.codes import hash_device
from divebell.hub.login.people import find


@dataclass(frozen=True)
class Request:
    """What somebody asks for who has no account yet. `device` is the token of the browser that asks."""

    name: str
    password_hash: str = field(repr=False)
    note: str
    device: str = field(repr=False)
    ambassadors: Sequence[str]
    most: int
    """How many may wait at once."""
    address: str
    """What its client can call its own (`patience.network`)."""


_ASK = """
INSERT INTO people.person AS p (name, identity, password_hash, state, note, asked_device, asked_address)
VALUES (%s, %s, %s, 'asked', %s, %s, %s) ON CONFLICT (name) DO UPDATE
SET (identity, password_hash, note, asked_device, asked_address) =
    (excluded.identity, excluded.password_hash, excluded.note, excluded.asked_device, excluded.asked_address),
    state = 'asked', claimed_at = now()
WHERE p.state = 'declined' OR (p.state = 'asked' AND p.asked_device = excluded.asked_device)
RETURNING name
"""


class Answer(Enum):
    """How it went."""

    ASKED = "asked"
    TAKEN = "taken"
    TOO_MANY = "too many"


def ask(connection: psycopg.Connection, request: Request) -> Answer:
    """Keep a request for the ambassadors to look at. The same browser may correct what it asked for."""
    device = hash_device(request.name, request.device)
    values = [request.name, f"account:{request.name}", request.password_hash, request.note, device]
    if request.name in request.ambassadors:
        return Answer.TAKEN
    with connection.transaction():
        connection.execute("LOCK TABLE people.person IN SHARE ROW EXCLUSIVE MODE")
        before = find(connection, request.name)
        joins = before is None or before.state == "declined"
        if joins and not _makes_room(connection, request):
            return Answer.TOO_MANY
        done = connection.execute(_ASK, [*values, request.address]).fetchone()
    return Answer.ASKED if done else Answer.TAKEN


def _makes_room(connection: psycopg.Connection, request: Request) -> bool:
    """Tell whether one more may wait. Where all places are taken, the address with the most gives one up.

    Its latest request does: of a flood, those who were there before it go on waiting.
    """
    rows = connection.execute(
        "SELECT asked_address, count(*) FROM people.person WHERE state = 'asked' GROUP BY asked_address"
    )
    waiting: dict[str | None, int] = dict(rows.fetchall())
    if sum(waiting.values()) < request.most:
        return True
    most = max(waiting, key=lambda address: waiting[address])
    if waiting[most] <= waiting.get(request.address, 0) + 1:
        return False
    connection.execute(
        "WITH declined AS (UPDATE people.person SET state = 'declined' WHERE name = (SELECT name"
        " FROM people.person WHERE state = 'asked' AND asked_address IS NOT DISTINCT FROM %s"
        " ORDER BY claimed_at DESC, name LIMIT 1) RETURNING name)"
        " INSERT INTO people.change (name, what, by) SELECT name, 'gave way to another address', '-'"
        " FROM declined",
        [most],
    )
    return True


def standing(connection: psycopg.Connection, name: str, token: str) -> str | None:
    """Give how a browser's request stands: `asked`, `in`, `declined`, `removed`; None where it made none."""
    row = connection.execute(
        "SELECT state FROM people.person WHERE name = %s AND asked_device = %s",
        [name, hash_device(name, token)],
    ).fetchone()
    return str(row[0]) if row else None


def take_up(connection: psycopg.Connection, name: str, token: str) -> bool:
    """Let the browser that asked come in without a password, this once."""
    row = connection.execute(
        "UPDATE people.person SET asked_device = NULL"
        " WHERE name = %s AND asked_device = %s AND state = 'in' RETURNING name",
        [name, hash_device(name, token)],
    ).fetchone()
    return row is not None


def change_password(connection: psycopg.Connection, name: str, password_hash: str) -> None:
    """Give a person with an own password another one."""
    with connection.transaction():
        person = find(connection, name)
        if person is not None and person.ambassador_hash is not None:
            connection.execute(
                "UPDATE people.ambassador SET password_hash = %s WHERE name = %s", [password_hash, name]
            )
        else:
            connection.execute(
                "UPDATE people.person SET password_hash = %s WHERE name = %s", [password_hash, name]
            )
        connection.execute(
            "INSERT INTO people.change (name, what, by) VALUES (%s, 'own password changed', %s)", [name, name]
        )
