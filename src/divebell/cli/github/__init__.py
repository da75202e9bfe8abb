"""`divebell github connect`: write what a GitHub repository needs so that each push reaches the event."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from divebell._version import __version__
from divebell.cli import EXIT_DONE
from divebell.cli.event_argument import add_event_argument, open_event
from divebell.cli.github import connection, surroundings
from divebell.cli.github.connection import Connection
from divebell.cli.github.workflow import MARK, PLACE, Wanted, render
from divebell.errors import DivebellError

_CONNECT = "Write the workflow that checks each push and tells the event, and say what is left to do."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what may follow the verb."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    connect = actions.add_parser("connect", help=_CONNECT, description=_CONNECT)
    add_event_argument(connect)
    connect.add_argument(
        "--into",
        type=Path,
        metavar="FOLDER",
        help="the clone that the workflow is written into (default: the clone that the event file is in)",
    )
    connect.add_argument(
        "--server",
        metavar="URL",
        help="where GitHub reaches the event (default: its `address`, or where it was deployed to)",
    )
    connect.add_argument("--print", action="store_true", help="print the workflow and write nothing")
    connect.add_argument("--force", action="store_true", help="write over a workflow of somebody's own")
    connect.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Connect."""
    event, state = open_event(args.path)
    server = surroundings.server_of(event, state, args.server)
    text = render(Wanted(event.name, event.data.branch, event.data.folder, server, __version__))
    if args.print:
        print(text, end="")
        return EXIT_DONE
    clone = surroundings.clone_of(event, state, args.into)
    done = write(clone / PLACE, text, force=args.force)
    known = Connection(
        file=str(clone / PLACE),
        done=done,
        remote=surroundings.remote_of(event, clone),
        server=server,
        secret=surroundings.secret_of(event, state),
        shows_secret=surroundings.shows_secret(state, args.path),
        notes=surroundings.notes(event, state, clone, server),
    )
    if args.json:
        print(json.dumps(known.to_json(), indent=2, ensure_ascii=False))
    else:
        print("\n".join(connection.words(known)))
    return EXIT_DONE


def write(file: Path, text: str, *, force: bool) -> str:
    """Write the workflow; give `new`, `changed`, or `kept` where it is this already.

    Raises DivebellError where the file is somebody's own.
    """
    there = file.read_text("utf-8", "replace") if file.is_file() else None
    if there == text:
        return "kept"
    if not force and (file.is_symlink() or (there is not None and not there.startswith(MARK))):
        raise DivebellError(
            f"{file} is there already, and divebell has not made it",
            next_step="give that one another name, or write over it: divebell github connect --force",
        )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DivebellError(
            f"{file} cannot be written: {error.strerror or error}",
            next_step="divebell github connect --print shows what belongs in it",
        ) from error
    return "new" if there is None else "changed"
