"""divebell as its own command brings it up: an event in a temporary folder."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import docker
import psutil

from contenders.event import divebell, free_port, run
from contenders.herd.containers import processes_in
from contenders.herd.running import Running
from contenders.herd.volunteer import Hub
from divebell.event import Containers, State
from divebell.local.leftovers import processes_of

_EVENT = """\
name: Herd
people: {{expected: {expected}}}
workspace: {{runs_in: {runs_in}, disk: 256 MB}}
data: {{repository: .}}
"""
_RUNS_IN = {"process": "processes", "docker": "containers"}


@contextmanager
def running(spawner: str, users: int) -> Iterator[Running]:
    """Keep an event up for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="divebell-herd-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        (folder / "event.yaml").write_text(_EVENT.format(expected=users + 5, runs_in=_RUNS_IN[spawner]))
        try:
            command = [*divebell("up"), str(folder), "--detach", "--json", "--port", str(free_port())]
            facts = json.loads(run(command))
            state = State.beside(folder / "event.yaml")
            hub = Hub(facts["address"].rstrip("/"), facts["password"])
            yield Running(hub, lambda: _processes(state))
        finally:
            run([*divebell("down"), str(folder)])


def _processes(state: State) -> list[psutil.Process]:
    inside = Containers.load(state)
    if inside is None:
        return processes_of(state)
    found = {each.pid: each for each in processes_of(state)}
    with closing(docker.from_env(timeout=600)) as engine:
        found |= {each.pid: each for each in processes_in(engine, inside.network)}
    return list(found.values())
