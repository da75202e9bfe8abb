"""Decides who gets in, whatever way they sign in by. Knows no JupyterHub; the hub's pages ask it.

A way proves who somebody is; the door does what holds for all of them: wrong guesses are slowed, ambassadors
come in with their own passwords at any hour, volunteers within the opening hours while there are places, each
under a name that nobody else has, and it is written down who came when and from where.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import psycopg

from divebell import codes
from divebell.errors import DivebellError
from divebell.event import Event, Secrets, hours
from divebell.hub.login import people
from divebell.hub.login.names import NameRefusedError, person_name
from divebell.hub.login.throttle import Throttle, Turns
from divebell.hub.login.visit import (
    NO_MATCH,
    Attempt,
    Identity,
    RefusedError,
    Visit,
    Welcome,
    WrongGuessError,
)

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("divebell.login")

Connect = Callable[[], AbstractContextManager[psycopg.Connection]]
"""Opens a connection of the hub's database role, for use in a thread."""


class Way(Protocol):
    """One way of signing in with what is typed into the form. Ways without a form use `NoForm`."""

    def key(self, typed: str) -> str:
        """Give the identity that a typed name stands for. Raises NameRefusedError."""

    async def judge(self, door: Door, attempt: Attempt, *, known: bool) -> Identity:
        """Give who this is, or raise WrongGuessError or RefusedError.

        `known`: the browser has signed in as this identity before.
        """


class NoForm:
    """A way whose form is for ambassadors alone, because volunteers prove elsewhere who they are."""

    def key(self, typed: str) -> str:
        """Give an identity that nobody has."""
        return f"nobody:{person_name(typed)}"

    async def judge(self, door: Door, attempt: Attempt, *, known: bool) -> Identity:  # noqa: ARG002
        """Refuse: only ambassadors have a password here."""
        raise WrongGuessError(NO_MATCH)


