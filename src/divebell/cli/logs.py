"""`divebell logs`: show what the parts of the event have written."""

from __future__ import annotations

import argparse
import time
from collections import deque
from pathlib import Path

from divebell.cli.event_argument import state_of
from divebell.cli.on_server import EVENT, add_on_argument, run_on
from divebell.errors import DivebellError
from divebell.event import Service
from divebell.local import systemd
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
    add_on_argument(parser)
    parser.add_argument("--follow", "-f", action="store_true", help="go on with what is written from now on")
    parser.add_argument(
        "--lines", "-n", type=int, default=100, help="how many of the last lines of each (default: 100)"
    )


def run(args: argparse.Namespace) -> int:
    """Print the last lines of each log, each line behind the name of its part."""
    if args.on:
        return run_on(args.on, args.event, _words(args))
    state = state_of(args.event)
    parts = (args.part,) if args.part else LOGS
    if Service.load(state) is not None:
        _print_journal(systemd.journal_command(parts, args.lines, follow=args.follow))
        return 0
    return _print_files(state.logs, parts, args)


def _words(args: argparse.Namespace) -> list[str]:
    """Give the same command for the server."""
    part = [args.part] if args.part else []
    follow = ["--follow"] if args.follow else []
    return ["logs", *part, "--event", EVENT, "--lines", str(args.lines), *follow]


def _print_journal(command: list[str]) -> None:
    for part, line in systemd.journal(command):
        _print_line(part, line)


def _print_files(folder: Path, parts: tuple[str, ...], args: argparse.Namespace) -> int:
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
            _print_line(part, line.decode(errors="replace"))
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
            _print_line(part, line.decode(errors="replace"))
        return file.tell()


def _print_line(part: str, line: str) -> None:
    print(f"{part:<10} {line.rstrip()}", flush=True)
