"""Who came from GitHub, in PostgreSQL. Each function is one transaction on a connection of `event_hub`."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

import psycopg
from cryptography.fernet import Fernet, InvalidToken

from divebell.hub.login.github_api import Account

RECHECK_SECONDS = 600
"""How long an answer of GitHub's holds."""


@dataclass(frozen=True)
class Due:
    """Somebody whose membership is to be looked at again."""

    number: int
    name: str
    listed_as: str | None
    sealed: bytes | None = field(repr=False)


class Seal:
    """Encrypts tokens with a key that follows from a secret of the event's."""

    def __init__(self, secret: str) -> None:
        key = hmac.new(secret.encode(), b"tokens of GitHub", "sha256").digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def close(self, token: dict[str, Any]) -> bytes:
        """Give what is stored of a token."""
        return self._fernet.encrypt(json.dumps(token).encode())

    def open(self, sealed: bytes | None) -> dict[str, Any] | None:
        """Give the token back; None for what was sealed with another key."""
        try:
            token: dict[str, Any] = json.loads(self._fernet.decrypt(sealed or b""))
        except InvalidToken:
            return None
        return token


def listed_as(connection: psycopg.Connection, account: Account, people: frozenset[str]) -> str | None:
    """Give the login in the event's list (in lower case) as which somebody is meant.

    A login counts for whoever came with it first: who renames stays listed, who takes the free login is not.
    """
    rows = connection.execute("SELECT listed_as, number FROM people.github WHERE listed_as IS NOT NULL")
    owner: dict[str, int] = dict(rows.fetchall())
    mine = next((listed for listed, number in owner.items() if number == account.number), None)
    if mine in people:
        return mine
    login = account.login.lower()
    return login if login in people and owner.get(login, account.number) == account.number else None


def remember(
    connection: psycopg.Connection, account: Account, listed: str | None, sealed: bytes | None
) -> None:
    """Keep who somebody is, and what their membership can be asked with."""
    connection.execute(
        "INSERT INTO people.github AS g (number, login, listed_as, token) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (number) DO UPDATE SET login = excluded.login, token = excluded.token,"
        " checked_at = now(), listed_as = coalesce(excluded.listed_as, g.listed_as)",
        [account.number, account.login, listed, sealed],
    )


def due(connection: psycopg.Connection) -> list[Due]:
    """Give everybody signed in whose membership was not looked at for a while."""
    rows = connection.execute(
        "SELECT g.number, p.name, g.listed_as, g.token FROM people.github g"
        " JOIN people.person p ON p.identity = 'github:' || g.number"
        " WHERE p.state = 'in' AND NOT p.signed_out AND NOT EXISTS"
        " (SELECT FROM people.ambassador a WHERE a.name = p.name)"
        " AND g.checked_at < now() - make_interval(secs => %s) ORDER BY g.checked_at",
        [RECHECK_SECONDS],
    ).fetchall()
    return [Due(*row) for row in rows]


def hurry(connection: psycopg.Connection, people: frozenset[str]) -> None:
    """Have everybody looked at again soon who came by the event's list and stands on it no more."""
    connection.execute(
        "UPDATE people.github SET checked_at = '-infinity' WHERE listed_as <> ALL (%s)", [sorted(people)]
    )


def checked(connection: psycopg.Connection, number: int) -> None:
    """Note that somebody belongs here still."""
    connection.execute("UPDATE people.github SET checked_at = now() WHERE number = %s", [number])


def sign_out(connection: psycopg.Connection, number: int) -> None:
    """End the sessions and tokens of somebody who does not belong here any more."""
    connection.execute("SELECT people.left_github(%s)", [number])
