"""Asks the process that is ready to become anybody's notebook server; starts it where it does not run."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from divebell.database.account import FIRST_UID, bubblewrap, closed_view, interpreter_paths
from divebell.errors import DivebellError
from divebell.event import State
from divebell.event.state import STATE_VARIABLE
from divebell.hub.spawner.accounts import Home
from divebell.hub.spawner.environment import SYSTEM_PATH

READY_WITHIN = 60.0
ANSWERS_WITHIN = 20.0
_ENDS_WITHIN = 5.0
_MOST_FAILURES = 3
_STRANGER = FIRST_UID - 1
"""An account of nobody: what it may enter, every volunteer may."""


class NotWarmError(Exception):
    """The warm process is not there or does not do its work; servers must be started without it."""


@dataclass
class Warm:
    """The warm process of one event."""

    state: State
    _process: subprocess.Popen[bytes] | None = None
    _control: socket.socket | None = None
    _command: list[str] = field(default_factory=list)
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _failures: int = 0

    async def fork(self, home: Home, environment: Mapping[str, str], log: int) -> int:
        """Start the server of the home's owner, its output to the descriptor `log`; give its process number.

        Raises NotWarmError when that is not possible; after a few times nothing is tried any more.
        """
        if self._failures >= _MOST_FAILURES:
            raise NotWarmError("the warm process failed before")
        wanted = json.dumps({"uid": home.uid, "gid": home.gid, "environment": dict(environment)})
        try:
            async with self._starting:
                control = await asyncio.to_thread(self._ready)
            if self._command[0] == "bwrap" and home.folder.is_mount():
                raise NotWarmError(f"{home.folder} may have been mounted after the warm process started")
            return await asyncio.to_thread(_ask, control, wanted.encode(), log)
        except (OSError, ValueError, DivebellError) as error:
            self._failures += 1
            await asyncio.to_thread(self.end)
            raise NotWarmError(f"the warm process does not answer: {error}") from error

    def end(self) -> None:
        """End the warm process; the servers go on."""
        control, process = self._control, self._process
        self._control = self._process = None
        if control is not None:
            control.close()
        if process is not None:
            try:
                process.wait(_ENDS_WITHIN)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _ready(self) -> socket.socket:
        """Give the socket of a warm process that can reach what servers need now."""
        command = warm_command(self.state)
        alive = self._process is not None and self._process.poll() is None
        if alive and self._control is not None and command == self._command:
            return self._control
        self.end()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, (self.state.logs / "warm.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env=_environment(self.state),
                cwd="/",
                stdin=theirs.fileno(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._control, self._command = ours, command
        ours.settimeout(READY_WITHIN)
        if not ours.recv(16):
            raise OSError(f"it ended while it started; see {log.name}")
        return ours


def warm_command(state: State) -> list[str]:
    """Give the command of the warm process.

    As root it needs no more than to become a volunteer, and every volunteer's way must be open to it: where a
    folder above is closed to them it runs in a view of the file system, with all homes in it. Each home is
    closed to everybody but its owner.
    """
    argv = [sys.executable, "-P", "-m", "divebell.workspace.warm"]
    if os.geteuid() != 0:
        return argv
    reachable = [path for path in (*interpreter_paths(), state.checkout) if path.exists()]
    view = closed_view(_STRANGER, _STRANGER, reachable, [state.homes])
    return [*bubblewrap(view), *argv]


def _environment(state: State) -> dict[str, str]:
    """Give nothing that a volunteer may not know; the home marks its processes as volunteers'."""
    return {
        "PATH": ":".join((str(Path(sys.prefix) / "bin"), *SYSTEM_PATH)),
        "HOME": str(state.homes),
        "LANG": "C.UTF-8",
        "PYTHONNOUSERSITE": "1",
        STATE_VARIABLE: str(state.folder),
    }


def _ask(control: socket.socket, wanted: bytes, log: int) -> int:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        ours.settimeout(ANSWERS_WITHIN)
        with theirs:
            socket.send_fds(control, [b"!"], [theirs.fileno(), log])
        ours.send(wanted)
        return int(ours.recv(32))
