"""On a server the hub is not root: this helper does for it what must be, and nothing else.

The hub sends a volunteer's name, one line of JSON, and is sent back what the container mounts. A name is all
that the helper takes from it: which folders, disks and rules follow from a name is in the event file alone.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from divebell.containers.box import Box
from divebell.database.scratch import keep_ballast
from divebell.errors import DivebellError
from divebell.event import Containers, Ports, State, load_event
from divebell.event.model import NAME_PATTERN
from divebell.hub.proxy import PORTAL
from divebell.hub.spawner.boxing import Place, prepare

SOCKET_VARIABLE = "DIVEBELL_HOMES"
"""Where the hub finds this helper; without it, it does everything itself."""
ANSWERS_WITHIN = 300.0
"""Seconds; a disk of many gigabytes is made within."""
_LONGEST_QUESTION = 256
_LONGEST_ANSWER = 1 << 20
_ASKED_WITHIN = 5.0
_AT_ONCE = 8
_FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START of sd_listen_fds(3)
_BALLAST_EVERY_SECONDS = 60.0
_PATHS = frozenset({"home", "etc", "checkout", "shared", "public", "certificates"})

Prepare = Callable[[str], Box]


def ask(address: Path, name: str) -> Box:
    """Have all made that comes before a volunteer's container. Raises DivebellError with the reason."""
    try:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(ANSWERS_WITHIN)
            asking.connect(str(address))
            asking.sendall(json.dumps({"name": name}).encode() + b"\n")
            answer = json.loads(_line(asking, _LONGEST_ANSWER))
    except (OSError, ValueError) as error:
        raise DivebellError(
            f"what makes homes does not answer: {error}", next_step="divebell logs supervisor"
        ) from error
    if "error" in answer:
        raise DivebellError(answer["error"], next_step=answer["next_step"])
    return _unpacked(answer)


def question(line: bytes) -> str:
    """Read the name in a question. Raises ValueError for anything but a name."""
    asked = json.loads(line)
    if not isinstance(asked, dict) or set(asked) != {"name"} or not isinstance(asked["name"], str):
        raise ValueError("expected a name and nothing else")
    if not re.fullmatch(NAME_PATTERN, asked["name"]):
        raise ValueError("that is no volunteer's name")
    return asked["name"]


def serve(listening: socket.socket, allowed: frozenset[int], make: Prepare) -> None:
    """Answer those whose account is allowed, until the process ends."""
    with ThreadPoolExecutor(_AT_ONCE, "home") as pool:
        while True:
            asking, _ = listening.accept()
            pool.submit(_answer, asking, allowed, make)


def _answer(asking: socket.socket, allowed: frozenset[int], make: Prepare) -> None:
    with asking, suppress(OSError):  # who asked may be gone
        asking.settimeout(_ASKED_WITHIN)
        if _account_of(asking) not in allowed:
            return
        asking.sendall(json.dumps(_answered(_line(asking, _LONGEST_QUESTION), make)).encode() + b"\n")


def _answered(line: bytes, make: Prepare) -> dict[str, Any]:
    try:
        return _packed(make(question(line)))
    except DivebellError as error:
        return {"error": error.message, "next_step": error.next_step}
    except ValueError as error:
        return {"error": f"not understood: {error}", "next_step": None}
    except Exception as error:  # noqa: BLE001 - the next one's home must be made all the same
        traceback.print_exc(file=sys.stderr)
        return {"error": f"{type(error).__name__}: {error}", "next_step": "divebell logs supervisor"}


def _account_of(asking: socket.socket) -> int:
    size = struct.calcsize("3i")
    uid: int = struct.unpack("3i", asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))[1]
    return uid


def _line(source: socket.socket, longest: int) -> bytes:
    received = b""
    while not received.endswith(b"\n"):
        piece = source.recv(longest)
        received += piece
        if not piece or len(received) > longest:
            raise ConnectionError("no whole line came")
    return received


def _packed(made: Box) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(made).items()}


def _unpacked(answer: dict[str, Any]) -> Box:
    known: dict[str, Any] = {one.name: answer[one.name] for one in fields(Box)}
    paths: dict[str, Any] = {name: Path(known[name]) for name in _PATHS if known[name]}
    return Box(**known | paths)


def _keep_ballast(state: State) -> None:
    """Keep the space that recovery after a crash may need: only root sees where it lies."""
    while True:
        with suppress(OSError, DivebellError):  # the server is away right now
            keep_ballast(state)
        time.sleep(_BALLAST_EVERY_SECONDS)


def main(folder: Path, account: str) -> None:
    """Serve the event in `folder` at the socket that systemd passes on, for one account and root."""
    event = load_event(folder)
    state = State.beside(folder / "event.yaml")
    where = Containers.load(state)
    if where is None:
        raise DivebellError("no containers have been made ready", next_step="divebell up")
    place = Place(event, state, Ports.load(state), PORTAL, where)
    threading.Thread(target=_keep_ballast, args=(state,), daemon=True).start()
    allowed = frozenset({0, pwd.getpwnam(account).pw_uid})
    with socket.socket(fileno=_FIRST_DESCRIPTOR) as listening:
        serve(listening, allowed, lambda name: prepare(place, name))


if __name__ == "__main__":
    if len(sys.argv) != 3 or os.environ.get("LISTEN_PID") != str(os.getpid()):
        sys.exit("usage, as a service with a socket: python -m divebell.hub.spawner.homes FOLDER ACCOUNT")
    try:
        main(Path(sys.argv[1]), sys.argv[2])
    except DivebellError as failed:
        sys.exit(f"divebell: {failed}")
