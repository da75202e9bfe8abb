"""`divebell data history`: what changed in a table, when, and by which commit."""

from __future__ import annotations

import argparse
import json

from divebell.cli import EXIT_DONE
from divebell.cli.data.listing import catalogue_of, console, table
from divebell.cli.event_argument import open_event
from divebell.database.catalogue import listing
from divebell.database.history import Change, history
from divebell.errors import DivebellError
from divebell.event.problems import did_you_mean


def run(args: argparse.Namespace) -> int:
    """Print what became of a table, the newest first."""
    event, state = open_event(args.path)
    with catalogue_of(state) as connection:
        changes = history(connection, args.table.removeprefix("data."))
        if not changes:
            changes = history(connection, args.table)
        names = [] if changes else [entry.table_name for entry in listing(connection).datasets]
    if not changes:
        raise DivebellError(
            f"there never was a table or file '{args.table}'{did_you_mean(args.table, names)}",
            next_step="divebell data list",
        )
    if args.json:
        print(json.dumps([change.to_json() for change in changes], ensure_ascii=False, indent=2))
        return EXIT_DONE
    rows = [_row(change, f"{change.at.astimezone(event.zone):%a %d %b %Y, %H:%M}") for change in changes]
    console().print(table(("When", "What", "Rows", "", "Commit", "By", "File", "Else"), rows, ("Rows", "")))
    return EXIT_DONE


def _row(change: Change, when: str) -> tuple[str, ...]:
    difference = 0 if change.rows_before is None else change.rows - change.rows_before
    return (
        when,
        change.what,
        f"{change.rows:,}",
        f"{difference:+,}" if difference else "",
        (change.commit or "")[:10],
        change.author or "",
        change.file,
        "; ".join(change.details),
    )
