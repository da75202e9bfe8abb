"""`divebell secrets` where the event runs: let the part that reads a secret know that it has changed."""

from __future__ import annotations

import argparse
import sys

from divebell.cli import EXIT_DONE
from divebell.event import Service, State
from divebell.local.running import bring_up, running_supervisor

READS_ANEW = ("loader", "web")
"""Parts that read the file of secrets each time, where they may: not on a server."""


def add_arguments(_: argparse.ArgumentParser) -> None:
    """Take none: `divebell secrets` has read them."""


def run(args: argparse.Namespace) -> int:
    """Hand the secrets out again where the event is up and its part would not hear of it by itself."""
    state: State = args.state
    if Service.load(state) is None and args.part in READS_ANEW:
        return EXIT_DONE
    if running_supervisor(state) is not None:
        bring_up(args.event, state, None, _say, ends_with_us=False)
    return EXIT_DONE


def _say(words: str) -> None:
    print(words, file=sys.stderr)
