"""`divebell people`: who signed in, a new start for a lost return code, the passwords."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from divebell.cli import EXIT_DONE, EXIT_USAGE
from divebell.cli.event_argument import add_event_argument, open_event
from divebell.errors import DivebellError
from divebell.event import ensure_secrets

_ACTIONS = {
    "list": "List who signed in.",
    "reset": "Let a person who lost the return code claim the name again.",
    "passwords": "Show the event's password and those of the ambassadors.",
}


@dataclass(frozen=True)
class Person:
    """Somebody who signed in. `reset`: the next sign-in with the event's password claims the name again."""

    name: str
    ambassador: bool
    claimed_at: datetime
    last_sign_in_at: datetime | None
    reset: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what may follow the verb."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for action, summary in _ACTIONS.items():
        child = actions.add_parser(action, help=summary, description=summary)
        if action == "reset":
            child.add_argument("name", metavar="NAME", help="the person's name, as `list` shows it")
        add_event_argument(child)
        child.add_argument("--json", action="store_true", help="print facts for a program to read")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    match args.action:
        case "list":
            return _list(args.path, as_json=args.json)
        case "reset":
            return _reset(args.path, args.name, as_json=args.json)
        case "passwords":
            return _passwords(args.path, as_json=args.json)
        case _:
            return EXIT_USAGE


def people(path: Path) -> list[Person]:
    """Give everybody who signed in, the latest first."""
    from divebell.database import admin  # noqa: PLC0415 - `passwords` needs no database driver

    event, state = open_event(path)
    with admin(state) as database:
        rows = database.execute(
            "SELECT name, claimed_at, last_sign_in_at, return_code_hash IS NULL FROM people.person"
            " ORDER BY last_sign_in_at DESC NULLS LAST, name"
        ).fetchall()
    return [
        Person(name, name in event.people.ambassadors, claimed, last, reset)
        for name, claimed, last, reset in rows
    ]


def _list(path: Path, *, as_json: bool) -> int:
    found = people(path)
    if as_json:
        print(
            json.dumps({"people": [asdict(person) for person in found]}, default=datetime.isoformat, indent=2)
        )
        return EXIT_DONE
    if not found:
        print("Nobody has signed in yet.", file=sys.stderr)
    width = max((len(person.name) for person in found), default=0)
    for person in found:
        last = f"{person.last_sign_in_at:%Y-%m-%d %H:%M} UTC" if person.last_sign_in_at else "-"
        marks = [word for word, true in (("ambassador", person.ambassador), ("reset", person.reset)) if true]
        print(f"{person.name:<{width}}  {last}  {', '.join(marks)}".rstrip())
    return EXIT_DONE


def _reset(path: Path, name: str, *, as_json: bool) -> int:
    from divebell.database import admin  # noqa: PLC0415

    event, state = open_event(path)
    if name in event.people.ambassadors:
        raise DivebellError(
            f"'{name}' is an ambassador and has an own password, not a return code",
            next_step="divebell people passwords",
        )
    with admin(state) as database:
        row = database.execute("SELECT people.reset(%s)", [name]).fetchone()
    if row is None or not row[0]:
        raise DivebellError(f"nobody has signed in as '{name}'", next_step="divebell people list")
    if as_json:
        print(json.dumps({"name": name, "reset": True}))
    else:
        print(f"'{name}' is signed out. The next sign-in with the event's password claims the name anew.")
    return EXIT_DONE


def _passwords(path: Path, *, as_json: bool) -> int:
    event, state = open_event(path)
    if not state.secrets_file.exists():
        raise DivebellError("this event has no passwords yet", next_step="divebell up")
    known = ensure_secrets(event, state)
    if as_json:
        print(json.dumps({"event": known.event_password, "ambassadors": known.ambassadors}, indent=2))
        return EXIT_DONE
    width = max(len(name) for name in ("everybody", *known.ambassadors))
    print(f"{'everybody':<{width}}  {known.event_password}")
    for name, password in known.ambassadors.items():
        print(f"{name:<{width}}  {password}")
    return EXIT_DONE
