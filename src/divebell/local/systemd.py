"""On a server systemd is the supervisor: the parts are its services, their words lie in the journal."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from divebell.errors import DivebellError
from divebell.local.programs import PARTS

TARGET = "divebell.target"
UNITS = Path("/etc/systemd/system")
SOCKETS = ("divebell-homes.socket", "divebell-reader.socket", "divebell-passwords.socket")
BESIDE = {"hub": ("divebell-homes.service",)}
"""Helpers that read what a part reads when it starts, and are started anew with it."""
ONCE = ("divebell-setup.service", "divebell-migrate.service")
HELPERS = (*ONCE, "divebell-homes.service", "divebell-reader@*.service", "divebell-passwords@*.service")
_RUNS = frozenset({"active", "activating", "reloading"})


def unit(part: str) -> str:
    """Give the service of a part."""
    return f"divebell-{part}.service"


@dataclass(frozen=True)
class Shown:
    """What `systemctl show` says of a unit."""

    name: str
    runs: bool
    pid: int


def show_command(units: Iterable[str]) -> list[str]:
    """Give the command that says how units are."""
    return ["systemctl", "show", "--property=Id,ActiveState,MainPID", "--", *units]


def parse_shown(text: str) -> list[Shown]:
    """Read what `systemctl show` prints: a block for each unit."""
    blocks = (dict(line.split("=", 1) for line in block.splitlines()) for block in text.strip().split("\n\n"))
    return [
        Shown(block["Id"], block["ActiveState"] in _RUNS, int(block.get("MainPID", 0)))
        for block in blocks
        if "Id" in block
    ]


class Systemd:
    """The services of the one event that runs on this server."""

    def answers(self) -> bool:
        """Tell whether the event is up, or any part of it."""
        return any(shown.runs for shown in self._shown((TARGET, *map(unit, PARTS))))

    def processes(self) -> dict[str, int]:
        """Give the process id of each part that runs, 0 for one that is about to."""
        names = {unit(part): part for part in PARTS}
        return {names[shown.name]: shown.pid for shown in self._shown(names) if shown.runs}

    def start(self, part: str) -> None:
        """Start a part; nothing happens when it runs already."""
        _order(["systemctl", "start", "--no-block", unit(part), *BESIDE.get(part, ())])

    def stop(self, part: str) -> None:
        """Stop a part, and the helper that goes with it, and wait for it."""
        _order(["systemctl", "stop", unit(part), *BESIDE.get(part, ())])

    def begin(self) -> None:
        """Have everything started at once and at each start of the machine."""
        _order(["systemctl", "enable", "--quiet", TARGET])
        _order(["systemctl", "start", *SOCKETS])
        _order(["systemctl", "start", "--no-block", TARGET])

    def shut_down(self) -> None:
        """Stop every part, and start none of them again, not even when the machine starts."""
        _order(["systemctl", "disable", "--quiet", TARGET])
        _order(["systemctl", "stop", TARGET, *SOCKETS, *map(unit, PARTS), *HELPERS])

    def _shown(self, units: Iterable[str]) -> list[Shown]:
        return parse_shown(_order(show_command(units)))


def _order(command: list[str]) -> str:
    """Run a command of systemd's. Raises DivebellError with its own words when it refuses."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise _refused(f"{command[0]} is not there") from error
    if done.returncode:
        raise _refused(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _refused(reason: str) -> DivebellError:
    return DivebellError(
        f"systemd does not do as it is told: {reason}",
        next_step="divebell deploy puts the event's services in place; run this as root",
    )


def units_of(part: str) -> tuple[str, ...]:
    """Give the units that write under the name of a part; the supervisor's are the helpers."""
    return (*HELPERS, TARGET) if part == "supervisor" else (unit(part),)


def journal_command(parts: Iterable[str], lines: int, *, follow: bool) -> list[str]:
    """Give the command that prints what parts have written, a JSON object a line."""
    chosen = [word for part in parts for name in units_of(part) for word in ("--unit", name)]
    more = ["--follow"] if follow else ["--no-pager"]
    return ["journalctl", "--output=json", "--quiet", f"--lines={max(lines, 0)}", *more, *chosen]


def parse_journal(line: str) -> tuple[str, str]:
    """Read a line of the journal: the part, and what it said."""
    entry = json.loads(line)
    # systemd's own words about a unit carry its name elsewhere
    name = str(entry.get("UNIT") or entry.get("_SYSTEMD_UNIT") or "")
    part = name.removeprefix("divebell-").removesuffix(".service")
    said = entry.get("MESSAGE") or ""
    text = bytes(said).decode(errors="replace") if isinstance(said, list) else str(said)
    return (part if part in PARTS else "supervisor", text)


def journal(command: list[str]) -> Iterator[tuple[str, str]]:
    """Run such a command and give what it prints, as it comes."""
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            yield from map(parse_journal, process.stdout or ())
    except FileNotFoundError as error:
        raise _refused("journalctl is not there") from error
