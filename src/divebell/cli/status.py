"""`divebell status`: show whether each part of the event answers."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from rich.console import Console

from divebell.cli import EXIT_DONE, EXIT_FAILED
from divebell.cli.event_argument import add_event_argument, state_of
from divebell.cli.show import parts_table
from divebell.event import Ports, State
from divebell.local.health import PartStatus, check_parts
from divebell.local.programs import PARTS
from divebell.local.running import running_supervisor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `status`."""
    add_event_argument(parser)
    parser.add_argument("--json", action="store_true", help="print the same as JSON")


def run(args: argparse.Namespace) -> int:
    """Ask every part over its real interface; exit 0 only when all of them are ready."""
    state = state_of(args.path)
    parts = _parts(state)
    ready = all(part.ready for part in parts)
    address = f"http://127.0.0.1:{Ports.load(state).proxy}/" if state.ports_file.exists() else None
    if args.json:
        print(
            json.dumps(
                {"ready": ready, "address": address, "parts": [asdict(part) for part in parts]}, indent=2
            )
        )
    else:
        Console().print(parts_table(parts))
        print(f"{'Ready' if ready else 'Not ready'}{f': {address}' if address else ''}")
    return EXIT_DONE if ready else EXIT_FAILED


def _parts(state: State) -> tuple[PartStatus, ...]:
    if not (state.ports_file.exists() and state.secrets_file.exists()):
        away = tuple(PartStatus(name, ready=False, detail="never started", seconds=0.0) for name in PARTS)
        return (
            PartStatus("supervisor", ready=False, detail="never started: divebell up", seconds=0.0),
            *away,
        )
    up = running_supervisor(state) is not None
    words = "restarts a part that ends" if up else "does not run: divebell up"
    supervisor = PartStatus("supervisor", ready=up, detail=words, seconds=0.0)
    return (supervisor, *check_parts(state, Ports.load(state)))
