"""`divebell logs`: show what the parts of the event have written."""

from __future__ import annotations

import argparse
import time
from collections import deque
from pathlib import Path

from divebell.cli.event_argument import state_of
from divebell.errors import DivebellError
from divebell.local.programs import PARTS

LOGS = (*PARTS, "supervisor")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `logs`."""
    parser.add_argument(
        "part", nargs="?", choices=LOGS, metavar="PART", help=f"one of {', '.join(LOGS)} (default: all)"
    )
    parser.add_argument(
        "--event", type=Path, default=Path(), metavar="PATH", help="the event's folder or event.yaml"
    )
    parser.add_argument("--follow", "-f", action="store_true", help="go on with what is written from now on")
    parser.add_argument(
        "--lines", "-n", type=int, default=100, help="how many of the last lines of each (default: 100)"
    )


def run(args: argparse.Namespace) -> int:
    """Print the last lines of each log, each line behind the name of its part."""
    folder = state_of(args.event).logs
    parts = (args.part,) if args.part else LOGS
    logs = {part: folder / f"{part}.log" for part in parts}
    if not any(log.exists() for log in logs.values()):
        raise DivebellError("nothing has been written yet", next_step="divebell up")
    places = {part: _print_tail(part, log, args.lines) for part, log in logs.items()}
    while args.follow:
        time.sleep(0.3)
        places = {part: _print_new(part, log, places[part]) for part, log in logs.items()}
    return 0


def _print_tail(part: str, log: Path, count: int) -> int:
    """Print the last lines and return the place in the file behind them, in bytes."""
    if not log.exists():
        return 0
    with log.open("rb") as file:
        for line in deque(file, maxlen=max(count, 0)):
            _print_line(part, line)
        return file.tell()


def _print_new(part: str, log: Path, place: int) -> int:
    size = log.stat().st_size if log.exists() else 0
    if size < place:  # the supervisor has begun a new file
        place = 0
    if size == place:
        return place
    with log.open("rb") as file:
        file.seek(place)
        for line in file:
            _print_line(part, line)
        return file.tell()


def _print_line(part: str, line: bytes) -> None:
    print(f"{part:<10} {line.decode(errors='replace').rstrip()}", flush=True)
