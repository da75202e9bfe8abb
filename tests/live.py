"""A whole event brought up by the command line, as a person would, for the tests that need one."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from divebell.event import Ports, State

EXAMPLES = Path(__file__).parents[1] / "examples"


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


def divebell(*arguments: object, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    words = [sys.executable, "-m", "divebell", *(str(argument) for argument in arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=timeout, check=False)


def free_port() -> int:
    """Give a loopback port that nothing listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def copy_example(folder: Path) -> Path:
    """Copy the project's example event, without what an earlier run left in it."""
    example = next(path.parent for path in sorted(EXAMPLES.glob("*/event.yaml")))
    return Path(shutil.copytree(example, folder, ignore=shutil.ignore_patterns(".divebell", ".git")))


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


def wait_until_loaded(event: LiveEvent, table: str, seconds: float = 60) -> None:
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
