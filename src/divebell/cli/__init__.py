"""The command line: one verb a module, imported only when it is called."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Protocol, cast

from divebell._version import __version__
from divebell.errors import DivebellError

VERBS = {
    "init": "Write a starter event file.",
    "check": "Check an event file and name every problem.",
    "up": "Run the event on this machine.",
    "down": "Stop everything that `up` started.",
    "deploy": "Install the event on a server over SSH, or change there what changed.",
    "status": "Show whether each part of the event answers.",
    "doctor": "Probe the running event for everything that should be closed.",
    "logs": "Show what the parts of the event have written.",
    "data": "Load the event's data and list what is loaded.",
    "github": "Connect a GitHub repository with the event.",
    "ci": "Check what a commit changes, tell the event, and show what it makes of it.",
    "image": "Build, show and try the image that workspaces in containers are made from.",
    "watch": "List what the watchdog ended in the database, and why.",
    "backup": "Copy the event away, encrypted, while it goes on; list the copies.",
    "restore": "Bring an event back from a backup.",
    "secrets": "Give the event what opens its repository; list and remove it.",
    "people": "List who signed in, reset a forgotten return code, show passwords.",
}
"""Each verb is a module of this package with `add_arguments(parser)` and `run(args) -> int`."""

HERE = "_here"
"""Modules with this ending are needed where the event runs, and not by who only asks a server with `--on`."""

VERBOSE_HELP = "show the traceback of an error"
EXIT_DONE, EXIT_FAILED, EXIT_USAGE = 0, 1, 2


class _Verb(Protocol):
    """What the module of a verb has."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the options of the verb."""
        ...

    def run(self, args: argparse.Namespace) -> int:
        """Do it; the result is the exit code."""
        ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 wrong usage."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    verb = next((word for word in arguments if not word.startswith("-")), None)
    verbose = "--verbose" in arguments  # wherever it stands
    arguments = [word for word in arguments if word != "--verbose"]
    try:
        parser = build_parser(only=verb if verb in VERBS else None)
        if verb is not None and verb not in VERBS:
            parser.error(_no_such_verb(verb))
        args = parser.parse_args(arguments)
        return int(args.run(args))
    except DivebellError as error:
        if verbose:
            raise
        print(f"divebell: {error}", file=sys.stderr)
        return EXIT_FAILED
    except BrokenPipeError:
        return _nobody_reads()
    except KeyboardInterrupt:
        return 130


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """Build the parser; `only` names the one verb whose module is imported (None: no module is)."""
    parser = argparse.ArgumentParser(
        prog="divebell",
        description="Run a data event - notebooks, PostGIS and maps for everyone - from one file.",
        epilog="divebell COMMAND --help tells more about one command.",
    )
    parser.add_argument("--version", action="version", version=f"divebell {__version__}")
    parser.add_argument("--verbose", action="store_true", help=VERBOSE_HELP)
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for verb, summary in VERBS.items():
        child = verbs.add_parser(verb, help=summary, description=summary)
        if verb == only:
            module = verb_module(verb)
            module.add_arguments(child)
            child.add_argument("--verbose", action="store_true", default=argparse.SUPPRESS, help=VERBOSE_HELP)
            child.set_defaults(run=module.run)
    return parser


def verb_module(verb: str) -> _Verb:
    """Import the module of a verb, or the part of it that `here` runs an event needs.

    Raises DivebellError when it needs what is not installed.
    """
    try:
        return cast("_Verb", importlib.import_module(f"divebell.cli.{verb}"))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("divebell"):
            raise
        said = verb.removesuffix(HERE)
        raise DivebellError(
            f"`divebell {said}` needs the Python package '{error.name}', which is not installed",
            next_step="pip install 'divebell[all]'",
        ) from error


def _no_such_verb(verb: str) -> str:
    from divebell.event.problems import did_you_mean  # noqa: PLC0415  (only a misspelling pays for it)

    return f"there is no command '{verb}', expected one of {', '.join(VERBS)}{did_you_mean(verb, VERBS)}"


def _nobody_reads() -> int:
    """End quietly when the reader of a pipe has gone (`divebell check --schema | head`)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_FAILED
