"""`divebell data load`: have the loader make a pass, or make it here, and show how it goes."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count

from psycopg import sql
from rich.console import Console
from rich.status import Status

from divebell.cli import EXIT_DONE, EXIT_FAILED
from divebell.cli.data.listing import catalogue_of, say_uncommitted, show
from divebell.cli.event_argument import open_event
from divebell.database import catalogue
from divebell.database.catalogue import Listing
from divebell.errors import DivebellError
from divebell.event import Event, State
from divebell.pipeline import heart, worker
from divebell.pipeline.catalogue import Connection

_POLL_SECONDS = 0.5
_TURNS_BEFORE_ASKING_AGAIN = 6
_BEGINNING_SECONDS = 10.0
"""How long a loader that has just taken its turn may take until it is heard of."""
_MOST_TOLD = 20
"""Tables whose times are listed after a load."""


def run(args: argparse.Namespace) -> int:
    """Load. 0 when every dataset is loaded, 1 when one is not."""
    event, state = open_event(args.path)
    with catalogue_of(state) as connection:
        began, clock = time.monotonic(), _clock(connection)
        with _progress() as progress:
            problem = _pass(event, state, connection, progress)
        listing = catalogue.listing(connection)
    show(listing, as_json=args.json)
    say_uncommitted(event, state)
    for line in summary(listing, clock, time.monotonic() - began):
        print(line, file=sys.stderr)
    if problem:
        print(f"divebell: {problem}", file=sys.stderr)
    return EXIT_FAILED if problem or listing.failed else EXIT_DONE


def summary(listing: Listing, since: datetime, seconds: float) -> list[str]:
    """Say what was loaded since a moment of the database's clock, the slowest first, and what was not."""
    new = [entry for entry in listing.datasets if entry.loaded_at >= since]
    slowest = sorted(new, key=lambda entry: -entry.load_seconds)
    lines = [
        f"{one.table_name}: {one.rows:,} rows in {one.load_seconds:.1f} s" for one in slowest[:_MOST_TOLD]
    ]
    if len(slowest) > _MOST_TOLD:
        lines.append(f"and {len(slowest) - _MOST_TOLD} more")
    retired = sum(entry.retired_at is not None for entry in listing.datasets)
    counts = f"{len(new)} loaded, {len(listing.datasets) - len(new) - retired} unchanged"
    counts += f", {retired} retired" if retired else ""
    counts += f", {len(listing.failed)} not loaded" if listing.failed else ""
    return [*lines, f"{counts}; {seconds:.1f} s in all"]


class _Progress:
    """Shows what is being loaded: one line that changes on a terminal, a line for each dataset in a pipe."""

    def __init__(self, status: Status | None) -> None:
        self._status = status
        self._last = ""
        self._began = time.monotonic()

    def tell(self, detail: str) -> None:
        """Show what is being done now."""
        if self._status is not None:
            self._status.update(
                f"{detail} [dim]{time.monotonic() - self._began:.0f} s[/dim]" if detail else ""
            )
            return
        what = detail.partition("): ")[0] + (")" if "): " in detail else "")  # without the rows so far
        if what and what != self._last:
            print(what, file=sys.stderr, flush=True)
        self._last = what


@contextmanager
def _progress() -> Iterator[_Progress]:
    if not sys.stderr.isatty():
        yield _Progress(None)
        return
    with Console(stderr=True, highlight=False).status("Looking at the branch") as status:
        yield _Progress(status)


def _clock(connection: Connection) -> datetime:
    row = connection.execute("SELECT now()").fetchone()
    if row is None or not isinstance(row[0], datetime):
        raise DivebellError("the event's database does not tell the time")
    return row[0]


def _pass(event: Event, state: State, connection: Connection, progress: _Progress) -> str:
    """Have the loader make a pass, or make it here where there is none; give what is wrong, if anything."""
    away = catalogue.loader(connection).away
    problem = None if away else _asked(connection, progress)
    if problem is None and worker.take_turn(connection):
        problem = _own_pass(event, state, connection, progress)
    if problem is None:
        problem = _asked(connection, progress, _BEGINNING_SECONDS)
    if problem is None:
        raise DivebellError("another loader is at work but does not answer", next_step="divebell logs loader")
    return problem


def _asked(connection: Connection, progress: _Progress, patience: float = 0.0) -> str | None:
    """Ask the loader for a pass and wait; give what is wrong, nothing said ("") or None when it went away.

    `patience` is for how many seconds it may not have been heard of yet.
    """
    token, until = secrets.token_hex(8), time.monotonic() + patience
    connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(worker.ANSWERS)))
    request = sql.SQL("NOTIFY {}, {}").format(sql.Identifier(worker.REQUESTS), sql.Literal(token))
    for turn in count():
        if turn % _TURNS_BEFORE_ASKING_AGAIN == 0:
            connection.execute(request)  # a loader that has just started has not heard the first time
        answers = [notice.payload for notice in connection.notifies(timeout=_POLL_SECONDS)]
        now = catalogue.loader(connection)
        if token in answers:
            return now.detail if now.activity == "failing" else ""
        if now.away and time.monotonic() > until:
            return None
        if now.activity == "loading":
            progress.tell(now.detail)
    return None


def _own_pass(event: Event, state: State, connection: Connection, progress: _Progress) -> str:
    """Load here, for no loader runs and the turn is ours. Gives what is wrong, if anything."""
    print("No loader is running; loading here.", file=sys.stderr)
    status = heart.Status(tell=progress.tell)
    with heart.beating(state, status, worker.ROLE):
        done = worker.load_once(connection, event, state, status)
        status.say("waiting")
    return done.problem or ""
