"""Sign-in with an invitation: its link, or a name and the code on a card."""

from __future__ import annotations

import asyncio
from typing import Any

from divebell import codes
from divebell.database import invitations
from divebell.database.invitations import Shown
from divebell.event.model import SignIn
from divebell.hub.login import people
from divebell.hub.login.authenticator import install
from divebell.hub.login.door import Door, taken
from divebell.hub.login.names import NameRefusedError, person_name
from divebell.hub.login.pages import SignInPage, as_page
from divebell.hub.login.visit import Attempt, Identity, RefusedError, Welcome, WrongGuessError
from divebell.invitation import code_of, hash_key, id_of, is_key

WAY = SignIn.INVITATIONS.value
NO_MATCH = "That name and code do not go together. Please check both."
ENDED = {
    "used": "This invitation has been used. If it was you, sign in with your name and your code.",
    "expired": "This invitation has expired.",
    "revoked": "This invitation was taken back. You may have got a newer one.",
    "unknown": "There is no such invitation. Please check that the link is whole.",
}
_OURS = ("invitation", "password")
"""Kinds of identity that come back with a code; `password` is from before the event took invitations."""


class Invitations:
    """Judges a name and a code typed into the form."""

    def key(self, typed: str) -> str:
        """Give the identity of whoever was invited by that name, or chose it."""
        return f"invitation:{person_name(typed)}"

    async def judge(self, door: Door, attempt: Attempt, *, known: bool) -> Identity:
        """Give who comes back to a name, or comes in with the code of an invitation."""
        name, typed = person_name(attempt.name), attempt.code
        person = await door.ask(people.find, name)
        if person is not None:
            await _check_owner(person, typed, known=known)
            return Identity(person.identity, WAY, name)
        number = id_of(typed)
        shown = await door.ask(invitations.find_by_id, number) if number else None
        right = shown is not None and await asyncio.to_thread(
            codes.return_code_matches, typed, shown.code_hash
        )
        if shown is None or not right or shown.name not in (None, name):
            raise WrongGuessError(NO_MATCH)
        check_open(door, shown)
        return Identity(self.key(name), WAY, name, claims=True, code=_own(shown, typed), invitation=shown.id)


async def _check_owner(person: people.Person, typed: str, *, known: bool) -> None:
    """Raise WrongGuessError unless this is whose name it is."""
    stored = person.return_code_hash if person.identity.partition(":")[0] in _OURS else None
    if known or await asyncio.to_thread(codes.return_code_matches, typed, stored):
        return
    raise WrongGuessError(
        f"'{person.name}' is somebody's name already, and that is not their code. If it is your name, type "
        "your own code; if not, please choose another name."
    )


def _own(shown: Shown, typed: str) -> str | None:
    """Give a person's own code as it is printed; who comes with a table's code gets one of their own."""
    if shown.name is None:
        return None
    plain = "".join(character for character in typed.upper() if character.isalnum())
    return f"{plain[:3]}-{plain[3:7]}-{plain[7:]}"


def check_open(door: Door, shown: Shown | None) -> Shown:
    """Give the invitation; raise RefusedError when nobody comes in with it any more."""
    state = shown.state if shown else "unknown"
    if shown is None or state != "open":
        raise RefusedError(403, f"{ENDED[state]} {door.ask_ambassador} can help you.")
    return shown


class InvitationPage(SignInPage):
    """What a link leads to. Looking at it uses nothing up: mail programs look at links too."""

    def set_default_headers(self) -> None:
        """Keep the key of the link from being named as where a browser came from."""
        super().set_default_headers()
        self.set_header("Referrer-Policy", "strict-origin")

    async def get(self) -> None:
        """Show who is invited, and a button."""
        self.visit()  # every browser gets its token here, before it is needed
        shown: Shown | None = None
        try:
            shown = await self._find(self.get_query_argument("key", ""))
            invitation = check_open(self._door, shown)
            self._door.check_hours()
        except RefusedError as refused:
            await self._say(refused, shown)
            return
        await self._show(invitation)

    async def post(self) -> None:
        """Sign in: the first time with this invitation, or one of the times it holds."""
        key = self.get_body_argument("key", "")
        typed = self.get_body_argument("username", "", strip=False)
        shown: Shown | None = None
        try:
            shown = await self._guarded(key)
            welcome = await self._welcome(check_open(self._door, shown), typed, key)
            if self.current_user and self.current_user.name != welcome.name:
                await self._door.forget(self.current_user.name, self.visit().device)  # who hands it on
        except RefusedError as refused:
            await self._say(refused, shown, typed)
            return
        await self.let_in(welcome)

    @property
    def _door(self) -> Door:
        door: Door = self.authenticator.door
        return door

    async def _find(self, key: str) -> Shown | None:
        return await self._door.ask(invitations.find_by_key, hash_key(key)) if is_key(key) else None

    async def _guarded(self, key: str) -> Shown | None:
        """Find an invitation; who tries keys out has to wait like whoever guesses codes."""

        async def judged() -> Shown:
            shown = await self._find(key)
            if shown is None:
                raise WrongGuessError(ENDED["unknown"])
            return shown

        return await self._door.guard(self.visit(), f"link:{hash_key(key).hex()}", judged)

    async def _welcome(self, shown: Shown, typed: str, key: str) -> Welcome:
        try:
            name = shown.name or person_name(typed)
        except NameRefusedError as error:
            raise RefusedError(403, str(error)) from None
        person = await self._door.ask(people.find, name)
        if person is not None and (shown.name is None or person.return_code_hash != shown.code_hash):
            raise RefusedError(403, taken(name))  # not whom the invitation was for, or reset since
        if person is not None:
            return await self._door.admit(
                self.visit(), Identity(person.identity, WAY, name, invitation=shown.id)
            )
        code = code_of(shown.id, key) if shown.name else None
        claim = Identity(f"invitation:{name}", WAY, name, claims=True, code=code, invitation=shown.id)
        return await self._door.admit(self.visit(), claim)

    async def _show(self, shown: Shown, *, error: str = "", typed: str = "") -> None:
        page = await self.render_template(
            "invitation.html",
            invited=shown,
            key=self.get_argument("key", ""),
            username=typed,
            login_error=error,
            signed_in=self.current_user,
            xsrf=self.xsrf_token.decode("ascii"),
        )
        self.finish(page)

    async def _say(self, refused: RefusedError, shown: Shown | None = None, typed: str = "") -> None:
        """Show why not: on the invitation's page where another try may help, else on the sign-in page."""
        self.set_status(refused.status)
        for name, value in as_page(refused).headers.items():
            self.set_header(name, value)
        if shown is not None and shown.state == "open":
            await self._show(shown, error=refused.message, typed=typed)
            return
        self.finish(await self._render(login_error=refused.message, username=shown.name if shown else ""))


def configure(c: Any, door: Door, proxy_proof: str) -> None:
    """Set the hub's sign-in."""
    install(c, door, SignIn.INVITATIONS, Invitations(), proxy_proof, [("/invitation", InvitationPage)])
