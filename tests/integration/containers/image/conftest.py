"""The workspace image, built once by a real engine.

`workspace`: the image every event has that adds no packages; it stays, for the next run and for other tests.
`client`: the engine. `run(image, *command)` runs a command in a container like a volunteer's and gives its output.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator

import docker
import pytest

from divebell.containers import engine, image
from divebell.event import Event, load_event

EVENT = "name: An event\ndata:\n  repository: repository\n"


@pytest.fixture(scope="session")
def client() -> Iterator[docker.DockerClient]:
    with engine.connected() as connected:
        yield connected


@pytest.fixture(scope="session")
def make_event(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Event]:
    """Give the function that makes an event with these lines under `workspace`."""

    def make(*lines: str) -> Event:
        folder = tmp_path_factory.mktemp("event")
        below = "workspace:\n" + "".join(f"  {line}\n" for line in lines) if lines else ""
        (folder / "event.yaml").write_text(EVENT + below)
        return load_event(folder)

    return make


@pytest.fixture(scope="session")
def workspace(make_event: Callable[..., Event]) -> str:
    """Give the image without packages of an event, built if it is not there."""
    return image.ensure(make_event(), print)


@pytest.fixture(scope="session")
def bundle() -> str:
    """Give the certificates that this machine builds with."""
    from divebell.containers.image.builder import bundle_of

    found = bundle_of(os.environ)
    return found.read_text() if found else ""


@pytest.fixture(scope="session")
def run() -> Callable[..., str]:
    return run_inside


def run_inside(tag: str, *command: str, options: tuple[str, ...] = ()) -> str:
    """Run a command as nobody, with no rights and a read-only root."""
    closed = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    account = ["--user", "1900000007:1900000007", "-e", "HOME=/tmp"]
    done = subprocess.run(
        ["docker", "run", "--rm", *closed, *account, *options, tag, *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
