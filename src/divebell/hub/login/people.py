"""Who has which name, in PostgreSQL. Each function is one transaction on a connection of `event_hub`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import psycopg

from divebell.codes import hash_device
from divebell.database.invitations import names_held, use
from divebell.hub.login.names import free_name
from divebell.hub.login.visit import Identity, Visit


@dataclass(frozen=True)
class Person:
    """What is kept of one person."""

    name: str
    identity: str
    return_code_hash: str | None = field(repr=False)
    password_hash: str | None = field(repr=False)
    state: str
    """`in`, `asked` (for an account), `declined` or `removed`."""
    signed_out: bool
    """Whether sessions from before the next sign-in no longer count."""
    ambassador_hash: str | None = field(repr=False)
    """Hash of the own password of somebody whom an ambassador made one; None for all others."""

    @property
    def claimable(self) -> bool:
        """Tell whether the next sign-in with the event's password claims the name anew."""
        return (
            self.state == "in"
            and self.signed_out
            and self.return_code_hash is None
            and self.identity == f"password:{self.name}"
            and self.ambassador_hash is None
        )


@dataclass(frozen=True)
class Entry:
    """Somebody at the door, with a proven identity."""

    identity: Identity
    visit: Visit
    ambassadors: Sequence[str]
    expected: int
    return_code_hash: str | None = field(default=None, repr=False)


class Kept(Enum):
    """Why somebody with a proven identity does not get in."""

    TAKEN = "taken"
    FULL = "full"
    REMOVED = "removed"
    WAITING = "waiting"
    DECLINED = "declined"
    AMBASSADOR = "ambassador"
    USED = "used"


@dataclass(frozen=True)
class Entered:
    """Somebody got in. `first`: the return code that came with the entry is theirs now."""

    name: str
    anew: bool
    first: bool


_PERSON = (
    "SELECT name, identity, return_code_hash, p.password_hash, state, signed_out, a.password_hash"
    " FROM people.person p LEFT JOIN people.ambassador a USING (name) WHERE "
)


def find(connection: psycopg.Connection, name: str) -> Person | None:
    """Give the person who has `name`."""
    row = connection.execute(_PERSON + "name = %s", [name]).fetchone()
    return Person(*row) if row else None


def find_identity(connection: psycopg.Connection, key: str) -> Person | None:
    """Give the person who is `key`."""
    row = connection.execute(_PERSON + "identity = %s", [key]).fetchone()
    return Person(*row) if row else None


def knows_device(connection: psycopg.Connection, key: str, token: str, name: str | None = None) -> bool:
    """Tell whether `key`, or who was made an ambassador as `name`, is known here and not reset since."""
    made = find(connection, name) if name else None
    person = made if made and made.ambassador_hash else find_identity(connection, key)
    if person is None or person.state != "in":
        return False
    device = hash_device(person.name, token)
    return connection.execute(
        "SELECT 1 FROM people.device WHERE token_hash = %s AND name = %s", [device, person.name]
    ).fetchone() is not None  # fmt: skip


def enter(connection: psycopg.Connection, entry: Entry) -> Entered | Kept:
    """Let somebody in under the name that is theirs, or a free one. Of several at once, one gets a name."""
    with connection.transaction() as whole:
        result = _enter(connection, entry)
        invitation = entry.identity.invitation
        if isinstance(result, Entered) and invitation and not use(connection, invitation, result.name):
            result = Kept.USED
        if isinstance(result, Kept):
            raise psycopg.Rollback(whole)
    return result


def _enter(connection: psycopg.Connection, entry: Entry) -> Entered | Kept:
    person = find_identity(connection, entry.identity.key)
    if person is not None and person.name not in entry.ambassadors and not person.claimable:
        return _return(connection, person, entry)
    connection.execute("LOCK TABLE people.person IN SHARE ROW EXCLUSIVE MODE")
    person = find_identity(connection, entry.identity.key)
    if person is not None and person.name in entry.ambassadors:
        _give_to_ambassador(connection, person.name)
        person = None
    if person is None:
        return _begin(connection, entry)
    if not person.claimable or entry.return_code_hash is None:
        return _return(connection, person, entry)
    connection.execute(
        "UPDATE people.person SET claimed_at = now(), return_code_hash = %s WHERE name = %s",
        [entry.return_code_hash, person.name],
    )
    _signed_in(connection, person.name, entry.identity, entry.visit)
    return Entered(person.name, anew=True, first=True)


