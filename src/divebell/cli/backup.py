"""`divebell backup`: copy the event away, encrypted, while it goes on; list the copies."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict

from rich.console import Console

from divebell.backup import Snapshot, Store, Taken, back_up, snapshots
from divebell.backup.keys import keys_in
from divebell.cli import EXIT_DONE
from divebell.cli.event_argument import add_event_argument, open_event
from divebell.cli.on_server import EVENT, add_on_argument, run_on
from divebell.errors import DivebellError
from divebell.event import Event, Secrets, State, load_secrets

SHOWN = 10
"""How many of the things left out are named."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `backup`."""
    add_event_argument(parser)
    add_on_argument(parser)
    parser.add_argument("--to", metavar="STORE", help="another place than `backups.to` of the event file")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="list the backups there are")
    what.add_argument(
        "--show-key", action="store_true", help="print the key of the backups: keep it outside this machine"
    )
    parser.add_argument("--json", action="store_true", help="print facts for a program to read")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    if args.on:
        return run_on(args.on, args.path, ["backup", EVENT, *remote_words(args)])
    event, state = open_event(args.path)
    secrets = secrets_of(state)
    if args.show_key:
        print(json.dumps({"key": secrets.backup_password}) if args.json else secrets.backup_password)
        return EXIT_DONE
    store = store_of(event, state, secrets, args.to)
    if args.list:
        return show_list(snapshots(store), as_json=args.json)
    taken = back_up(event, state, store, Console(stderr=True).print)
    print(json.dumps(asdict(taken), indent=2) if args.json else "\n".join(summary(taken, store)))
    return EXIT_DONE


def remote_words(args: argparse.Namespace) -> list[str]:
    """Give the same options for a server. Pure."""
    to = ["--to", args.to] if args.to else []
    flags = {"--list": args.list, "--show-key": args.show_key, "--json": args.json}
    return [*to, *(flag for flag, wanted in flags.items() if wanted)]


def secrets_of(state: State) -> Secrets:
    """Give the event's secrets. Raises DivebellError before the first `up`."""
    try:
        return load_secrets(state)
    except FileNotFoundError:
        raise DivebellError("this event has not been started yet", next_step="divebell up") from None


def store_of(event: Event, state: State, secrets: Secrets, to: str | None) -> Store:
    """Give the event's store, or the one that the command line names."""
    keys = {**secrets.backup_environment, **keys_in(os.environ)}
    return Store(to or event.backups.to, secrets.backup_password, keys, state.backup / "cache")


def show_list(found: list[Snapshot], *, as_json: bool) -> int:
    """Print the backups, the latest first."""
    if as_json:
        print(json.dumps({"backups": [asdict(each) for each in found]}, indent=2))
        return EXIT_DONE
    if not found:
        print("There are no backups yet: divebell backup makes the first.", file=sys.stderr)
    for each in found:
        when = each.time[:19].replace("T", " ")
        print(f"{each.id}  {when} UTC  {each.bytes / 1e6:>9,.1f} MB  {each.event}  (divebell {each.version})")
    return EXIT_DONE


def summary(taken: Taken, store: Store) -> list[str]:
    """Say what was taken, and name what was not."""
    lines = [
        f"Backup {taken.snapshot} is whole in {store.address}.",
        f"  Database  {taken.tables} tables, {taken.rows:,} rows",
        f"  Homes     {taken.homes}, {taken.home_bytes / 1e6:,.1f} MB",
        f"  New       {taken.added_bytes / 1e6:,.1f} MB in {taken.seconds:.0f} s",
    ]
    missing = [f"{left.path}: {left.reason}" for left in taken.left_out]
    missing += [f"{path}: could not be read" for path in taken.unreadable]
    lines += [f"  Left out  {each}" for each in missing[:SHOWN]]
    if len(missing) > SHOWN:
        lines.append(f"  Left out  and {len(missing) - SHOWN} more (--json names them)")
    return lines
