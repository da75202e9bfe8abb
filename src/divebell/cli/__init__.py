"""The command line: one verb a module, imported only when it is called."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from divebell._version import __version__
from divebell.errors import DivebellError

VERBS = {
    "init": "Write a starter event file.",
    "check": "Check an event file and name every problem.",
    "up": "Run the event on this machine.",
    "down": "Stop everything that `up` started.",
    "status": "Show whether each part of the event answers.",
    "logs": "Show what the parts of the event have written.",
    "data": "Load the event's data and list what is loaded.",
    "people": "List who signed in, reset a forgotten return code, show passwords.",
}
"""Each verb is a module of this package with `add_arguments(parser)` and `run(args) -> int`."""

EXIT_DONE, EXIT_FAILED, EXIT_USAGE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 wrong usage."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    verb = next((word for word in arguments if not word.startswith("-")), None)
    parser = build_parser(only=verb if verb in VERBS else None)
    args = parser.parse_args(arguments)
    try:
        return int(args.run(args))
    except DivebellError as error:
        if args.verbose:
            raise
        print(f"divebell: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return 130


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """Build the parser; `only` names the one verb whose module is imported (None: no module is)."""
    parser = argparse.ArgumentParser(
        prog="divebell",
        description="Run a data event - notebooks, PostGIS and maps for everyone - from one file.",
    )
    parser.add_argument("--version", action="version", version=f"divebell {__version__}")
    parser.add_argument("--verbose", action="store_true", help="show the traceback of an error")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for verb, summary in VERBS.items():
        child = verbs.add_parser(verb, help=summary, description=summary)
        if verb == only:
            module = _module(verb)
            module.add_arguments(child)
            child.set_defaults(run=module.run)
    return parser


def _module(verb: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
    try:
        return importlib.import_module(f"divebell.cli.{verb}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("divebell"):
            raise
        raise DivebellError(
            f"`divebell {verb}` needs the Python package '{error.name}', which is not installed",
            next_step="pip install 'divebell[all]'",
        ) from error
