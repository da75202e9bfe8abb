"""How people sign in: one module a kind, chosen by `people.sign_in`.

A kind's module has `configure(c, door, proxy_proof)`, which calls `authenticator.install` with three things:
- its `Way` (`door.Way`), which judges what was typed into the form at /hub/login; `door.NoForm()` where
  volunteers prove elsewhere who they are, and only ambassadors type a password;
- its pages besides the form, if it has any: handlers that extend `pages.SignInPage`;
- its part of the page, `templates/sign_in/<kind>.html`, which `login.html` includes.

A page that has found out by its own means who somebody is lets them in like this:

    identity = Identity("github:583231", "github", "Ana B")
    try:
        welcome = await self.authenticator.door.admit(self.visit(), identity)
    except RefusedError as refused:
        raise as_page(refused) from None
    await self.let_in(welcome)

`Identity.key` is what is unique and stays. The name is a wish: `Ana B` becomes `ana_b`, or `ana_b_2` where
that is taken, and stays this identity's. With `claims=True` exactly this name is claimed, or refused as
taken, and a return code given. What is guessed (a code on a card) goes through `door.guard(visit, subject,
judge)`, which slows wrong guesses: `judge` raises WrongGuessError for one. The door does the rest for every
kind: opening hours, the cap, reserved and ambassadors' names, ambassadors' own passwords, the end of sessions
when a name changes hands, the browser's cookie, the log of sign-ins.

| module | holds |
|---|---|
| `door`, `people` | who gets in; what is kept of them in PostgreSQL |
| `visit` | what goes in and out: Visit, Attempt, Identity, Welcome, RefusedError, WrongGuessError |
| `passwords` | passwords that people choose and change |
| `names`, `throttle` | pure rules |
| `authenticator`, `pages` | the same for JupyterHub |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from divebell.event import Event, Secrets
from divebell.event.model import SignIn
from divebell.hub.login import accounts, event_password, invitations, system
from divebell.hub.login.authenticator import Beside
from divebell.hub.login.door import Connect, Door


@dataclass(frozen=True)
class Doorstep:
    """Where people come from: what the proxy proves itself with, and the address it answers at."""

    proof: str
    address: str


def configure(c: Any, event: Event, known: Secrets, connect: Connect, doorstep: Doorstep) -> list[Beside]:
    """Set the hub's sign-in as the event file says; give what goes on beside it while the hub runs."""
    door = Door(event, known, connect)
    match event.people.sign_in:
        case SignIn.EVENT_PASSWORD:
            event_password.configure(c, door, doorstep.proof)
        case SignIn.INVITATIONS:
            invitations.configure(c, door, doorstep.proof)
        case SignIn.GITHUB:
            from divebell.hub.login import github  # noqa: PLC0415 - a client for it alone, of 9 MB

            return github.configure(c, door, doorstep.proof, doorstep.address)
        case SignIn.ACCOUNTS:
            accounts.configure(c, door, doorstep.proof)
        case SignIn.SYSTEM:
            return system.configure(c, door, doorstep.proof)
    return []
