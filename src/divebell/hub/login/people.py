"""Who claimed which name, in PostgreSQL. Each function is one transaction on a connection of `event_hub`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import psycopg

from divebell.hub.login.codes import NO_CODE


@dataclass(frozen=True)
class Person:
    """What is kept of one claimed name. `return_code_hash` None: reset, the next sign-in claims it."""

    name: str
    return_code_hash: str | None


@dataclass(frozen=True)
class Claim:
    """A first sign-in: the name, what is stored of code and device, and who counts against the cap."""

    name: str
    return_code_hash: str
    device: str
    address: str
    ambassadors: Sequence[str]
    expected: int


class Claimed(Enum):
    """How a claim ended."""

    YES = "yes"
    TAKEN = "taken"
    FULL = "full"


def find(connection: psycopg.Connection, name: str) -> Person | None:
    """Give the person who claimed `name`."""
    row = connection.execute(
        "SELECT name, return_code_hash FROM people.person WHERE name = %s", [name]
    ).fetchone()
    return Person(*row) if row else None


def knows_device(connection: psycopg.Connection, name: str, device: str) -> bool:
    """Tell whether `name` has signed in from this browser and has not been reset since."""
    row = connection.execute(
        "SELECT 1 FROM people.device JOIN people.person USING (name)"
        " WHERE token_hash = %s AND name = %s AND return_code_hash IS NOT NULL",
        [device, name],
    ).fetchone()
    return row is not None


def claim(connection: psycopg.Connection, wanted: Claim) -> Claimed:
    """Claim a free or reset name. Of several at one instant exactly one gets it."""
    with connection.transaction():
        connection.execute("LOCK TABLE people.person IN SHARE ROW EXCLUSIVE MODE")
        if find(connection, wanted.name) is None and _is_full(connection, wanted):
            return Claimed.FULL
        won = connection.execute(
            "INSERT INTO people.person (name, return_code_hash, last_sign_in_at, last_address)"
            " VALUES (%s, %s, now(), %s) ON CONFLICT (name) DO UPDATE SET claimed_at = now(),"
            " return_code_hash = excluded.return_code_hash, last_sign_in_at = now(),"
            " last_address = excluded.last_address WHERE person.return_code_hash IS NULL RETURNING name",
            [wanted.name, wanted.return_code_hash, wanted.address],
        ).fetchone()
        if won is None:
            return Claimed.TAKEN
        connection.execute("DELETE FROM people.device WHERE name = %s", [wanted.name])
        _remember(connection, wanted.name, wanted.device)
    return Claimed.YES


def signed_in(connection: psycopg.Connection, name: str, device: str, address: str) -> None:
    """Record a return, and remember the browser."""
    with connection.transaction():
        connection.execute(
            "UPDATE people.person SET last_sign_in_at = now(), last_address = %s WHERE name = %s",
            [address, name],
        )
        _remember(connection, name, device)


def ambassador_signed_in(connection: psycopg.Connection, name: str, device: str, address: str) -> bool:
    """Record an ambassador, who has an own password and so no return code.

    Tells whether the name was free or a volunteer's until now.
    """
    with connection.transaction():
        before = find(connection, name)
        anew = before is None or before.return_code_hash != NO_CODE
        if anew:
            connection.execute("DELETE FROM people.device WHERE name = %s", [name])
            connection.execute(
                "INSERT INTO people.person (name, return_code_hash) VALUES (%s, %s)"
                " ON CONFLICT (name) DO UPDATE SET return_code_hash = excluded.return_code_hash",
                [name, NO_CODE],
            )
        signed_in(connection, name, device, address)
    return anew


def forget_device(connection: psycopg.Connection, device: str) -> None:
    """Forget a browser: its person needs the return code there the next time."""
    connection.execute("DELETE FROM people.device WHERE token_hash = %s", [device])


def _is_full(connection: psycopg.Connection, wanted: Claim) -> bool:
    row = connection.execute(
        "SELECT count(*) FROM people.person WHERE name <> ALL (%s)", [list(wanted.ambassadors)]
    ).fetchone()
    return row is not None and row[0] >= wanted.expected


def _remember(connection: psycopg.Connection, name: str, device: str) -> None:
    connection.execute(
        "INSERT INTO people.device (token_hash, name) VALUES (%s, %s) ON CONFLICT (token_hash) DO NOTHING",
        [device, name],
    )
