"""`divebell status`: show whether each part of the event answers."""

from __future__ import annotations

import argparse

from divebell.cli import HERE, verb_module
from divebell.cli.event_argument import add_event_argument
from divebell.cli.on_server import EVENT, add_on_argument, run_on


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `status`."""
    add_event_argument(parser)
    add_on_argument(parser)
    parser.add_argument("--json", action="store_true", help="print the same as JSON")


def run(args: argparse.Namespace) -> int:
    """Ask every part, here or on the server; exit 0 only when all of them are ready."""
    if args.on:
        return run_on(args.on, args.path, ["status", EVENT, *(["--json"] if args.json else [])])
    return verb_module("status" + HERE).run(args)
