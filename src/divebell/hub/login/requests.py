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


_ASK = """
INSERT INTO people.person AS p (name, identity, password_hash, state, note, asked_device)
VALUES (%s, %s, %s, 'asked', %s, %s) ON CONFLICT (name) DO UPDATE
SET (identity, password_hash, note, asked_device) =
    (excluded.identity, excluded.password_hash, excluded.note, excluded.asked_device),
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
    with connection.transaction():
        connection.execute("LOCK TABLE people.person IN SHARE ROW EXCLUSIVE MODE")
        before = find(connection, request.name)
        waiting = connection.execute("SELECT count(*) FROM people.person WHERE state = 'asked'").fetchone()
        if before is None and waiting and waiting[0] >= request.most:
            return Answer.TOO_MANY
        done = (
            request.name not in request.ambassadors
            and connection.execute(
                _ASK,
                [request.name, f"account:{request.name}", request.password_hash, request.note, device],
            ).fetchone()
        )
    return Answer.ASKED if done else Answer.TAKEN


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
