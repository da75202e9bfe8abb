"""Fixtures for every test.

`event_folder`: a temporary folder with event.yaml, and in `.divebell` secrets and ports as `divebell up`
makes them. Nothing runs in it. It gives `.folder`, `.event`, `.state`, `.secrets` and `.ports`.

`make_event_folder(folder, event_yaml=...)` is the function behind it, for tests that need several folders
or a special place.

Tests marked `sample`, `s3` or `root` run where there is a sample event (DIVEBELL_SAMPLE_EVENT), an S3-compatible
store (DIVEBELL_S3_STORE, such as s3:http://127.0.0.1:5000/bucket of `moto_server`) or where we are root;
elsewhere pytest's last line counts them as deselected.

Tests in tests/integration have `cluster` besides: see the conftest.py there.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from divebell.event import Event, Ports, Secrets, State, ensure_secrets, load_event
from live import free_ports

EVENT_YAML = """\
name: A test event
people:
  ambassadors: [maria]
data:
  repository: repository
"""

SMALL = "database:\n  scratch: 256 MB\n"
"""A small disk for volunteers' tables: it is kept free, and tests make many."""


settings.register_profile("patient", settings(), deadline=None)
settings.load_profile("patient")  # how long an example takes says more of the machine than of what is tested


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this machine and account cannot run; nothing else is ever left out."""
    had = {
        "sample": "DIVEBELL_SAMPLE_EVENT" in os.environ,
        "root": os.geteuid() == 0,
        "s3": "DIVEBELL_S3_STORE" in os.environ,
    }
    left_out = [
        item
        for item in items
        if any(item.get_closest_marker(mark) and not here for mark, here in had.items())
    ]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True)
def _disks_are_given_back(request: pytest.FixtureRequest) -> Iterator[None]:
    """Free the disks that a test's events reserved, once all that used them has ended."""
    yield
    folder = (request.node.funcargs or {}).get("tmp_path")  # none are left of a test that was interrupted
    for root, _, names in os.walk(folder) if folder else ():
        for name in names:
            if name.endswith(".img"):
                Path(root, name).unlink(missing_ok=True)


@dataclass(frozen=True)
class EventFolder:
    """An event's folder before anything runs in it."""

    folder: Path
    event: Event
    state: State
    secrets: Secrets
    ports: Ports


def build_event_folder(folder: Path, *, event_yaml: str = EVENT_YAML) -> EventFolder:
    """Make `folder` an event's folder, with secrets and ports."""
    folder.mkdir(parents=True, exist_ok=True)
    more = "" if "\ndatabase:" in event_yaml else SMALL
    (folder / "event.yaml").write_text(event_yaml + more)
    state = State.beside(folder / "event.yaml")
    state.folder.mkdir(mode=0o700)
    event = load_event(folder)
    names = [field.name for field in dataclasses.fields(Ports)]
    ports = Ports(**dict(zip(names, free_ports(len(names)), strict=True)))
    ports.save(state)
    return EventFolder(folder, event, state, ensure_secrets(event, state), ports)


@pytest.fixture(scope="session")
def make_event_folder() -> Callable[..., EventFolder]:
    """Give the function that makes an event's folder: `make_event_folder(folder, event_yaml=...)`."""
    return build_event_folder


@pytest.fixture
def event_folder(tmp_path: Path) -> EventFolder:
    """Give an event's folder of this test alone; nothing runs in it."""
    return build_event_folder(tmp_path / "event")
