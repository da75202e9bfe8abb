"""What ambassadors decide about people, the same from the command line and from the portal. Pure.

A decision is a call of one function of the schema `people`, with what to say of each answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from psycopg import sql

from divebell import codes
from divebell.database.invitations import Room, Wanted, full, values_of
from divebell.errors import DivebellError
from divebell.event import Event
from divebell.event.model import NAME_PATTERN, RESERVED_NAMES, SignIn
from divebell.event.secrets import passphrase
from divebell.invitation import holds_until, new_invitation

ROSTER = """
SELECT name, way, state, reset, made_ambassador, made_by, claimed_at, last_sign_in_at, last_address, note,
       asked_address
FROM people.roster ORDER BY state = 'asked' DESC, last_sign_in_at DESC NULLS LAST, name
"""
PEOPLE = """
SELECT p.name, split_part(p.identity, ':', 1) AS way, p.state,
       p.state = 'in' AND p.signed_out AND p.return_code_hash IS NULL AND p.identity ^@ 'password:' AS reset,
       a.name IS NOT NULL AS made_ambassador, a.made_by,
       p.claimed_at, p.last_sign_in_at, p.last_address, p.note, p.asked_address
FROM people.person p LEFT JOIN people.ambassador a USING (name)
ORDER BY p.state = 'asked' DESC, p.last_sign_in_at DESC NULLS LAST, p.name
"""
"""The roster for an administrator, whom the server lets look at no view."""
SIGN_INS = "SELECT at, name, identity, way, address FROM people.sign_in ORDER BY at DESC, name LIMIT 100000"
CHANGES = 'SELECT at, name, what, "by" FROM people.change ORDER BY at DESC, name LIMIT 100000'


@dataclass(frozen=True)
class Decision:
    """One call, what is shown once with it, and what its answers mean."""

    function: str
    values: tuple[Any, ...] = field(repr=False)
    done: str
    """What to say when the answer is `yes`."""
    refused: Mapping[str, str]
    """What to say of the other answers."""
    shown: str | None = field(default=None, repr=False)
    """A password or return code, which nobody can show again."""

    def statement(self) -> sql.Composed:
        """Give the call for psycopg, with its values in it."""
        values = sql.SQL(", ").join(map(sql.Literal, self.values))
        return sql.SQL("SELECT people.{}({})").format(sql.Identifier(self.function), values)

    def judge(self, answer: str) -> None:
        """Raise DivebellError when the database refused."""
        if answer != "yes":
            raise DivebellError(self.refused.get(answer, answer), next_step="divebell people list")


def add(event: Event, name: str, by: str) -> Decision:
    """Make room for a person by name, and what they sign in with."""
    _check_name(name)
    kind = event.people.sign_in
    match kind:
        case SignIn.EVENT_PASSWORD:
            shown, hashed = _return_code()
            done = f"'{name}' signs in with the event's password and this return code"
        case SignIn.ACCOUNTS:
            shown, hashed = _password()
            done = f"'{name}' signs in with this password"
        case SignIn.INVITATIONS:
            return _invite(event, name, by)
        case SignIn.GITHUB | SignIn.SYSTEM:
            raise DivebellError(f"nobody is added by name here: {_WHO_COMES[kind]}")
    values = (name, kind.value, hashed, by, event.people.expected, list(event.people.ambassadors))
    refused = {"taken": f"the name '{name}' is taken", "full": full(event.people.expected)}
    return Decision("add", values, done, refused, shown)


_WHO_COMES = {
    SignIn.GITHUB: "who may come is under `people.github` in event.yaml",
    SignIn.SYSTEM: "who may come has an account on the machine",
}


def _invite(event: Event, name: str, by: str) -> Decision:
    _check_no_ambassador(event, name)
    made = new_invitation()
    until = holds_until(event, datetime.now(UTC))
    wanted = Wanted(name, None, 1, until, by)
    room = Room(event.people.ambassadors, event.people.expected)
    shown_until = until.astimezone(event.zone)
    done = f"'{name}' is invited until {shown_until:%Y-%m-%d %H:%M} and signs in with this code"
    refused = {
        "again": "that did not work out: please try again",
        "ambassador": f"'{name}' was made an ambassador and has an own password",
        "full": full(event.people.expected),
    } | {
        way: f"'{name}' is somebody who signs in another way ({way})"
        for way in ("github", "account", "system")
    }
    return Decision("invite", values_of(made, wanted, room), done, refused, made.code)


def reset(event: Event, name: str, by: str) -> Decision:
    """Give a person who lost what they sign in with a new start."""
    _check_no_ambassador(event, name)
    kind = event.people.sign_in
    shown, hashed, then = None, None, f"'{name}' is signed out everywhere and can sign in again"
    if kind is SignIn.ACCOUNTS:
        shown, hashed = _password()
        then = f"'{name}' is signed out everywhere and signs in with this password"
    elif kind is SignIn.INVITATIONS:
        shown, hashed = _return_code()
        then = f"'{name}' is signed out everywhere and comes back with this code"
    elif kind is SignIn.EVENT_PASSWORD:
        then = f"'{name}' is signed out. The next sign-in with the event's password claims the name anew"
    refused = {
        "unknown": f"nobody has signed in as '{name}'",
        "ambassador": f"'{name}' was made an ambassador; making them one again gives a new password",
    }
    return Decision("reset", (name, kind.value, hashed, by), then, refused, shown)


def remove(event: Event, name: str, by: str) -> Decision:
    """Shut a person out; what they made stays, and so the name stays theirs."""
    _check_no_ambassador(event, name)
    done = f"'{name}' is out. Notebooks and tables are kept, and the name with them"
    refused = {
        "unknown": f"nobody takes part as '{name}'",
        "ambassador": f"'{name}' was made an ambassador; whoever is to be removed is made a volunteer first",
    }
    return Decision("remove", (name, by), done, refused)


def decide(event: Event, name: str, by: str, *, approved: bool) -> Decision:
    """Answer somebody who asked for an account."""
    people = event.people
    done = f"'{name}' {'is in, with the password they chose' if approved else 'was declined'}"
    refused = {"unknown": f"nobody waits for an account as '{name}'", "full": full(people.expected)}
    values = (name, approved, by, people.expected, list(people.ambassadors))
    return Decision("decide", values, done, refused)


def decline_beside(event: Event, name: str, by: str) -> Decision:
    """Turn everybody away who asked for an account from the address that `name` asked from."""
    done = f"everybody who asked from the same address as '{name}' was declined"
    refused = {"unknown": f"nobody waits for an account as '{name}'"}
    return Decision("decline_beside", (name, by, list(event.people.ambassadors)), done, refused)


def make_ambassador(event: Event, name: str, by: str) -> Decision:
    """Make a person an ambassador, or give one who was made so a new password."""
    _check_no_ambassador(event, name)
    shown, hashed = _password()
    done = f"'{name}' is an ambassador, is signed out everywhere, and signs in with this password"
    refused = {"unknown": f"nobody takes part as '{name}': they sign in first, or are added"}
    return Decision("make_ambassador", (name, hashed, by), done, refused, shown)


def unmake_ambassador(event: Event, name: str, by: str) -> Decision:
    """Make an ambassador who was made one a volunteer again."""
    if name in event.people.ambassadors:
        raise DivebellError(
            f"'{name}' is an ambassador by event.yaml",
            next_step="take the name out of `people.ambassadors`",
        )
    done = f"'{name}' is a volunteer again, and signs in as before"
    return Decision(
        "unmake_ambassador", (name, by), done, {"unknown": f"'{name}' was not made an ambassador"}
    )


class Action(StrEnum):
    """What can be decided about a person."""

    ADD = "add"
    RESET = "reset"
    REMOVE = "remove"
    APPROVE = "approve"
    DECLINE = "decline"
    DECLINE_BESIDE = "decline-beside"
    MAKE_AMBASSADOR = "make-ambassador"
    UNMAKE_AMBASSADOR = "unmake-ambassador"


PRIVILEGES = frozenset({Action.MAKE_AMBASSADOR, Action.UNMAKE_AMBASSADOR})
"""Only for ambassadors whom the event file names: nobody who was made one makes others."""


def decision(action: Action, event: Event, name: str, by: str) -> Decision:
    """Give the decision of that name. Raises DivebellError where it cannot be taken."""
    match action:
        case Action.ADD:
            decided = add(event, name, by)
        case Action.RESET:
            decided = reset(event, name, by)
        case Action.REMOVE:
            decided = remove(event, name, by)
        case Action.APPROVE | Action.DECLINE:
            decided = decide(event, name, by, approved=action is Action.APPROVE)
        case Action.DECLINE_BESIDE:
            decided = decline_beside(event, name, by)
        case Action.MAKE_AMBASSADOR:
            decided = make_ambassador(event, name, by)
        case Action.UNMAKE_AMBASSADOR:
            decided = unmake_ambassador(event, name, by)
    return decided


def _password() -> tuple[str, str]:
    shown = passphrase()
    return shown, codes.hash_password(shown)


def _return_code() -> tuple[str, str]:
    shown = codes.new_return_code()
    return shown, codes.hash_return_code(shown)


def _check_name(name: str) -> None:
    if not re.fullmatch(NAME_PATTERN, name):
        raise DivebellError(f"'{name}' is no name: 2 to 31 of a-z, 0-9 and _, beginning with a letter")
    if name in RESERVED_NAMES:
        raise DivebellError(f"the name '{name}' is kept for the event itself")


def _check_no_ambassador(event: Event, name: str) -> None:
    if name in event.people.ambassadors:
        raise DivebellError(
            f"'{name}' is an ambassador by event.yaml and has an own password",
            next_step="divebell people passwords",
        )
