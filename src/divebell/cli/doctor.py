"""`divebell doctor`: probe the running event for everything that should be closed, and say how to mend it."""

from __future__ import annotations

import argparse

from divebell.cli import HERE, verb_module
from divebell.cli.event_argument import add_event_argument
from divebell.cli.on_server import EVENT, add_on_argument, run_on


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `doctor`."""
    add_event_argument(parser)
    add_on_argument(parser)
    parser.add_argument("--json", action="store_true", help="print every finding as JSON")


def run(args: argparse.Namespace) -> int:
    """Run every check, here or on the server; exit 0 only when nothing is open."""
    if args.on:
        return run_on(args.on, args.path, ["doctor", EVENT, *(["--json"] if args.json else [])])
    return verb_module("doctor" + HERE).run(args)
