"""`divebell down`: stop everything that `up` started."""

from __future__ import annotations

import argparse

from rich.console import Console

from divebell.cli.event_argument import add_event_argument, state_of
from divebell.local.running import take_down


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `down`."""
    add_event_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Stop the event; data, homes and passwords are kept."""
    console = Console(stderr=True)
    stopped = take_down(state_of(args.path), console.print)
    words = (
        "The event is down. Data, homes and passwords are kept." if stopped else "The event was not running."
    )
    console.print(words)
    return 0
