"""`divebell data`: load the event's data and list what is loaded."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from collections.abc import Callable
from itertools import count

from psycopg import sql
from rich.console import Console
from rich.table import Table
from rich.text import Text

from divebell.cli import EXIT_DONE, EXIT_FAILED
from divebell.cli.event_argument import add_event_argument, open_event
from divebell.database import catalogue, connect
from divebell.database.catalogue import Listing
from divebell.errors import DivebellError
from divebell.event import Event, State
from divebell.pipeline import worker
from divebell.pipeline.catalogue import Connection
from divebell.pipeline.repository import Repository

_POLL_SECONDS = 0.5
_TURNS_BEFORE_ASKING_AGAIN = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe `data load` and `data list`."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    for name, summary in _SUMMARIES.items():
        action = actions.add_parser(name, help=summary, description=summary)
        add_event_argument(action)
        action.add_argument("--json", action="store_true", help="print what is loaded as JSON")


def run(args: argparse.Namespace) -> int:
    """Load or list. 0 when every dataset is loaded, 1 when one is not."""
    event, state = open_event(args.path)
    with _connect(state) as connection:
        return _ACTIONS[args.action](args, event, state, connection)


def _connect(state: State) -> Connection:
    if not state.ports_file.exists():
        raise DivebellError("this event has not been started yet", next_step="divebell up")
    try:
        return connect(state, "event_loader", autocommit=True)
    except DivebellError as error:
        raise DivebellError(f"the event is not running: {error.message}", next_step="divebell up") from error


def _load(args: argparse.Namespace, event: Event, state: State, connection: Connection) -> int:
    problem = _asked(connection) if not catalogue.loader(connection).away else None
    if problem is None:
        problem = _own_pass(event, state, connection)
    listing = catalogue.listing(connection)
    _print(listing, as_json=args.json)
    _say_uncommitted(event, state)
    if problem:
        print(f"divebell: {problem}", file=sys.stderr)
    return EXIT_FAILED if problem or listing.failed else EXIT_DONE


def _list(args: argparse.Namespace, event: Event, state: State, connection: Connection) -> int:
    _print(catalogue.listing(connection), as_json=args.json)
    _say_uncommitted(event, state)
    return EXIT_DONE


def _asked(connection: Connection) -> str | None:
    """Ask the loader for a pass and wait; give what is wrong, nothing said ("") or None when it went away."""
    token = secrets.token_hex(8)
    connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(worker.ANSWERS)))
    request = sql.SQL("NOTIFY {}, {}").format(sql.Identifier(worker.REQUESTS), sql.Literal(token))
    tell = _teller()
    for turn in count():
        if (
            turn % _TURNS_BEFORE_ASKING_AGAIN == 0
        ):  # a loader that has just started has not heard the first time
            connection.execute(request)
        answers = [notice.payload for notice in connection.notifies(timeout=_POLL_SECONDS)]
        now = catalogue.loader(connection)
        if token in answers:
            return now.detail if now.activity == "failing" else ""
        if now.away:
            return None
        if now.activity == "loading":
            tell(now.detail)
    return None


def _own_pass(event: Event, state: State, connection: Connection) -> str:
    """Load here, for no loader runs. Gives what is wrong, if anything."""
    if not worker.take_turn(connection):
        raise DivebellError("another loader is at work but does not answer", next_step="divebell logs loader")
    print("No loader is running; loading here.", file=sys.stderr)
    status = worker.Status(tell=_teller())
    with worker.beating(state, status):
        summary = worker.load_once(connection, event, state, status)
        status.say("waiting")
    return summary.problem or ""


def _teller() -> Callable[[str], None]:
    """Give a function that prints each line of progress once."""
    last = [""]

    def tell(line: str) -> None:
        if line and line != last[0]:
            print(line, file=sys.stderr, flush=True)
        last[0] = line

    return tell


def _say_uncommitted(event: Event, state: State) -> None:
    waiting = Repository.of(event, state).uncommitted(event.data.folder)
    if waiting:
        names = ", ".join(waiting[:5]) + (f" and {len(waiting) - 5} more" if len(waiting) > 5 else "")
        print(f"Not committed, so not loaded as they are now: {names}", file=sys.stderr)


def _print(listing: Listing, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(listing.to_json(), ensure_ascii=False, indent=2))
        return
    # A pipe has no width: lines are then as long as they need to be, for grep and cut.
    console = Console(width=None if sys.stdout.isatty() else 500, highlight=False)
    console.print(_datasets_table(listing) if listing.datasets else "Nothing is loaded yet.")
    for entry in listing.datasets:
        for warning in entry.warnings:
            console.print(f"{entry.table_name}: {warning}", style="yellow", markup=False)
    for failure in listing.failed:
        console.print(f"{failure.file} is not loaded: {failure.reason}", style="red", markup=False)


def _datasets_table(listing: Listing) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("Table", "Rows", "Geometry", "CRS", "West, south, east, north", "File", "Commit"):
        table.add_column(heading, justify="right" if heading == "Rows" else "left", overflow="fold")
    for entry in listing.datasets:
        cells = (
            entry.table_name,
            f"{entry.rows:,}",
            entry.geometry_type or "",
            entry.crs or "",
            ", ".join(f"{degrees:.3f}" for degrees in entry.bbox or ()),
            entry.file if entry.layer is None else f"{entry.file} [{entry.layer}]",
            entry.commit[:10],
        )
        table.add_row(*(Text(cell) for cell in cells))
    return table


_SUMMARIES = {
    "load": "Load what is new on the event's branch and wait until it is there.",
    "list": "List the tables made from the event's data, and the files that could not be loaded.",
}
_ACTIONS = {"load": _load, "list": _list}
