"""Sign-in with an account of the machine, checked through PAM."""

from __future__ import annotations

import asyncio
import getpass
import json
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from divebell.event.model import SignIn
from divebell.event.people import System
from divebell.hub import pam
from divebell.hub.login import people
from divebell.hub.login.authenticator import Beside, install, stop_server
from divebell.hub.login.door import Door
from divebell.hub.login.names import NameRefusedError
from divebell.hub.login.visit import NO_MATCH, Attempt, Identity, RefusedError, WrongGuessError

log = logging.getLogger("divebell.login")

SOCKET_VARIABLE = "DIVEBELL_PASSWORDS"
"""Where the hub finds the helper that may ask PAM; without it, the hub asks itself."""
ANSWERS_WITHIN = 2 * pam.ANSWERS_WITHIN
"""Seconds, with those who were there before."""
_AT_ONCE = 8
_LONGEST_ANSWER = 65_536
LOOK_SECONDS = 60.0
"""How often the machine is asked whether those who are signed in still take part."""

Check = Callable[[str, str], Awaitable[pam.Checked]]
FindGone = Callable[[Sequence[str]], Awaitable[Sequence[str]]]
"""Gives who of some logins takes part no more; nobody where that cannot be told."""


class SystemAccounts:
    """Judges a login of the machine and its password."""

    def __init__(self, check: Check, only: str | None) -> None:
        self._check, self._only = check, only

    def key(self, typed: str) -> str:
        """Give the identity of the machine's account."""
        return f"system:{_login(typed)}"

    async def judge(self, door: Door, attempt: Attempt, *, known: bool) -> Identity:  # noqa: ARG002
        """Give whose account of the machine it is."""
        login = _login(attempt.name)
        if self._only is not None and login != self._only:
            raise WrongGuessError(_own_account_only(self._only))
        checked = await self._check(login, attempt.password)
        match checked.verdict:
            case pam.Verdict.RIGHT:
                return Identity(f"system:{checked.login}", SignIn.SYSTEM.value, checked.login)
            case pam.Verdict.WRONG:
                raise WrongGuessError(NO_MATCH)
            case pam.Verdict.SHUT_OUT:
                raise RefusedError(403, f"This account does not take part. {door.ask_ambassador} can help.")
            case pam.Verdict.BROKEN:
                log.error("the machine did not check the password of %s", login)
                raise RefusedError(503, NOT_CHECKED)


NOT_CHECKED = "This machine cannot check passwords just now. Please try again soon."


def _login(typed: str) -> str:
    login = typed.strip()
    if not pam.LOGIN.fullmatch(login):
        raise NameRefusedError("Please type the name with which you sign in to this machine.")
    return login


def _own_account_only(login: str) -> str:
    return (
        f"This event was started by {login}, without root, so only {login} can sign in with a password of "
        "the machine. Started as root, or on a server, it lets in everybody who has an account."
    )


def ask_here(wanted: System) -> Check:
    """Ask PAM from this process, which is root's."""
    pool = ThreadPoolExecutor(_AT_ONCE, "pam")

    async def check(login: str, password: str) -> pam.Checked:
        loop = asyncio.get_running_loop()
        asked = loop.run_in_executor(pool, pam.check_apart, login, password, wanted)
        return await _in_time(asked)

    return check


def find_here(wanted: System) -> FindGone:
    """Ask the machine from this process, which is root's or the one person's who signs in."""

    async def find(logins: Sequence[str]) -> Sequence[str]:
        return await asyncio.to_thread(pam.gone_apart, logins, wanted)

    return find


def ask_helper(address: Path) -> Check:
    """Ask the helper at a socket, which runs as root."""

    async def ask(login: str, password: str) -> pam.Checked:
        answer = await _asked(address, {"login": login, "password": password})
        return pam.Checked(pam.Verdict(answer["verdict"]), str(answer["login"]))

    async def check(login: str, password: str) -> pam.Checked:
        return await _in_time(ask(login, password))

    return check


def find_with_helper(address: Path) -> FindGone:
    """Ask the helper at a socket."""

    async def find(logins: Sequence[str]) -> Sequence[str]:
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                return [str(one) for one in await _asked(address, {"logins": [*logins]})]
        except (TimeoutError, OSError, ValueError, TypeError) as error:
            log.warning("accounts of the machine are not looked at again: %s", type(error).__name__)
            return []

    return find


async def _asked(address: Path, question: dict[str, Any]) -> Any:
    reader, writer = await asyncio.open_unix_connection(str(address), limit=_LONGEST_ANSWER)
    try:
        writer.write(json.dumps(question).encode() + b"\n")
        await writer.drain()
        return json.loads(await reader.readline())
    finally:
        writer.close()


async def _in_time(asked: Awaitable[pam.Checked]) -> pam.Checked:
    """Give up on a PAM that hangs, or a helper that is away."""
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            return await asked
    except (TimeoutError, OSError, ValueError, KeyError) as error:
        log.error("passwords of the machine: %s", type(error).__name__)  # noqa: TRY400 - a trace tells no more
        return pam.Checked(pam.Verdict.BROKEN)


class Looking:
    """Signs out whose account of the machine was locked, removed or taken out of the group meanwhile."""

    def __init__(self, door: Door, find: FindGone, stop: Callable[[str], Awaitable[None]]) -> None:
        self._door, self._find, self._stop = door, find, stop
        self._missed: frozenset[str] = frozenset()

    async def look(self) -> None:
        """Look at everybody signed in. Who is gone twice on end is out: a directory may miss one answer."""
        known = await self._door.ask(people.on_the_machine)
        gone = frozenset(await self._find([*known]) if known else ()) & known.keys()
        for login in sorted(gone & self._missed):
            log.warning("%s is signed out: this machine does not let the account in any more", login)
            await self._door.ask(people.left_the_machine, login)
            await self._stop(known[login])  # an open page goes on with what runs there, signed in or not
        self._missed = gone

    async def keep_looking(self) -> None:
        """Look again for as long as the hub runs."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except RefusedError as refused:
                log.warning("accounts of the machine are not looked at again: %s", refused)
            except Exception:
                log.exception(
                    "accounts of the machine are not looked at again this time"
                )  # next time they are


def configure(c: Any, door: Door, proxy_proof: str) -> list[Beside]:
    """Set the hub's sign-in; give what goes on beside it."""
    helper = os.environ.get(SOCKET_VARIABLE)
    wanted = door.event.people.system
    check = ask_helper(Path(helper)) if helper else ask_here(wanted)
    only = None if helper or os.geteuid() == 0 else getpass.getuser()
    install(c, door, SignIn.SYSTEM, SystemAccounts(check, only), proxy_proof)
    find = find_with_helper(Path(helper)) if helper else find_here(wanted)
    return [Looking(door, find, stop_server).keep_looking]
