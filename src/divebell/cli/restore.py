"""`divebell restore`: bring an event back from a backup."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

from rich.console import Console

from divebell.backup import Restored, Snapshot, Store, WrongKeyError, fetch, restore, snapshot_of
from divebell.backup.keys import keys_in
from divebell.backup.restoring import is_empty, is_interrupted, newest_work
from divebell.cli import EXIT_DONE, EXIT_FAILED
from divebell.cli.event_argument import add_event_argument
from divebell.cli.on_server import EVENT, add_on_argument, run_on
from divebell.errors import DivebellError
from divebell.event import State, load_event, load_secrets

KEY_VARIABLE = "DIVEBELL_BACKUP_KEY"
SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `restore`."""
    add_event_argument(parser)
    add_on_argument(parser)
    parser.add_argument(
        "--from", dest="store", metavar="STORE", help="where the backups lie (default: `backups.to`)"
    )
    parser.add_argument(
        "--snapshot", metavar="ID", help="which backup, as --list names it (default: the latest)"
    )
    parser.add_argument(
        "--key-file",
        type=Path,
        metavar="FILE",
        help=f"the key of the backups (default: {KEY_VARIABLE}, or what this event knows, or asked for)",
    )
    parser.add_argument("--yes", action="store_true", help="replace what is here without asking")
    parser.add_argument(
        "--discard-newer", action="store_true", help="replace also work that is newer than the backup"
    )
    parser.add_argument(
        "--into", type=Path, metavar="FOLDER", help="only bring the backup's files into a folder"
    )
    parser.add_argument(
        "--only", metavar="PATH", help="with --into: only this, such as .divebell/homes/ana/map.ipynb"
    )
    parser.add_argument("--json", action="store_true", help="print facts for a program to read")


def run(args: argparse.Namespace) -> int:
    """Find the backup, ask, and bring it back; exit 0 only when everything is as it was."""
    if args.on:
        return run_on(args.on, args.path, ["restore", EVENT, *remote_words(args)])
    file = args.path if args.path.suffix == ".yaml" else args.path / "event.yaml"  # it need not be there
    state, console = State.beside(file), Console(stderr=True)
    store, snapshot = _found(args, state)
    if args.into:
        fetch(
            store, snapshot.id, args.into, f"/{args.only.lstrip('/')}" if args.only else None, console.print
        )
        print(f"Backup {snapshot.id} of {_moment(snapshot)} is in {args.into}.")
        return EXIT_DONE
    _agreed(args, state, snapshot)
    restored = restore(state, store, snapshot, console.print)
    print(json.dumps(asdict(restored), indent=2) if args.json else "\n".join(summary(restored)))
    return EXIT_FAILED if restored.differing else EXIT_DONE


def remote_words(args: argparse.Namespace) -> list[str]:
    """Give the same options for a server, where nobody can be asked. Pure."""
    if args.into or args.key_file:
        raise DivebellError(
            "--into and --key-file name places of this machine",
            next_step="ssh to the server and run divebell restore there",
        )
    named = {"--from": args.store, "--snapshot": args.snapshot}
    flags = {"--yes": args.yes, "--discard-newer": args.discard_newer, "--json": args.json}
    words = [word for name, value in named.items() if value for word in (name, value)]
    return [*words, *(flag for flag, wanted in flags.items() if wanted)]


def _found(args: argparse.Namespace, state: State) -> tuple[Store, Snapshot]:
    """Give the store and the backup; ask for the key where the one that is known does not fit."""
    store = Store(_address(args, state), _key(args, state), _environment(state), state.backup / "cache")
    try:
        if store.key:
            return store, snapshot_of(store, args.snapshot)
    except WrongKeyError:
        if not sys.stdin.isatty():
            raise
    if not sys.stdin.isatty():
        raise DivebellError(
            "the key of the backups is not known here", next_step=f"--key-file FILE, or {KEY_VARIABLE}"
        )
    store = replace(store, key=getpass.getpass("Key of the backups: ").strip())
    return store, snapshot_of(store, args.snapshot)


def _address(args: argparse.Namespace, state: State) -> str:
    if args.store:
        return str(args.store) if str(args.store).startswith("s3:") else str(Path(args.store).absolute())
    if not state.event_file.exists():
        raise DivebellError(
            f"there is no event.yaml at {state.folder.parent}, so the place of its backups is not known",
            next_step="divebell restore FOLDER --from STORE",
        )
    return load_event(state.event_file).backups.to


def _key(args: argparse.Namespace, state: State) -> str:
    if args.key_file:
        try:
            return str(args.key_file.read_text().strip())
        except OSError as error:
            raise DivebellError(f"the key cannot be read: {error}", next_step="--key-file FILE") from error
    if KEY_VARIABLE in os.environ:
        return os.environ[KEY_VARIABLE].strip()
    return load_secrets(state).backup_password if state.secrets_file.exists() else ""


def _environment(state: State) -> dict[str, str]:
    known = load_secrets(state).backup_environment if state.secrets_file.exists() else {}
    return {**known, **keys_in(os.environ)}


def _agreed(args: argparse.Namespace, state: State, snapshot: Snapshot) -> None:
    """Ask before anything is replaced. Raises DivebellError where that was not agreed to."""
    if is_empty(state) or is_interrupted(state):
        return
    newest = newest_work(state)
    if newest and newest > datetime.fromisoformat(snapshot.time) and not args.discard_newer:
        raise DivebellError(
            f"somebody worked here at {newest:%Y-%m-%d %H:%M} UTC, after the backup of {_moment(snapshot)}",
            next_step="divebell backup keeps that work; then restore with --snapshot "
            f"{snapshot.id} --discard-newer",
        )
    what = (
        f"This replaces the work of everybody at {state.folder.parent} by the backup of {_moment(snapshot)}"
    )
    if args.yes:
        return
    if not sys.stdin.isatty():
        raise DivebellError(what, next_step="--yes agrees to it")
    if input(f"{what}. Go on? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise DivebellError("nothing was changed")


def _moment(snapshot: Snapshot) -> str:
    return f"{snapshot.time[:16].replace('T', ' ')} UTC"


def summary(restored: Restored) -> list[str]:
    """Say what came back, and what did not."""
    lines = [
        f"{restored.event} is back as it was at {restored.taken_at} (backup {restored.snapshot}).",
        f"  Database  {restored.tables} tables, {restored.rows:,} rows: counts and checksums compared",
        f"  Homes     {restored.homes}, {restored.home_files:,} files, {restored.home_bytes / 1e6:,.1f} MB",
    ]
    told = [f"  Differs   {each}" for each in restored.differing]
    told += [f"  Note      {each}" for each in restored.notes]
    told += [f"  Not there {left.path}: {left.reason}" for left in restored.left_out]
    lines += told[:SHOWN]
    if len(told) > SHOWN:
        lines.append(f"            and {len(told) - SHOWN} more (--json names them)")
    return [*lines, "  It is up." if restored.running else "  divebell up starts it."]
