"""Sign-in with a name and the event's password: the first to use a name claims it."""

from __future__ import annotations

import asyncio
from typing import Any

from divebell import codes
from divebell.event.model import SignIn
from divebell.hub.login import people
from divebell.hub.login.authenticator import install
from divebell.hub.login.door import Door, same, taken
from divebell.hub.login.names import person_name
from divebell.hub.login.visit import NO_MATCH, Attempt, Identity, RefusedError, WrongGuessError


class EventPassword:
    """Judges the event's password, and the return code of a name that is claimed."""

    def key(self, typed: str) -> str:
        """Give the identity of whoever claimed the name."""
        return f"password:{person_name(typed)}"

    async def judge(self, door: Door, attempt: Attempt, *, known: bool) -> Identity:
        """Give who claims the name or comes back to it."""
        name = person_name(attempt.name)
        if not same(attempt.password, door.secrets.event_password):
            raise WrongGuessError(NO_MATCH)
        person = await door.ask(people.find, name)
        new = person is None or person.claimable
        if not (new or known):
            await _check_code(door, name, person, attempt)
        return Identity(f"password:{name}", SignIn.EVENT_PASSWORD.value, name, claims=new)


async def _check_code(door: Door, name: str, person: people.Person | None, attempt: Attempt) -> None:
    if not attempt.code.strip():
        raise RefusedError(403, taken(name), needs_code=True)
    stored = person.return_code_hash if person and person.identity == f"password:{name}" else None
    if not await asyncio.to_thread(codes.return_code_matches, attempt.code, stored):
        raise WrongGuessError(
            f"That is not the return code of '{name}'. {door.ask_ambassador} can help you.", needs_code=True
        )


def configure(c: Any, door: Door, proxy_proof: str) -> None:
    """Set the hub's sign-in."""
    install(c, door, SignIn.EVENT_PASSWORD, EventPassword(), proxy_proof)
