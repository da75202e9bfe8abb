"""`divebell people`: who takes part, who signed in when, and what ambassadors decide about them."""

from __future__ import annotations

import argparse

from divebell.cli import HERE, cards, invitations, verb_module
from divebell.cli.event_argument import add_event_argument
from divebell.cli.on_server import EVENT, add_on_argument, run_on

ACTIONS = {
    "list": "List who takes part; with --log, who signed in when, from where, by which way.",
    "add": "Add a person by name; prints once what they sign in with.",
    "reset": "Give a person who lost the return code or password a new start.",
    "remove": "Shut a person out; notebooks and tables are kept, and so is the name.",
    "approve": "Let somebody in who asked for an account.",
    "decline": "Turn somebody away who asked for an account.",
    "decline-beside": "Turn everybody away who asked from the same address as this person.",
    "make-ambassador": "Make a person an ambassador; prints their password once.",
    "passwords": "Show the event's password and those of the ambassadors.",
}
_LISTS = {
    "--log": "who signed in when, from where, by which way",
    "--changes": "who was added, reset, removed or made an ambassador, when and by whom",
    "--csv": "print a table for a spreadsheet",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what may follow the verb."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for action, summary in ACTIONS.items():
        child = actions.add_parser(action, help=summary, description=summary)
        if action not in {"list", "passwords"}:
            child.add_argument("name", metavar="NAME", help="the person's name, as `list` shows it")
        add_event_argument(child)
        add_on_argument(child)
        child.add_argument("--json", action="store_true", help="print facts for a program to read")
        if action == "list":
            for flag, what in _LISTS.items():
                child.add_argument(flag, action="store_true", help=what)
        if action == "make-ambassador":
            child.add_argument("--undo", action="store_true", help="make them a volunteer again")
    for module in (invitations, cards):
        for action, summary in module.ACTIONS.items():
            module.add_arguments(action, actions.add_parser(action, help=summary, description=summary))


def run(args: argparse.Namespace) -> int:
    """Do it, here or on the server."""
    for module in (invitations, cards):
        if args.action in module.ACTIONS:
            return int(module.run(args))
    if args.on:
        return run_on(args.on, args.path, words(args))
    code: int = verb_module("people" + HERE).run(args)
    return code


def words(args: argparse.Namespace) -> list[str]:
    """Give the same command as it is typed on the server."""
    flags = [flag for flag in ("--json", "--undo", *_LISTS) if getattr(args, flag[2:], False)]
    name = [args.name] if "name" in args else []
    return ["people", args.action, *name, EVENT, *flags]
