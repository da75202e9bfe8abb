"""`divebell data plan`: what a load would do, and why."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from divebell.cli import EXIT_DONE
from divebell.cli.data.listing import catalogue_of, console, say_uncommitted, table
from divebell.cli.event_argument import open_event
from divebell.event import State
from divebell.pipeline import catalogue
from divebell.pipeline.plan import Adopt, Catalogue, Drop, Forget, Keep, Load, Report, Step, datasets, plan
from divebell.pipeline.repository import Repository
from divebell.pipeline.users import User, all_users


@dataclass(frozen=True)
class Intention:
    """What would be done about one file, and why."""

    what: str
    """load, rename, keep, retire, drop, report or forget."""
    file: str
    why: str
    tables: tuple[str, ...] = ()


def run(args: argparse.Namespace) -> int:
    """Compare the branch with the catalogue. Nothing is written, and no loader is needed."""
    event, state = open_event(args.path)
    known, used = _known(state)
    with tempfile.TemporaryDirectory(prefix="divebell-plan-") as scratch:
        commit = Repository.of(event, state).look(Path(scratch))
    found, reports = datasets(commit.files, event.data.folder, event.data.datasets)
    planned = plan(found, reports, known)
    intended = intentions(planned.steps, known, used)
    if args.json:
        facts = {"commit": commit.id, "steps": [asdict(one) for one in intended]}
        print(json.dumps(facts, ensure_ascii=False, indent=2))
        return EXIT_DONE
    rows = [(one.what, one.file, ", ".join(one.tables), one.why) for one in intended if one.what != "keep"]
    if rows:
        console().print(table(("What", "File", "Table", "Why"), rows))
    counts = Counter(one.what for one in intended)
    words = ", ".join(f"{count} to {what}" for what, count in counts.items())
    print(f"Commit {commit.id[:10]} by {commit.author}: {words or 'it holds no data'}", file=sys.stderr)
    say_uncommitted(event, state)
    return EXIT_DONE


def intentions(
    steps: Sequence[Step], known: Catalogue, used: Mapping[str, Sequence[User]]
) -> tuple[Intention, ...]:
    """Put a plan into words."""
    return tuple(_intention(step, known, used) for step in steps)


def _intention(step: Step, known: Catalogue, used: Mapping[str, Sequence[User]]) -> Intention:
    match step:
        case Load():
            return Intention(
                "load", step.dataset.file, step.why, _tables(known, step.dataset.file) or (step.base,)
            )
        case Adopt():
            why = f"it has the contents of {step.source}, which is gone"
            if step.source == step.dataset.file:
                why = "its file is back"
            return Intention("rename", step.dataset.file, why, tuple(name for _, name in step.names))
        case Keep():
            failed = step.file in known.failures and not step.forget
            why = "it could not be loaded, and has not changed since" if failed else "nothing changed"
            return Intention("keep", step.file, why, _tables(known, step.file))
        case Report():
            return Intention("report", step.file, step.reason)
        case Forget():
            return Intention("forget", step.file, "it could not be loaded, and is gone")
        case Drop():
            return _leaving(step, used)


def _leaving(step: Drop, used: Mapping[str, Sequence[User]]) -> Intention:
    who = ", ".join(str(user) for user in used.get(step.table, ()))
    if not who:
        why = "nothing uses it any more" if step.retired else "its file is gone"
        return Intention("drop", step.file, why, (step.table,))
    if step.retired:
        return Intention("keep", step.file, f"it has retired, and {who} uses it", (step.table,))
    return Intention("retire", step.file, f"its file is gone, but {who} uses it", (step.table,))


def _tables(known: Catalogue, file: str) -> tuple[str, ...]:
    return tuple(one.table for one in known.tables if one.file == file)


def _known(state: State) -> tuple[Catalogue, Mapping[str, Sequence[User]]]:
    """Read the catalogue; before the first `up` it is empty."""
    if not state.ports_file.exists():
        print("This event has not been started yet, so nothing is loaded.", file=sys.stderr)
        return Catalogue(), {}
    with catalogue_of(state) as connection:
        return catalogue.known(connection), all_users(connection)
