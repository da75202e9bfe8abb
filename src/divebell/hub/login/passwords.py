"""Passwords that people choose: what is asked of one, and the page on which its owner changes it."""

from __future__ import annotations

import asyncio
import unicodedata

from tornado import web

from divebell import codes
from divebell.hub.login import people, requests
from divebell.hub.login.door import Door
from divebell.hub.login.pages import SignInPage, as_page
from divebell.hub.login.visit import RefusedError, Visit, Welcome, WrongGuessError

SHORTEST = 10
LONGEST = 500


def problem(password: str, name: str) -> str | None:
    """Say what is wrong with a password that somebody chooses; None where nothing is."""
    plain = unicodedata.normalize("NFKC", password)
    if not SHORTEST <= len(plain) <= LONGEST:
        return f"A password has at least {SHORTEST} characters: three or four words are easy to remember."
    if len(set(plain)) < 4 or plain.strip().lower().replace(name, "").strip("0123456789 ") == "":
        return "That password is too easy to guess: three or four words are better."
    return None


async def change(door: Door, visit: Visit, name: str, current: str, new: str) -> Welcome:
    """Give a person another password; sessions elsewhere end. Raises RefusedError."""
    person = await door.ask(people.find, name)
    stored = own_hash(person)
    if stored is None:
        raise RefusedError(403, "You have no password here that could be changed.")

    async def check() -> None:
        if not await asyncio.to_thread(codes.password_matches, current, stored):
            raise WrongGuessError("That is not your current password.")

    await door.guard(visit, f"own password of {name}", check)
    wrong = problem(new, name)
    if wrong:
        raise RefusedError(400, wrong)
    hashed = await asyncio.to_thread(codes.hash_password, new)
    await door.ask(requests.change_password, name, hashed)
    return Welcome(name, anew=True)


def own_hash(person: people.Person | None) -> str | None:
    """Give the hash of the password that a person may change; None where there is none."""
    if person is None or person.state != "in":
        return None
    return person.ambassador_hash or person.password_hash


class OwnPasswordPage(SignInPage):
    """Lets a signed-in person change the own password."""

    @web.authenticated
    async def get(self) -> None:
        """Show the form, or say that there is no password to change."""
        await self._show()

    @web.authenticated
    async def post(self) -> None:
        """Change it."""
        fields = ("current", "password")
        current, new = (self.get_body_argument(field, "", strip=False) for field in fields)
        door, name = self.authenticator.door, self.current_user.name
        try:
            welcome = await change(door, self.visit(), name, current, new)
        except RefusedError as refused:
            self.set_status(refused.status)
            await self._show(refused.message)
            return
        await self.let_in(welcome)

    async def _show(self, error: str = "") -> None:
        try:
            person = await self.authenticator.door.ask(people.find, self.current_user.name)
        except RefusedError as away:
            raise as_page(away) from None
        page = await self.render_template(
            "own_password.html", error=error, shortest=SHORTEST, possible=own_hash(person) is not None
        )
        self.finish(page)
