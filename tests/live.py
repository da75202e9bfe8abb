"""A whole event brought up by the command line, as a person would, for the tests that need one."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import choice
from typing import Any

from divebell.event import Ports, State

EXAMPLES = Path(__file__).parents[1] / "examples"
PORTS = range(10_000, 20_000)
"""None that a notebook gets, which begin at 20000, and none that is chosen for an outgoing connection."""
_GIVEN: set[int] = set()


@dataclass(frozen=True)
class LiveEvent:
    """An event that runs, and the facts that `divebell up --json` printed about it."""

    folder: Path
    address: str
    password: str
    ambassadors: dict[str, str]

    @property
    def state(self) -> State:
        return State(self.folder / ".divebell")

    @property
    def ports(self) -> Ports:
        return Ports.load(self.state)

    def status(self) -> tuple[int, dict[str, Any]]:
        """Run `divebell status --json`; give its exit code and what it printed."""
        result = divebell("status", self.folder, "--json")
        return result.returncode, json.loads(result.stdout)


def divebell(*arguments: object, timeout: float = 900) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    words = [sys.executable, "-m", "divebell", *(str(argument) for argument in arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=timeout, check=False)


def free_port() -> int:
    """Give a loopback port that nothing listens on right now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Give ports that nothing listens on right now, and that were not given before.

    They are below those that Linux gives to outgoing connections and to whoever asks for port 0: until it is
    listened on, or while its part is started again, nobody gets one by chance.
    """
    with ExitStack() as kept:
        found: list[int] = []
        while len(found) < count:
            probe, port = kept.enter_context(socket.socket()), choice(PORTS)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found += [port] if port not in _GIVEN else []
        _GIVEN.update(found)
        return found


def copy_example(folder: Path, workspace: str = "runs_in: processes", more: str = "") -> Path:
    """Copy the project's example event, without what an earlier run left in it.

    `workspace` is what stands in that section of its event file, `more` what is added at its end.
    """
    example = next(path.parent for path in sorted(EXAMPLES.glob("*/event.yaml")))
    copied = Path(shutil.copytree(example, folder, ignore=shutil.ignore_patterns(".divebell", ".git")))
    text = (copied / "event.yaml").read_text()
    section = "workspace:\n" + textwrap.indent(textwrap.dedent(workspace).strip(), "  ") + "\n\n"
    text = re.sub(r"workspace:\n(?:  .*\n)+\n", lambda _: section, text)
    more = textwrap.dedent(more)
    if "database:" not in more:
        more += "\ndatabase:\n  scratch: 256 MB\n"  # it is taken from the disk at once, and tests make many
    (copied / "event.yaml").write_text(text + more)
    return copied


def bring_up(folder: Path, *options: object) -> LiveEvent:
    """Run `divebell up --detach`, on a free port the first time, and read what it says."""
    if not options and not State(folder / ".divebell").ports_file.exists():
        options = ("--port", free_port())
    result = divebell("up", folder, "--detach", "--json", *options)
    if result.returncode != 0:
        raise RuntimeError(f"divebell up failed:\n{result.stdout}\n{result.stderr}")
    facts = json.loads(result.stdout)
    return LiveEvent(folder, facts["address"], facts["password"], facts["ambassadors"])


@contextmanager
def live_event(folder: Path) -> Iterator[LiveEvent]:
    """Keep an event up for as long as the block lasts."""
    try:
        yield bring_up(folder)
    finally:
        divebell("down", folder)
        state = State(folder / ".divebell")
        shutil.rmtree(state.disks, ignore_errors=True)  # many events are made, and their disks are reserved
        state.scratch.unlink(missing_ok=True)


@contextmanager
def nobody_starts_it_again(event: LiveEvent) -> Iterator[None]:
    """Hold the event's supervisor: a part that is killed in the block stays away until the block ends."""
    supervisor = int((event.state.run / "supervisor.pid").read_text())
    os.kill(supervisor, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(supervisor, signal.SIGCONT)


def wait_until_loaded(event: LiveEvent, table: str, seconds: float = 180) -> None:
    """Wait until `divebell data list` names a table."""
    deadline = time.monotonic() + seconds
    while True:
        result = divebell("data", "list", event.folder, "--json")
        if result.returncode == 0 and table in {
            each["table"] for each in json.loads(result.stdout)["datasets"]
        }:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{table} was not loaded: {result.stdout}{result.stderr}")
        time.sleep(0.5)


def until(happened: Callable[[], object], complaint: object, seconds: float = 120) -> None:
    """Wait until something has happened; fail with the complaint when it does not in time."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.3)
