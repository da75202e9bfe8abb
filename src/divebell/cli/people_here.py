"""`divebell people` for the event on this machine."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from divebell.cli import EXIT_DONE
from divebell.cli.event_argument import open_event
from divebell.errors import DivebellError
from divebell.event import Event, State, ensure_secrets, load_secrets

BY = "the command line"
Rows = list[dict[str, Any]]


def run(args: argparse.Namespace) -> int:
    """List, decide or show passwords."""
    event, state = open_event(args.path)
    if args.action == "list":
        return _list(event, state, args)
    if args.action == "passwords":
        return _passwords(event, state, as_json=args.json)
    return _decide(event, state, args)


def people(path: Path) -> Rows:
    """Give everybody who takes part or asks to: those who ask first, then the latest."""
    event, state = open_event(path)
    return _people(event, state)


def _people(event: Event, state: State) -> Rows:
    from divebell.database.people import PEOPLE  # noqa: PLC0415 - `passwords` needs no database driver

    rows = _ask(state, PEOPLE)
    for row in rows:
        row["ambassador"] = row["name"] in event.people.ambassadors or row["made_ambassador"]
    return rows


def _ask(state: State, query: str) -> Rows:
    from psycopg.rows import dict_row  # noqa: PLC0415

    from divebell.database import admin  # noqa: PLC0415

    with admin(state) as database:
        return database.cursor(row_factory=dict_row).execute(query.encode()).fetchall()


def _list(event: Event, state: State, args: argparse.Namespace) -> int:
    from divebell.database.people import CHANGES, SIGN_INS  # noqa: PLC0415

    if args.log or args.changes:
        key, rows = "sign_ins" if args.log else "changes", _ask(state, SIGN_INS if args.log else CHANGES)
        text = (_line(row) for row in rows)
    else:
        key, rows = "people", _people(event, state)
        text = (_person_line(row) for row in rows)
    if args.json:
        print(json.dumps({key: rows}, default=datetime.isoformat, indent=2))
    elif args.csv:
        _print_csv(rows)
    elif not rows:
        print("Nobody has signed in yet.", file=sys.stderr)
    else:
        print("\n".join(text))
    return EXIT_DONE


def _line(row: Mapping[str, Any]) -> str:
    when, name, *others = row.values()
    shown = [word for key, word in zip(list(row)[2:], others, strict=True) if key != "identity"]
    return f"{_time(when)}  {name:<31}  {'  '.join(map(str, shown))}"


def _person_line(row: Mapping[str, Any]) -> str:
    marks = [
        "ambassador" if row["ambassador"] else "",
        f"made so by {row['made_by']}" if row["made_ambassador"] else "",
        "reset" if row["reset"] else "",
        {"asked": _asks(row), "in": ""}.get(row["state"], row["state"]),
        row["note"] or "",
    ]
    when = _time(row["last_sign_in_at"]) if row["last_sign_in_at"] else "-"
    return f"{row['name']:<31}  {when:<20}  {row['way']:<10}  {', '.join(filter(None, marks))}".rstrip()


def _asks(row: Mapping[str, Any]) -> str:
    return "asks for an account" + (f" from {row['asked_address']}" if row["asked_address"] else "")


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _print_csv(rows: Rows) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(rows[0] if rows else ())
    writer.writerows(map(_cells, rows))


def _cells(row: Mapping[str, Any]) -> Iterable[str]:
    """Give a row's values as text that no spreadsheet takes for a formula."""
    for value in row.values():
        text = value.isoformat() if isinstance(value, datetime) else "" if value is None else str(value)
        yield f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _decide(event: Event, state: State, args: argparse.Namespace) -> int:
    from divebell.database import admin  # noqa: PLC0415
    from divebell.database.people import Action, decision  # noqa: PLC0415

    action = Action.UNMAKE_AMBASSADOR if getattr(args, "undo", False) else Action(args.action)
    decided = decision(action, event, args.name, BY)
    with admin(state) as database:
        row = database.execute(decided.statement()).fetchone()
    decided.judge(str(row[0]) if row else "")
    stopped = _stop(state, args.name) if action is Action.REMOVE else None
    if args.json:
        facts = {"name": args.name, "action": action, "done": True, "shown": decided.shown}
        print(json.dumps({**facts, **({} if stopped is None else {"server_stopped": stopped})}))
        return EXIT_DONE
    print(decided.done + (f": {decided.shown}" if decided.shown else "."))
    if stopped is False:
        print("A notebook server that still runs could not be stopped.", file=sys.stderr)
    return EXIT_DONE


def _stop(state: State, name: str) -> bool:
    from divebell.local.notebooks import stop  # noqa: PLC0415

    return stop(state, load_secrets(state), name)


def _passwords(event: Event, state: State, *, as_json: bool) -> int:
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
