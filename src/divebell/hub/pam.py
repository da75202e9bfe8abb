"""Checks passwords of the machine's own accounts, and who of them still takes part.

Run as root, or by the helper that is. PAM runs in a process of its own for each question, which is this file:
a module of PAM that hangs or crashes takes nobody along.
"""

from __future__ import annotations

import ctypes
import grp
import json
import os
import pwd
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from divebell.event.people import System

LOGIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}")
ANSWERS_WITHIN = 25.0
"""Seconds; PAM itself waits for about three after a wrong password."""
FIRST_UID = 1000
"""Accounts below it are the system's own (`UID_MIN` of login.defs)."""
_NOBODY = 65534
_NO_SHELLS = frozenset({"nologin", "false", "sync", "shutdown", "halt"})
_RIGHT_BUT_SHUT_OUT = frozenset({6, 12, 13})  # PAM_PERM_DENIED, PAM_NEW_AUTHTOK_REQD, PAM_ACCT_EXPIRED
_NO_EMPTY_PASSWORD = 0x1  # PAM_DISALLOW_NULL_AUTHTOK: Debian lets accounts without one in with any
# PAM_PERM_DENIED, PAM_AUTH_ERR (which Debian makes of the last), PAM_USER_UNKNOWN, PAM_ACCT_EXPIRED
_LEFT = frozenset({6, 7, 10, 13})
_NOBODY_JUST_NOW = (Path("/etc/nologin"), Path("/run/nologin"))
_LOCKED = re.compile(r"!+[^!*]")  # `usermod -L` writes it before a password; without one it says nothing
_WRONG = frozenset({7, 10, 11})  # PAM_AUTH_ERR, PAM_USER_UNKNOWN, PAM_MAXTRIES


class Verdict(StrEnum):
    """What became of a login and a password."""

    RIGHT = "right"
    WRONG = "wrong"
    SHUT_OUT = "shut out"
    """The password is right, and this account does not take part."""
    BROKEN = "broken"
    """The machine could not check it."""


@dataclass(frozen=True)
class Checked:
    """A verdict, and the login as the machine writes it."""

    verdict: Verdict
    login: str = ""


def check_apart(login: str, password: str, wanted: System) -> Checked:
    """Check in a process of its own; this may take seconds."""
    asked = {"login": login, "password": password, "service": wanted.service, "group": wanted.group}
    try:
        answer = _apart(asked)
        return Checked(Verdict(answer["verdict"]), answer["login"])
    except (subprocess.SubprocessError, OSError, ValueError):
        return Checked(Verdict.BROKEN)


def gone_apart(logins: Sequence[str], wanted: System) -> list[str]:
    """Give who of these does not take part any more, in a process of its own; nobody where it cannot tell."""
    try:
        return [
            str(one)
            for one in _apart({"logins": [*logins], "service": wanted.service, "group": wanted.group})
        ]
    except (subprocess.SubprocessError, OSError, ValueError):
        return []


def _apart(asked: dict[str, Any]) -> Any:
    done = subprocess.run(
        [sys.executable, "-I", __file__],
        input=json.dumps(asked).encode(),
        stdout=subprocess.PIPE,
        timeout=ANSWERS_WITHIN,
        check=True,
    )
    return json.loads(done.stdout)


def check(login: str, password: str, service: str, group: str | None) -> Checked:
    """Ask PAM. Passwords of root and system accounts are never tried."""
    if not LOGIN.fullmatch(login) or not password or "\0" in password:
        return Checked(Verdict.WRONG)
    try:
        account = pwd.getpwnam(login)
    except KeyError:
        account = None
    if account is not None and not _takes_part(account):
        return Checked(Verdict.WRONG)
    verdict = _ask_pam(login, password, service)  # for nobody too, which takes as long
    if verdict is not Verdict.RIGHT:
        return Checked(verdict)
    if account is None:
        return Checked(Verdict.WRONG)
    if group is not None and not _in_group(account, group):
        return Checked(Verdict.SHUT_OUT, account.pw_name)
    return Checked(Verdict.RIGHT, account.pw_name)


def gone(logins: Sequence[str], service: str, group: str | None) -> list[str]:
    """Give whom of these the machine lets in no more: removed, locked, expired, or out of the group."""
    return [login for login in logins if not _stays(login, service, group)]


def _stays(login: str, service: str, group: str | None) -> bool:
    try:
        account = pwd.getpwnam(login)
    except KeyError:
        return False
    if not _takes_part(account) or (group is not None and not _in_group(account, group)):
        return False
    return not _is_locked(login) and _account_holds(login, service)


def _is_locked(login: str) -> bool:
    try:
        lines = Path("/etc/shadow").read_text().splitlines()
    except OSError:  # not root, whom alone it is said
        return False
    found = (line.split(":")[1] for line in lines if line.startswith(f"{login}:"))
    return any(_LOCKED.match(password) for password in found)


def _account_holds(login: str, service: str) -> bool:
    """Ask PAM about the account without its password. What PAM cannot tell ends nothing."""
    if any(file.exists() for file in _NOBODY_JUST_NOW):  # the machine boots or goes down
        return True
    pamela = _pamela()
    answers = pamela.new_simple_password_conv((), "utf-8")  # PAM calls it for as long as the handle is open
    try:
        handle = pamela.pam_start(service, login, conv_func=answers)
        pamela.pam_end(handle, pamela.PAM_ACCT_MGMT(handle, 0))
    except pamela.PAMError as error:
        return error.errno not in _LEFT
    return True


def _takes_part(account: pwd.struct_passwd) -> bool:
    person = account.pw_uid >= FIRST_UID and account.pw_uid != _NOBODY
    return person and PurePath(account.pw_shell).name not in _NO_SHELLS


def _in_group(account: pwd.struct_passwd, group: str) -> bool:
    try:
        wanted = grp.getgrnam(group).gr_gid
    except KeyError:
        return False
    return wanted in os.getgrouplist(account.pw_name, account.pw_gid)


def _ask_pam(login: str, password: str, service: str) -> Verdict:
    pamela = _pamela()
    answers = pamela.new_simple_password_conv((password.encode("utf-8", "replace"),), "utf-8")
    try:
        handle = pamela.pam_start(service, login, conv_func=answers)
        result = pamela.PAM_AUTHENTICATE(handle, _NO_EMPTY_PASSWORD) or pamela.PAM_ACCT_MGMT(handle, 0)
        pamela.pam_end(handle, result)
    except pamela.PAMError as error:
        if error.errno in _WRONG:
            return Verdict.WRONG
        return Verdict.SHUT_OUT if error.errno in _RIGHT_BUT_SHUT_OUT else Verdict.BROKEN
    return Verdict.RIGHT


def _pamela() -> Any:
    ctypes.CDLL("libpam.so.0", mode=ctypes.RTLD_GLOBAL)  # pamela finds it then, wherever `ldconfig` is
    import pamela  # noqa: PLC0415 - it looks for libpam when imported

    return pamela


if __name__ == "__main__":
    asked_for = json.load(sys.stdin)
    if "logins" in asked_for:
        print(json.dumps(gone(**asked_for)))
    else:
        checked = check(**asked_for)
        print(json.dumps({"verdict": checked.verdict.value, "login": checked.login}))
