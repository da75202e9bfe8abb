"""Machines to deploy to: a bare one for one test, and one with the example event for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployment import Deployment, event_on
from live import EXAMPLES
from target import Target, booted_target
from target_images import ensure_images

HERE = Path(__file__).parent
DEPLOYED_SECONDS = 1800
"""The first test of all waits for the image and the deployment besides."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a test that may have to wait for the deployment the time it takes on a busy machine."""
    for item in items:
        ours = item.path.parent == HERE and "event" in getattr(item, "fixturenames", ())
        if ours and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(DEPLOYED_SECONDS))


@pytest.fixture
def bare() -> Iterator[Target]:
    """Give a machine as a provider hands it over."""
    with booted_target() as target:
        yield target


@pytest.fixture(scope="session")
def images() -> str:
    """Give a volume with the workspace image of the example event, which takes minutes to build."""
    return ensure_images(next(path.parent for path in sorted(EXAMPLES.glob("*/event.yaml"))))


@pytest.fixture(scope="session")
def event(images: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Give the example event, deployed to a machine without Python; its engine finds its images on the disk."""
    folder = tmp_path_factory.mktemp("deployed") / "example"
    with booted_target(python=False, docker_volume=images) as target, event_on(target, folder) as event:
        event.deploy()
        yield event
