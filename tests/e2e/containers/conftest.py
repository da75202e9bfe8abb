"""The example event with its notebook servers in containers, on the engine of this machine, with small limits."""

from collections.abc import Callable, Iterator

import docker
import pytest

from divebell.containers.engine import connected
from live import LiveEvent, copy_example, live_event, wait_until_loaded
from volunteer import Browser, Kernel, at_notebook

SMALL = """
runs_in: containers
memory: 512 MB
cpus: 1
disk: 300 MB
processes: 150
"""


@pytest.fixture(scope="module")
def event(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveEvent]:
    """Give the event, up and loaded, for the tests of one module; it takes the place of the one with processes."""
    with live_event(copy_example(tmp_path_factory.mktemp("contained") / "example", SMALL)) as running:
        wait_until_loaded(running, "counties")
        yield running


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """Give the engine the containers run on."""
    with connected() as client:
        yield client


@pytest.fixture(scope="module")
def volunteer(event: LiveEvent) -> Iterator[Callable[[str], tuple[Browser, Kernel]]]:
    """Give the function that brings a volunteer of a name to a notebook in a container."""
    here: dict[str, tuple[Browser, Kernel]] = {}

    def bring(name: str) -> tuple[Browser, Kernel]:
        if name not in here:
            here[name] = at_notebook(event.address, name, event.password)
        return here[name]

    yield bring
    for browser, kernel in here.values():
        kernel.close()
        browser.client.close()
