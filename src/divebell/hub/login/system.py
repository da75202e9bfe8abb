"""Sign-in with an account of the machine, checked through PAM."""

from __future__ import annotations

import asyncio
import getpass
import json
import logging
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from divebell.event.model import SignIn
from divebell.event.people import System
from divebell.hub import pam
from divebell.hub.login.authenticator import install
from divebell.hub.login.door import Door
from divebell.hub.login.names import NameRefusedError
from divebell.hub.login.visit import NO_MATCH, Attempt, Identity, RefusedError, WrongGuessError

log = logging.getLogger("divebell.login")

SOCKET_VARIABLE = "DIVEBELL_PASSWORDS"
"""Where the hub finds the helper that may ask PAM; without it, the hub asks itself."""
ANSWERS_WITHIN = 2 * pam.ANSWERS_WITHIN
"""Seconds, with those who were there before."""
_AT_ONCE = 8
_LONGEST_ANSWER = 4096

Check = Callable[[str, str], Awaitable[pam.Checked]]


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


def ask_helper(address: Path) -> Check:
    """Ask the helper at a socket, which runs as root."""

    async def ask(login: str, password: str) -> pam.Checked:
        reader, writer = await asyncio.open_unix_connection(str(address), limit=_LONGEST_ANSWER)
        try:
            writer.write(json.dumps({"login": login, "password": password}).encode() + b"\n")
            await writer.drain()
            answer = json.loads(await reader.readline())
        finally:
            writer.close()
        return pam.Checked(pam.Verdict(answer["verdict"]), str(answer["login"]))

    async def check(login: str, password: str) -> pam.Checked:
        return await _in_time(ask(login, password))

    return check


async def _in_time(asked: Awaitable[pam.Checked]) -> pam.Checked:
    """Give up on a PAM that hangs, or a helper that is away."""
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            return await asked
    except (TimeoutError, OSError, ValueError, KeyError) as error:
        log.error("passwords of the machine: %s", type(error).__name__)  # noqa: TRY400 - a trace tells no more
        return pam.Checked(pam.Verdict.BROKEN)


def configure(c: Any, door: Door, proxy_proof: str) -> None:
    """Set the hub's sign-in."""
    helper = os.environ.get(SOCKET_VARIABLE)
    check = ask_helper(Path(helper)) if helper else ask_here(door.event.people.system)
    only = None if helper or os.geteuid() == 0 else getpass.getuser()
    install(c, door, SignIn.SYSTEM, SystemAccounts(check, only), proxy_proof)
