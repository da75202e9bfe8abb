"""`divebell secrets`: what opens the event's repository and signs its webhook, given without being shown."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from dataclasses import replace
from typing import Any

from divebell.cli import EXIT_DONE, HERE, verb_module
from divebell.cli.event_argument import add_event_argument, open_event
from divebell.cli.on_server import EVENT, add_on_argument, run_on
from divebell.errors import DivebellError
from divebell.event import ensure_secrets
from divebell.event.given import GIVEN, Given, checked, given
from divebell.event.secrets import Secrets, save_secrets

_ACTIONS = {
    "list": "List which are set; never what they are.",
    "set": "Set one, from a prompt that shows nothing or from standard input.",
    "remove": "Take one away.",
    "show": "Show one that another program has to be told: webhook-secret.",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what may follow the verb."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for action, summary in _ACTIONS.items():
        child = actions.add_parser(action, help=summary, description=summary)
        if action != "list":
            child.add_argument("name", metavar="NAME", help=", ".join(_names(action)))
        add_event_argument(child)
        add_on_argument(child)
        child.add_argument("--json", action="store_true", help="print facts for a program to read")


def _names(action: str) -> list[str]:
    return [one.name for one in GIVEN if one.shown or action != "show"]


def run(args: argparse.Namespace) -> int:
    """Do it, here or on the server."""
    one = None if args.action == "list" else given(args.name)
    if args.on:
        return _there(args, one)
    event, state = open_event(args.path)
    known = ensure_secrets(event, state)
    if one is None:
        return _list(known, as_json=args.json)
    if args.action == "show":
        return _show(one, known, as_json=args.json)
    value = checked(one, _asked(one)) if args.action == "set" else _nothing(one)
    changed: dict[str, Any] = {one.field: value}
    save_secrets(replace(known, **changed), state)
    if state.ports_file.exists():
        verb_module("secrets" + HERE).run(argparse.Namespace(event=event, state=state, part=one.reaches))
    if args.json:
        print(json.dumps({"name": one.name, "set": bool(value)}))
    else:
        print(f"{one.name} is {'set' if value else 'removed'}.")
    return EXIT_DONE


def _there(args: argparse.Namespace, one: Given | None) -> int:
    given_here = _asked(one).encode() if one and args.action == "set" else None
    name = [one.name] if one else []
    words = ["secrets", args.action, *name, EVENT, *(["--json"] if args.json else [])]
    return run_on(args.on, args.path, words, given=given_here)


def _nothing(one: Given) -> str:
    """Give what a removed secret is; the webhook's is never empty, it is made anew."""
    return checked(one, "") if one.shown else ""


def _asked(one: Given) -> str:
    """Read the value. Raises DivebellError where a text of several lines would have to be typed."""
    if not sys.stdin.isatty():
        return sys.stdin.read()
    if one.lines:
        raise DivebellError(
            f"{one.name} has several lines and cannot be typed",
            next_step=f"divebell secrets set {one.name} < FILE",
        )
    made = " (nothing: a new one is made)" if one.shown else ""
    return getpass.getpass(f"{one.name}{made}: ")


def _list(known: Secrets, *, as_json: bool) -> int:
    there = {one: bool(getattr(known, one.field)) for one in GIVEN}
    if as_json:
        facts = [{"name": one.name, "set": is_set, "about": one.about} for one, is_set in there.items()]
        print(json.dumps({"secrets": facts}, indent=2))
        return EXIT_DONE
    width = max(len(one.name) for one in GIVEN)
    for one, is_set in there.items():
        print(f"{one.name:<{width}}  {'set' if is_set else '-':<3}  {one.about}")
    return EXIT_DONE


def _show(one: Given, known: Secrets, *, as_json: bool) -> int:
    if not one.shown:
        raise DivebellError(
            f"{one.name} is never shown; only {', '.join(_names('show'))} is",
            next_step=f"divebell secrets set {one.name} replaces it",
        )
    value = getattr(known, one.field)
    print(json.dumps({"name": one.name, "value": value}) if as_json else value)
    return EXIT_DONE