def _return(connection: psycopg.Connection, person: Person, entry: Entry) -> Entered | Kept:
    if person.state != "in":
        return {"asked": Kept.WAITING, "declined": Kept.DECLINED}.get(person.state, Kept.REMOVED)
    if person.ambassador_hash is not None:
        return Kept.AMBASSADOR
    if entry.identity.claims or person.claimable:
        return Kept.TAKEN  # another was quicker; or an ambassador has set it free meanwhile
    anew = _signed_in(connection, person.name, entry.identity, entry.visit)
    return Entered(person.name, anew=anew, first=False)


def _begin(connection: psycopg.Connection, entry: Entry) -> Entered | Kept:
    """Give a new identity a name of its own. The table is locked."""
    if _is_full(connection, entry):
        return Kept.FULL
    taken = {*entry.ambassadors, *(row[0] for row in connection.execute("SELECT name FROM people.person"))}
    if entry.identity.invitation:
        taken |= names_held(connection, entry.identity.invitation)
    name = entry.identity.name if entry.identity.claims else free_name(entry.identity.name, taken)
    if name in taken:
        return Kept.TAKEN
    connection.execute(
        "INSERT INTO people.person (name, identity, return_code_hash) VALUES (%s, %s, %s)",
        [name, entry.identity.key, entry.return_code_hash],
    )
    _signed_in(connection, name, entry.identity, entry.visit)
    return Entered(name, anew=True, first=True)


def _is_full(connection: psycopg.Connection, entry: Entry) -> bool:
    row = connection.execute("SELECT people.places(%s)", [list(entry.ambassadors)]).fetchone()
    return row is not None and row[0] >= entry.expected


def ambassador_signed_in(connection: psycopg.Connection, name: str, visit: Visit) -> bool:
    """Record an ambassador whom the event file names. Tells whether open sessions of the name must end."""
    with connection.transaction():
        before = find(connection, name)
        connection.execute("DELETE FROM people.ambassador WHERE name = %s", [name])  # the event file rules
        if before is None or before.identity != f"ambassador:{name}" or before.state != "in":
            _give_to_ambassador(connection, name)
        return _signed_in(connection, name, Identity(f"ambassador:{name}", "ambassador", name), visit)


def made_ambassador_signed_in(connection: psycopg.Connection, person: Person, visit: Visit) -> bool:
    """Record somebody whom an ambassador made one. Tells whether open sessions of the name must end."""
    with connection.transaction():
        return _signed_in(
            connection, person.name, Identity(person.identity, "ambassador", person.name), visit
        )


def _give_to_ambassador(connection: psycopg.Connection, name: str) -> None:
    connection.execute("DELETE FROM people.device WHERE name = %s", [name])
    connection.execute(
        "INSERT INTO people.person (name, identity, signed_out) VALUES (%s, %s, true) ON CONFLICT (name)"
        " DO UPDATE SET identity = excluded.identity, return_code_hash = NULL, password_hash = NULL,"
        " state = 'in', signed_out = true, note = NULL, asked_device = NULL",
        [name, f"ambassador:{name}"],
    )


def _signed_in(connection: psycopg.Connection, name: str, identity: Identity, visit: Visit) -> bool:
    """Record a sign-in and remember the browser; tell whether older sessions must end."""
    row = connection.execute(
        "UPDATE people.person SET last_sign_in_at = now(), last_address = %s, signed_out = false"
        " FROM (SELECT signed_out FROM people.person WHERE name = %s FOR UPDATE) AS before"
        " WHERE name = %s RETURNING before.signed_out",
        [visit.address, name, name],
    ).fetchone()
    connection.execute(
        "INSERT INTO people.device (token_hash, name) VALUES (%s, %s) ON CONFLICT (token_hash) DO NOTHING",
        [hash_device(name, visit.device), name],
    )
    connection.execute(
        "INSERT INTO people.sign_in (name, identity, way, address) VALUES (%s, %s, %s, %s)",
        [name, identity.key, identity.way, visit.address],
    )
    return bool(row and row[0])


def on_the_machine(connection: psycopg.Connection) -> dict[str, str]:
    """Give the login and the name of everybody signed in with an account of the machine."""
    rows = connection.execute(
        "SELECT substr(p.identity, length('system:') + 1), p.name FROM people.person p"
        " WHERE p.identity ^@ 'system:' AND p.state = 'in' AND NOT p.signed_out AND NOT EXISTS"
        " (SELECT FROM people.ambassador a WHERE a.name = p.name) ORDER BY 1"
    )
    return dict(rows.fetchall())


def left_the_machine(connection: psycopg.Connection, login: str) -> None:
    """End the sessions and tokens of somebody whose account does not take part any more."""
    connection.execute("SELECT people.left_machine(%s)", [login])


def forget_device(connection: psycopg.Connection, name: str, token: str) -> None:
    """Forget a browser: its person needs more than the event's password there the next time."""
    connection.execute("DELETE FROM people.device WHERE token_hash = %s", [hash_device(name, token)])
