"""`divebell status` where the event runs: show whether each part of the event answers."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from typing import Any

from rich.console import Console

from divebell.cli import EXIT_DONE, EXIT_FAILED
from divebell.cli.event_argument import state_of
from divebell.cli.show import parts_table
from divebell.event import CertificateStanding, Ports, Service, State, load_event
from divebell.event.last_backup import LastBackup, in_words
from divebell.local.health import PartStatus, check_parts
from divebell.local.programs import PARTS
from divebell.local.running import public_address, running_supervisor


def run(args: argparse.Namespace) -> int:
    """Ask every part over its real interface; exit 0 only when all of them are ready."""
    state = state_of(args.path)
    parts = _parts(state)
    ready = all(part.ready for part in parts)
    address = public_address(state, Ports.load(state)) if state.ports_file.exists() else None
    backup, certificate = _backup(state), CertificateStanding.load(state)
    if args.json:
        told = {
            "ready": ready,
            "address": address,
            "parts": [asdict(part) for part in parts],
            "backup": backup,
            "certificate": asdict(certificate) if certificate else None,
        }
        print(json.dumps(told, indent=2))
    else:
        Console().print(parts_table(parts))
        if backup:
            print(f"Backups: {backup['detail']}")
        if certificate and certificate.words:
            print(f"Certificate: {certificate.words}")
        print(f"{'Ready' if ready else 'Not ready'}{f': {address}' if address else ''}")
    return EXIT_DONE if ready else EXIT_FAILED


def _backup(state: State) -> dict[str, Any] | None:
    """Tell how the backups stand; None where none was ever asked for."""
    last = LastBackup.load(state)
    if last is None and Service.load(state) is None:
        return None
    ok, words = in_words(last, time.time(), load_event(state.event_file).backups.every_seconds)
    return {"ok": ok or Service.load(state) is None, "detail": words}


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
