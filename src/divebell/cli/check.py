"""`divebell check`: name every problem of an event file, or say what the event is."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from divebell.event import ways_in
from divebell.event.load import event_file, load_with_lines
from divebell.event.model import Event
from divebell.event.problems import EventFileError, Problem
from divebell.event.schema import schema_text
from divebell.event.surroundings import doubts, require_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `divebell check` understands."""
    parser.add_argument(
        "path",
        nargs="?",
        default=".",
        type=Path,
        metavar="PATH",
        help="an event file, or the folder of one (default: this folder)",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema of event files and stop")


def run(args: argparse.Namespace) -> int:
    """Check one event file: 0 when it can be used, 1 when not."""
    if args.schema:
        print(schema_text(), end="")
        return 0
    if args.json:
        return _print_json(args.path)
    event, warnings = check(args.path)
    print("\n".join(summary(event, event_file(args.path))))
    for warning in warnings:
        print(f"warning: {warning}")
    return 0


def check(path: Path) -> tuple[Event, list[Problem]]:
    """Give the event and its warnings. Raises EventFileError with every problem."""
    file = event_file(path)
    event, document = load_with_lines(path)
    require_folder(event, document, file)
    return event, [*doubts(event, document, file), *ways_in.doubts(event, document, file)]


def _print_json(path: Path) -> int:
    problems: tuple[Problem, ...] = ()
    warnings: list[Problem] = []
    try:
        _, warnings = check(path)
    except EventFileError as error:
        problems = error.problems
    result = {
        "ok": not problems,
        "problems": [asdict(problem) for problem in problems],
        "warnings": [asdict(warning) for warning in warnings],
    }
    print(json.dumps(result, indent=2, ensure_ascii=False))
    return 1 if problems else 0


def summary(event: Event, file: Path) -> list[str]:
    """Say in a few lines what the event is."""
    ambassadors = ", ".join(event.people.ambassadors) or "nobody yet"
    held_for = f", for {event.organisation}" if event.organisation else ""
    people = f"up to {event.people.expected}, by {event.people.sign_in.value}"
    maps = "open to everyone" if event.maps.public else "for those signed in"
    return [
        f"{file} is good.",
        f"  event   {event.name}{held_for}",
        f"  when    {_when(event)}",
        f"  where   {event.address or 'this machine'}",
        f"  people  {people}; ambassadors: {ambassadors}",
        f"  each    {event.workspace.memory} of memory, {event.workspace.cpus:g} CPU",
        f"  data    {event.data.folder}/ of {event.data.repository}, branch {event.data.branch}",
        f"  maps    {maps}",
    ]


def _when(event: Event) -> str:
    times = [f"{moment:%A %d %B %Y, %H:%M}" for moment in (event.starts, event.ends) if moment is not None]
    if not times:
        return "at any time"
    if len(times) == 1:
        times.insert(0 if event.starts is None else 1, "...")
    return f"{' to '.join(times)} ({event.timezone})"
