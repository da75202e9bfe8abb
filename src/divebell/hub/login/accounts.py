"""Sign-in with an account of one's own: made by an ambassador, or asked for and approved."""

from __future__ import annotations

import asyncio
import time
from typing import Any, ClassVar

from divebell import codes
from divebell.event.model import SignIn
from divebell.hub.login import people, requests
from divebell.hub.login.authenticator import install
from divebell.hub.login.door import Door
from divebell.hub.login.names import NameRefusedError, person_name
from divebell.hub.login.pages import PageError, SignInPage, as_page, device_token
from divebell.hub.login.passwords import problem
from divebell.hub.login.throttle import Throttle
from divebell.hub.login.visit import NO_MATCH, Attempt, Identity, RefusedError, Visit, WrongGuessError
from divebell.patience import network

LONGEST_NOTE = 300


class Accounts:
    """Judges a name and the password of its account."""

    def key(self, typed: str) -> str:
        """Give the identity of the account."""
        return f"account:{person_name(typed)}"

    async def judge(self, door: Door, attempt: Attempt, *, known: bool) -> Identity:  # noqa: ARG002
        """Give whose account it is. A name from before still opens with its return code."""
        name = person_name(attempt.name)
        person = await door.ask(people.find, name)
        if not await asyncio.to_thread(_matches, attempt.password, person) or person is None:
            raise WrongGuessError(NO_MATCH)
        return Identity(person.identity, SignIn.ACCOUNTS.value, name)


def _matches(typed: str, person: people.Person | None) -> bool:
    """Compare, and take as long for a name that nobody has."""
    if person is not None and person.password_hash is None and person.return_code_hash is not None:
        return codes.return_code_matches(typed, person.return_code_hash)
    if person is None or person.password_hash is None:
        codes.hash_password(typed)
        return False
    return codes.password_matches(typed, person.password_hash)


class Asking:
    """What one event's page for requests does, without JupyterHub."""

    def __init__(self, door: Door, throttle: Throttle) -> None:
        self._door, self._throttle = door, throttle

    async def ask(self, visit: Visit, typed: str, password: str, note: str) -> str:
        """Keep a request; give the name. Raises RefusedError with what to do."""
        door = self._door
        if not door.event.people.accounts.requests or door.over():
            raise RefusedError(403, f"Accounts cannot be asked for here. {door.ask_ambassador} makes them.")
        try:
            name = person_name(typed)
        except NameRefusedError as error:
            raise RefusedError(400, str(error)) from None
        wrong = problem(password, name)
        if wrong:
            raise RefusedError(400, wrong)
        await self._slow(visit, name)
        hashed = await asyncio.to_thread(codes.hash_password, password)
        line = " ".join("".join(one if one.isprintable() else " " for one in note).split())[:LONGEST_NOTE]
        most, place = door.event.people.expected, network(visit.address)
        request = requests.Request(name, hashed, line, visit.device, door.ambassadors, most, place)
        match await door.ask(requests.ask, request):
            case requests.Answer.ASKED:
                return name
            case requests.Answer.TAKEN:
                raise RefusedError(403, f"The name '{name}' is taken. Please choose another.")
            case requests.Answer.TOO_MANY:
                raise RefusedError(
                    403, f"Many people have asked already. {door.ask_ambassador} can help you in person."
                )

    async def _slow(self, visit: Visit, name: str) -> None:
        """Slow an address that asks for many accounts: each counts like a wrong guess."""
        seconds = self._throttle.reserve(visit.address, name)
        if seconds is None:
            raise RefusedError(429, "Many requests come from your network. Wait half a minute and try again.")
        self._throttle.wrong(visit.address)
        await asyncio.sleep(seconds)

    async def standing(self, visit: Visit, name: str) -> str | None:
        """Give how this browser's request for `name` stands."""
        return await self._door.ask(requests.standing, name, visit.device)

    async def take_up(self, visit: Visit, name: str) -> Identity | None:
        """Give who comes in because the request of this very browser was approved."""
        if not await self._door.ask(requests.take_up, name, visit.device):
            return None
        return Identity(f"account:{name}", SignIn.ACCOUNTS.value, name)


class AskPage(SignInPage):
    """Asks for an account."""

    asking: ClassVar[Asking]

    async def get(self) -> None:
        """Show the form."""
        device_token(self)
        await self._show()

    async def post(self) -> None:
        """Keep the request and go to where its answer will stand."""
        fields = ("username", "password", "note")
        typed, password, note = (self.get_body_argument(field, "", strip=False) for field in fields)
        try:
            name = await self.asking.ask(self.visit(), typed, password, note)
        except RefusedError as refused:
            self.set_status(refused.status)
            await self._show(refused.message)
            return
        self.redirect(f"{self.hub.base_url}account/wait?name={name}")

    async def _show(self, error: str = "") -> None:
        page = await self.render_template(
            "ask.html",
            error=error,
            typed=self.get_body_argument("username", ""),
            note=self.get_body_argument("note", ""),
            requests=self.authenticator.door.event.people.accounts.requests,
        )
        self.finish(page)


class WaitPage(SignInPage):
    """Says how a request stands to the browser that made it, and lets it in once approved."""

    asking: ClassVar[Asking]

    async def get(self) -> None:
        """Look, and go in if the door is open."""
        door, asking = self.authenticator.door, self.asking
        name, visit = self.get_argument("name", "")[:100], self.visit()
        try:
            state = await asking.standing(visit, name)
        except RefusedError as away:
            raise as_page(away) from None
        if state == "in" and not door.closed():
            await self._go_in(visit, name)
        elif state is None:
            self.redirect(self.settings["login_url"])
        else:
            self.finish(await self.render_template("wait.html", account=name, state=state))

    def append_query_parameters(self, url: str, exclude: Any = None) -> str:  # noqa: ARG002 - JupyterHub's
        """Keep the name of the request out of the address that people go on to."""
        return url

    async def _go_in(self, visit: Visit, name: str) -> None:
        door, asking = self.authenticator.door, self.asking
        try:
            identity = await asking.take_up(visit, name)
            if identity is None:
                raise PageError(403, "Please sign in with your name and password.")
            welcome = await door.admit(visit, identity)
        except RefusedError as refused:
            raise as_page(refused) from None
        await self.let_in(welcome)


def configure(c: Any, door: Door, proxy_proof: str) -> None:
    """Set the hub's sign-in."""
    asking = {"asking": Asking(door, Throttle(time.monotonic))}
    pages = (
        ("/account", type("AskPage", (AskPage,), asking)),
        ("/account/wait", type("WaitPage", (WaitPage,), asking)),
    )
    install(c, door, SignIn.ACCOUNTS, Accounts(), proxy_proof, pages)
