"""`divebell data list`: what is loaded, and what is not."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from divebell.cli import EXIT_DONE
from divebell.cli.event_argument import open_event
from divebell.database import catalogue, connect
from divebell.database.catalogue import Dataset, Listing
from divebell.errors import DivebellError
from divebell.event import Event, State
from divebell.pipeline.catalogue import Connection
from divebell.pipeline.repository import Repository


def run(args: argparse.Namespace) -> int:
    """Print the catalogue."""
    event, state = open_event(args.path)
    with catalogue_of(state) as connection:
        show(catalogue.listing(connection), as_json=args.json)
    say_uncommitted(event, state)
    return EXIT_DONE


def catalogue_of(state: State) -> Connection:
    """Connect as the loader. Raises DivebellError when the event does not run."""
    if not state.ports_file.exists():
        raise DivebellError("this event has not been started yet", next_step="divebell up")
    try:
        return connect(state, "event_loader", autocommit=True)
    except DivebellError as error:
        raise DivebellError(f"the event is not running: {error.message}", next_step="divebell up") from error


def console() -> Console:
    """Give what prints on stdout: in a pipe lines are as long as they need to be, for grep and cut."""
    return Console(width=None if sys.stdout.isatty() else 500, highlight=False)


def table(headings: Iterable[str], rows: Iterable[Iterable[str]], right: Iterable[str] = ()) -> Table:
    """Make a table without lines; columns in `right` are aligned there."""
    made = Table(box=None, pad_edge=False)
    for heading in headings:
        made.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    return made


def say_uncommitted(event: Event, state: State) -> None:
    """Name the files that differ from what is committed."""
    waiting = Repository.of(event, state).uncommitted(event.data.folder)
    if waiting:
        names = ", ".join(waiting[:5]) + (f" and {len(waiting) - 5} more" if len(waiting) > 5 else "")
        print(f"Not committed, so not loaded as they are now: {names}", file=sys.stderr)


def show(listing: Listing, *, as_json: bool) -> None:
    """Print what is loaded, what there is to know about it, and what is not loaded."""
    if as_json:
        print(json.dumps(listing.to_json(), ensure_ascii=False, indent=2))
        return
    out = console()
    headings = ("Table", "Rows", "Geometry", "CRS", "West, south, east, north", "File", "Commit")
    rows = map(_row, listing.datasets)
    out.print(table(headings, rows, ("Rows",)) if listing.datasets else "Nothing is loaded yet.")
    for entry in listing.datasets:
        for warning in entry.warnings:
            out.print(f"{entry.table_name}: {warning}", style="yellow", markup=False)
    for entry in listing.datasets:
        if entry.retired_at:
            text = f"{entry.table_name}: its file is gone; it stays for {', '.join(entry.used_by)}"
            out.print(text, style="yellow", markup=False)
    for failure in listing.failed:
        out.print(f"{failure.file} is not loaded: {failure.reason}", style="red", markup=False)


def _row(entry: Dataset) -> tuple[str, ...]:
    return (
        entry.table_name,
        f"{entry.rows:,}",
        entry.geometry_type or "",
        entry.crs or "",
        ", ".join(f"{degrees:.3f}" for degrees in entry.bbox or ()),
        entry.file if entry.layer is None else f"{entry.file} [{entry.layer}]",
        entry.commit[:10],
    )
