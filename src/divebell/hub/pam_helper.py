"""Checks one password of the machine for the hub of a server: only root may, and the hub is not root.

systemd starts it for each connection to a socket that is the hub's alone. A login and a password come in,
a verdict goes out; or logins come in, and out goes who of them takes part no more. Which service of PAM and
which group it asks is in the event file alone; where people sign in by another way, nothing is tried.
"""

from __future__ import annotations

import json
import os
import pwd
import socket
import struct
import sys
from pathlib import Path

from divebell.event import load_event
from divebell.event.model import SignIn
from divebell.event.people import People
from divebell.hub.pam import LOGIN, Checked, Verdict, check, gone

_LONGEST_QUESTION = 65_536
_ASKED_WITHIN = 5.0


def question(line: bytes) -> tuple[str, str] | list[str]:
    """Read login and password, or a list of logins. Raises ValueError for anything else."""
    asked = json.loads(line)
    if isinstance(asked, dict) and set(asked) == {"logins"} and isinstance(asked["logins"], list):
        return [login for login in asked["logins"] if isinstance(login, str) and LOGIN.fullmatch(login)]
    if not isinstance(asked, dict) or set(asked) != {"login", "password"}:
        raise ValueError("expected a login and a password")
    login, password = asked["login"], asked["password"]
    if not (isinstance(login, str) and isinstance(password, str)):
        raise ValueError("expected two texts")  # noqa: TRY004 - the question is wrong, not our code
    return login, password


def answer(asking: socket.socket, folder: Path, account: str) -> None:
    """Answer one question, if it comes from the account or root."""
    if _account_of(asking) not in {0, pwd.getpwnam(account).pw_uid}:
        return
    asking.settimeout(_ASKED_WITHIN)
    with asking.makefile("rb") as received:
        asked = question(received.readline(_LONGEST_QUESTION))
    people = load_event(folder).people
    asking.sendall(json.dumps(_answered(asked, people)).encode() + b"\n")


def _answered(asked: tuple[str, str] | list[str], people: People) -> object:
    takes_part = people.sign_in is SignIn.SYSTEM
    if isinstance(asked, list):
        return gone(asked, people.system.service, people.system.group) if takes_part else []
    checked = Checked(Verdict.BROKEN)
    if takes_part:
        checked = check(*asked, people.system.service, people.system.group)
    return {"verdict": checked.verdict.value, "login": checked.login}


def _account_of(asking: socket.socket) -> int:
    size = struct.calcsize("3i")
    uid: int = struct.unpack("3i", asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))[1]
    return uid


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage, with a socket as standard input: python -m divebell.hub.pam_helper FOLDER ACCOUNT")
    try:
        with socket.socket(fileno=os.dup(sys.stdin.fileno())) as asking_here:
            answer(asking_here, Path(sys.argv[1]), sys.argv[2])
    except (ValueError, OSError) as failed:
        sys.exit(f"no answer: {type(failed).__name__}")
