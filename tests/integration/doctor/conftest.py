"""One running event for all tests of the doctor, and the means to open a hole in it and to close it again.

`event`: an event that runs as processes. `found(check)` runs one check against it and gives what is open.
Every test puts back what it opened.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from divebell.database import admin
from divebell.doctor import CHECKS, Finding, Patient
from divebell.doctor.runner import findings
from divebell.event import load_secrets
from divebell.local.health import check_parts
from divebell.local.leftovers import processes_of
from divebell.local.supervisor import Supervisor
from live import LiveEvent, live_event, wait_until_loaded

EVENT_YAML = """\
name: An event with nothing to hide
people:
  ambassadors: [maria, dan]
workspace:
  runs_in: processes
database:
  scratch: 512 MB
data:
  repository: .
"""
BY_NAME = {check.name: check for check in CHECKS}


@pytest.fixture(scope="package")
def event(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveEvent]:
    """Give an event that runs, with one table."""
    folder = tmp_path_factory.mktemp("doctor") / "event"
    (folder / "data").mkdir(parents=True)
    (folder / "event.yaml").write_text(EVENT_YAML)
    (folder / "data" / "places.csv").write_text("name,longitude,latitude\nhere,8.5,47.4\nthere,9.5,46.4\n")
    with live_event(folder) as running:
        wait_until_loaded(running, "places")
        yield running


@pytest.fixture
def found(event: LiveEvent) -> Callable[..., list[Finding]]:
    """Give the function that runs one check: `found("files.secrets", event=...)` changes the patient."""

    def run(name: str, **changes: Any) -> list[Finding]:
        patient = Patient.of(event.state, tuple(process.pid for process in processes_of(event.state)))
        try:
            return findings(BY_NAME[name], patient if not changes else _changed(patient, **changes))
        finally:
            patient.once.close()

    return run


def _changed(patient: Patient, **changes: Any) -> Patient:
    import dataclasses

    return dataclasses.replace(patient, **changes)


@pytest.fixture
def sql(event: LiveEvent) -> Callable[[str], None]:
    """Give the function that runs a statement as the superuser, in a transaction of its own."""

    def run(statement: str) -> None:
        with admin(event.state, autocommit=True) as database:
            database.execute(statement.encode())

    return run


@pytest.fixture
def restart(event: LiveEvent) -> Callable[[str], None]:
    """Give the function that starts a part anew and waits until all work."""

    def run(part: str) -> None:
        supervisor = Supervisor(event.ports, load_secrets(event.state))
        supervisor.stop(part)
        supervisor.start(part)
        wait_until_ready(event)

    return run


def wait_until_ready(event: LiveEvent, seconds: float = 180) -> None:
    """Wait until every part does its work."""
    deadline = time.monotonic() + seconds
    while not all(part.ready for part in check_parts(event.state, event.ports)):
        assert time.monotonic() < deadline, check_parts(event.state, event.ports)
        time.sleep(0.2)
