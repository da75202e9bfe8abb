"""`divebell data`: one action a module, imported only when it is called."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from divebell.cli.event_argument import add_event_argument

_ACTIONS = {
    "load": ("loading", "Load what is new on the event's branch and wait until it is there."),
    "plan": ("planning", "Say what a load would do and why, without doing it."),
    "list": (
        "listing",
        "List the tables made from the event's data, and the files that could not be loaded.",
    ),
    "history": ("past", "Say what changed in a table, when, and by which commit."),
    "check": ("checking", "Inspect files as a load would, without a database or an event."),
}
"""Each action's module in this package, and what it does."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the actions."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    for name, (_, summary) in _ACTIONS.items():
        action = actions.add_parser(name, help=summary, description=summary)
        if name == "history":
            action.add_argument("table", metavar="TABLE", help="a table, or the file it is made from")
        if name == "check":
            words = "files or folders (default: the event's data folder, or else this folder)"
            action.add_argument("paths", nargs="*", type=Path, metavar="PATH", help=words)
        else:
            add_event_argument(action)
        action.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Do one of them. 0 when all is well, 1 when a file is not loaded or would not be."""
    module, _ = _ACTIONS[args.action]
    return int(importlib.import_module(f"divebell.cli.data.{module}").run(args))
