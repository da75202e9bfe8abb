"""`divebell watch`: what the watchdog ended in the database, and why."""

from __future__ import annotations

import argparse
import json
import sys

from divebell.cli import EXIT_DONE
from divebell.cli.event_argument import add_event_argument, state_of
from divebell.database import admin, interventions
from divebell.database.interventions import Intervention


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `watch`."""
    add_event_argument(parser)
    parser.add_argument("--json", action="store_true", help="print the same as JSON")


def run(args: argparse.Namespace) -> int:
    """List everything the watchdog did, the latest first."""
    with admin(state_of(args.path)) as database:
        found = interventions.listing(database)
    if args.json:
        print(json.dumps({"interventions": [each.to_json() for each in found]}, indent=2))
        return EXIT_DONE
    if not found:
        print("The watchdog has ended nothing so far.", file=sys.stderr)
    for each in found:
        print(_line(each))
    return EXIT_DONE


def _line(each: Intervention) -> str:
    times = f" ({each.times} times)" if each.times > 1 else ""
    query = " ".join(each.query.split())
    words = f"{each.at:%Y-%m-%d %H:%M:%S} UTC  {each.person}  {each.what}{times}: {each.detail}"
    return f"{words}\n    {query}" if query else words
