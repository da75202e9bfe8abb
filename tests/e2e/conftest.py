from collections.abc import Iterator

import pytest

from live import LiveEvent, copy_example, live_event


@pytest.fixture(scope="module")
def event(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveEvent]:
    """The project's example event, up for the tests of one module."""
    with live_event(copy_example(tmp_path_factory.mktemp("event") / "example")) as running:
        yield running
