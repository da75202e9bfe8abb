"""Where notebook servers run: one module a kind, chosen by `workspace.runs_in`."""

from __future__ import annotations

from typing import Any

from divebell.event import Event, Ports, State
from divebell.event.model import RunsIn
from divebell.hub.spawner import processes


def configure(c: Any, event: Event, state: State, ports: Ports, portal: str) -> None:
    """Set the hub's spawner as the event file says."""
    match event.workspace.runs_in:
        case RunsIn.PROCESSES:
            processes.configure(c, event, state, ports, portal)
