"""Decides who gets in with the event's password. Knows no JupyterHub; the hub's pages ask it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Concatenate, ParamSpec, TypeVar

import psycopg

from divebell.errors import DivebellError
from divebell.event import Event, Secrets
from divebell.hub.login import codes, people
from divebell.hub.login.names import NameRefusedError, person_name
from divebell.hub.login.throttle import Throttle

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("divebell.login")

Connect = Callable[[], AbstractContextManager[psycopg.Connection]]
"""Opens a connection of the hub's database role, for use in a thread."""


@dataclass(frozen=True)
class Attempt:
    """One sign-in as it was typed."""

    name: str
    password: str = field(repr=False)
    code: str = field(repr=False)
    device: str = field(repr=False)
    """The browser's token; every browser holds one from the first look at the sign-in page."""
    address: str
    knows_device: bool = True
    """Whether the browser sent the token itself; False when it was made for this very request."""


@dataclass(frozen=True)
class Welcome:
    """The sign-in was right; `return_code` is there after a first sign-in, to be shown once."""

    name: str
    return_code: str | None = field(default=None, repr=False)
    anew: bool = False
    """Whether the name was not this person's before: sessions that are still open under it must end."""


class RefusedError(Exception):
    """The sign-in was refused; the message says what to do, in words for that person."""

    def __init__(self, status: int, message: str, *, needs_code: bool = False) -> None:
        super().__init__(message)
        self.status, self.message, self.needs_code = status, message, needs_code


class Door:
    """One event's door: passwords, claimed names, wrong guesses."""

    def __init__(
        self, event: Event, known: Secrets, connect: Connect, throttle: Throttle | None = None
    ) -> None:
        self._event, self._secrets, self._connect = event, known, connect
        self.throttle = throttle or Throttle(time.monotonic)

    @property
    def ambassadors(self) -> tuple[str, ...]:
        """The people to ask."""
        return self._event.people.ambassadors

    async def open(self, attempt: Attempt) -> Welcome:
        """Let the person in or raise RefusedError."""
        try:
            name = person_name(attempt.name)
        except NameRefusedError as error:
            raise RefusedError(403, str(error)) from None
        known = attempt.knows_device and await self._knows(name, attempt.device)
        if not known:
            await self._wait(attempt.address, name)
        try:
            welcome = await self._judge(name, attempt, known=known)
        except _WrongGuessError as wrong:
            self.throttle.wrong(attempt.address, name)
            raise RefusedError(403, wrong.message, needs_code=wrong.needs_code) from None
        except BaseException:
            self._release(attempt.address, name, known=known)
            raise
        self._release(attempt.address, name, known=known)
        return welcome

    async def _wait(self, address: str, name: str) -> None:
        seconds = self.throttle.reserve(address, name)
        if seconds is None:
            raise RefusedError(
                429,
                "There were many wrong guesses. Nobody is locked out: wait half a minute and try again.",
            )
        await asyncio.sleep(seconds)

    def _release(self, address: str, name: str, *, known: bool) -> None:
        if not known:
            self.throttle.release(address, name)

    async def _judge(self, name: str, attempt: Attempt, *, known: bool) -> Welcome:
        if name in self.ambassadors:
            if not _same(attempt.password, self._secrets.ambassadors.get(name)):
                raise _WrongGuessError(NO_MATCH)
            return await self._welcome_ambassador(name, attempt)
        if not _same(attempt.password, self._secrets.event_password):
            raise _WrongGuessError(NO_MATCH)
        person = await self._ask(people.find, name)
        if person is None or person.return_code_hash is None:
            return await self._claim(name, attempt)
        if not known:
            await self._check_code(person, attempt)
        device = codes.hash_device(name, attempt.device)
        await self._ask(people.signed_in, name, device, attempt.address)
        return Welcome(name)

    async def _claim(self, name: str, attempt: Attempt) -> Welcome:
        code = codes.new_return_code()
        hashed = await asyncio.to_thread(codes.hash_return_code, code)
        device = codes.hash_device(name, attempt.device)
        wanted = people.Claim(
            name, hashed, device, attempt.address, self.ambassadors, self._event.people.expected
        )
        match await self._ask(people.claim, wanted):
            case people.Claimed.YES:
                return Welcome(name, code, anew=True)
            case people.Claimed.FULL:
                raise RefusedError(403, self._full())
            case _:
                raise RefusedError(403, taken(name), needs_code=True)

    async def _check_code(self, person: people.Person, attempt: Attempt) -> None:
        if not attempt.code.strip():
            raise RefusedError(403, taken(person.name), needs_code=True)
        right = await asyncio.to_thread(codes.return_code_matches, attempt.code, person.return_code_hash)
        if not right:
            raise _WrongGuessError(
                f"That is not the return code of '{person.name}'. {self._ask_ambassador()} can help you.",
                needs_code=True,
            )

    async def _knows(self, name: str, token: str) -> bool:
        try:
            return await self._ask(people.knows_device, name, codes.hash_device(name, token))
        except RefusedError:
            return False  # the database is away; an ambassador gets in all the same

    async def _welcome_ambassador(self, name: str, attempt: Attempt) -> Welcome:
        device = codes.hash_device(name, attempt.device)
        try:
            anew = await self._ask(people.ambassador_signed_in, name, device, attempt.address)
        except RefusedError:
            log.warning("ambassador %s signed in while the database was away", name)
            return Welcome(name)
        return Welcome(name, anew=anew)

    async def has_lost(self, name: str) -> bool:
        """Tell whether a name is no longer a signed-in person's: reset, or an ambassador's from now on.

        False while the database is away.
        """
        try:
            person = await self._ask(people.find, name)
        except RefusedError:
            return False
        if name in self.ambassadors:
            return person is not None and person.return_code_hash != codes.NO_CODE
        return person is None or person.return_code_hash is None

    async def forget(self, name: str, token: str) -> None:
        """Forget a browser at sign-out."""
        await self._ask(people.forget_device, codes.hash_device(name, token))

    async def _ask(
        self, question: Callable[Concatenate[psycopg.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        def in_thread() -> T:
            with self._connect() as connection:
                return question(connection, *args, **kwargs)

        try:
            return await asyncio.to_thread(in_thread)
        except (DivebellError, psycopg.OperationalError, OSError) as error:
            log.warning("sign-in: the database does not answer: %s", type(error).__name__)
            raise RefusedError(
                503,
                "The event's database is not there just now. It comes back by itself: please try again soon.",
            ) from error

    def _ask_ambassador(self) -> str:
        return " or ".join(self.ambassadors) or "Whoever runs the event"

    def _full(self) -> str:
        return (
            f"All {self._event.people.expected} places of this event are taken. "
            f"{self._ask_ambassador()} can make room for you."
        )


NO_MATCH = "That name and password do not go together. Please check both."


def taken(name: str) -> str:
    """Say that a name is claimed and what its owner can do."""
    return (
        f"Somebody has already signed in as '{name}'. If that was you, type the return code you were shown. "
        "If not, please choose another name."
    )


class _WrongGuessError(Exception):
    def __init__(self, message: str, *, needs_code: bool = False) -> None:
        super().__init__(message)
        self.message, self.needs_code = message, needs_code


def _same(typed: str, right: str | None) -> bool:
    """Compare in constant time, whatever characters were typed."""
    return right is not None and secrets.compare_digest(
        typed.encode("utf-8", "surrogatepass"), right.encode("utf-8")
    )
