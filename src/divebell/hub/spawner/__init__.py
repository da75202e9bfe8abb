"""Where notebook servers run: one module a kind. `divebell up` has decided, after `workspace.runs_in`."""

from __future__ import annotations

from typing import Any

from divebell.event import Containers, Event, Ports, State


def configure(c: Any, event: Event, state: State, ports: Ports, portal: str) -> None:
    """Set the hub's spawner."""
    # the helper that makes homes as root uses modules beside these, and no JupyterHub
    from divebell.hub.spawner import containers, processes  # noqa: PLC0415
    from divebell.hub.spawner.boxing import Place  # noqa: PLC0415

    where = Containers.load(state)
    if where is None:
        processes.configure(c, event, state, ports, portal)
    else:
        containers.configure(c, Place(event, state, ports, portal, where))