class Door:
    """One event's door."""

    def __init__(
        self,
        event: Event,
        known: Secrets,
        connect: Connect,
        throttle: Throttle | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.event, self.secrets = event, known
        self._connect, self._now = connect, now
        self.throttle = Throttle(time.monotonic) if throttle is None else throttle
        self._turns = Turns()

    @property
    def ambassadors(self) -> tuple[str, ...]:
        """The people whom the event file names as ambassadors."""
        return self.event.people.ambassadors

    @property
    def ask_ambassador(self) -> str:
        """Whom to ask, as the beginning of a sentence."""
        return " or ".join(self.ambassadors) or "Whoever runs the event"

    def closed(self) -> str | None:
        """Say why volunteers cannot sign in now; None while they can."""
        return hours.closed(self.event, self._now())

    def over(self) -> bool:
        """Tell whether the event has closed for good."""
        return hours.over(self.event, self._now())

    async def open(self, way: Way, attempt: Attempt) -> Welcome:
        """Let in who typed this into the form, or raise RefusedError."""
        try:
            name = _name_or_none(attempt.name)
            key = f"ambassador:{name}" if name in self.ambassadors else way.key(attempt.name)
        except NameRefusedError as error:
            raise RefusedError(403, str(error)) from None
        known = attempt.visit.knows_device and await self._knows(key, attempt.visit, name)

        async def judged() -> Welcome:
            ambassador = await self._ambassador(name, attempt) if name else None
            if ambassador is not None:
                return ambassador
            return await self.admit(attempt.visit, await way.judge(self, attempt, known=known))

        return await self.guard(attempt.visit, key, judged, known=known)

    async def guard(
        self, visit: Visit, subject: str, judge: Callable[[], Awaitable[T]], *, known: bool = False
    ) -> T:
        """Judge what somebody typed after the wait that wrong guesses at `subject` have earned them.

        A browser that is known counts as an address of its own, so that nobody else slows its owner.
        """
        address = f"browser {codes.hash_device(subject, visit.device)}" if known else visit.address
        async with self._turns.of(address):
            seconds = self.throttle.reserve(address, subject)
            if seconds is None:
                raise RefusedError(429, TOO_MANY)
            if not seconds:
                return await self._judged(address, subject, judge)

        async def after_the_wait() -> T:
            await asyncio.sleep(seconds)
            async with self._turns.of(address):
                return await judge()

        return await self._judged(address, subject, after_the_wait)

    async def _judged(self, address: str, subject: str, judge: Callable[[], Awaitable[T]]) -> T:
        """Judge what has been reserved, and tell the throttle how it ended."""
        try:
            result = await judge()
        except WrongGuessError:
            self.throttle.wrong(address)
            raise
        except BaseException:
            self.throttle.release(address, subject)
            raise
        self.throttle.release(address, subject)
        return result

    def check_hours(self) -> None:
        """Raise RefusedError outside the opening hours."""
        reason = self.closed()
        if reason:
            raise RefusedError(403, reason)

    async def admit(self, visit: Visit, identity: Identity) -> Welcome:
        """Let a volunteer in whose identity is proven, or raise RefusedError."""
        self.check_hours()
        code = identity.code or codes.new_return_code() if identity.claims else None
        hashed = await asyncio.to_thread(codes.hash_return_code, code) if code else None
        entry = people.Entry(identity, visit, self.ambassadors, self.event.people.expected, hashed)
        match await self.ask(people.enter, entry):
            case people.Entered(name, anew, first):
                return Welcome(name, code if first else None, anew=anew)
            case people.Kept.TAKEN:
                raise RefusedError(403, taken(identity.name), needs_code=identity.claims)
            case kept:
                raise RefusedError(403, self._kept(kept))

    async def _ambassador(self, name: str, attempt: Attempt) -> Welcome | None:
        """Let an ambassador in; None for whoever is none."""
        if name in self.ambassadors:
            if not same(attempt.password, self.secrets.ambassadors.get(name)):
                raise WrongGuessError(NO_MATCH)
            try:
                anew = await self.ask(people.ambassador_signed_in, name, attempt.visit)
            except RefusedError:
                log.warning("ambassador %s signed in while the database was away", name)
                anew = False
            return Welcome(name, anew=anew)
        person = await self.ask(people.find, name)
        if person is None or person.ambassador_hash is None or person.state != "in":
            return None
        if not await asyncio.to_thread(codes.password_matches, attempt.password, person.ambassador_hash):
            raise WrongGuessError(NO_MATCH)
        return Welcome(name, anew=await self.ask(people.made_ambassador_signed_in, person, attempt.visit))

    async def _knows(self, key: str, visit: Visit, name: str | None) -> bool:
        try:
            return await self.ask(people.knows_device, key, visit.device, name)
        except RefusedError:
            return False  # the database is away; an ambassador gets in all the same

    async def has_lost(self, name: str) -> bool:
        """Tell whether a name is no longer a signed-in person's: reset, removed, or an ambassador's by now.

        False while the database is away.
        """
        try:
            person = await self.ask(people.find, name)
        except RefusedError:
            return False
        if name in self.ambassadors:
            return person is not None and person.identity != f"ambassador:{name}"
        if person is None or person.signed_out or person.state != "in":
            return True
        return person.identity == f"ambassador:{name}" and person.ambassador_hash is None  # not any more

    async def forget(self, name: str, token: str) -> None:
        """Forget a browser at sign-out."""
        await self.ask(people.forget_device, name, token)

    async def ask(
        self, question: Callable[Concatenate[psycopg.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Ask the database in a thread; raise RefusedError in words while it is away."""

        def in_thread() -> T:
            with self._connect() as connection:
                return question(connection, *args, **kwargs)

        try:
            return await asyncio.to_thread(in_thread)
        except (DivebellError, psycopg.OperationalError, OSError) as error:
            log.warning("sign-in: the database does not answer: %s", type(error).__name__)
            raise RefusedError(503, DATABASE_AWAY) from error

    def _kept(self, kept: people.Kept) -> str:
        who = self.ask_ambassador
        return {
            people.Kept.FULL: f"All {self.event.people.expected} places of this event are taken. "
            f"{who} can make room for you.",
            people.Kept.REMOVED: f"You cannot sign in here any more. {who} can tell you why.",
            people.Kept.WAITING: f"{who} has not looked at your request yet. Please try again in a while.",
            people.Kept.USED: USED_UP,
            people.Kept.DECLINED: f"Your request for an account was declined. {who} can tell you why.",
            people.Kept.AMBASSADOR: "You are an ambassador: sign in with your name and your own password.",
        }[kept]


TOO_MANY = "There were many wrong guesses. Nobody is locked out: wait half a minute and try again."
USED_UP = "This invitation has been used by somebody else just now, or was taken back."
DATABASE_AWAY = "The event's database is not there just now. It comes back by itself: please try again soon."


def taken(name: str) -> str:
    """Say that a name is claimed and what its owner can do."""
    return (
        f"Somebody has already signed in as '{name}'. If that was you, type the return code you were shown. "
        "If not, please choose another name."
    )


def same(typed: str, right: str | None) -> bool:
    """Compare in constant time, whatever characters were typed."""
    return right is not None and secrets.compare_digest(
        typed.encode("utf-8", "surrogatepass"), right.encode("utf-8")
    )


def _name_or_none(typed: str) -> str | None:
    """Give the name as which an ambassador may have meant it; None for what is no name."""
    try:
        return person_name(typed)
    except NameRefusedError:
        return None
