"""A live event behind a real nginx: one for the session, reached over https as `localhost`."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from divebell.event import load_secrets
from divebell.hub.proxy import static_file
from divebell.local.supervisor import Supervisor
from front import Front, in_front
from live import LiveEvent, copy_example, live_event, until, wait_until_loaded

BELIEVED = """
[entryPoints.event.forwardedHeaders]
trustedIPs = ["127.0.0.1/32"]
"""
"""What the proxy is told on a server, where nginx alone reaches it."""


@dataclass(frozen=True)
class Served:
    """The event and what stands in front of it."""

    event: LiveEvent
    front: Front

    def pid(self, part: str) -> int | None:
        return Supervisor(self.event.ports, load_secrets(self.event.state)).processes().get(part)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give the event behind nginx."""
    folder = copy_example(tmp_path_factory.mktemp("front") / "example", more="address: localhost\n")
    with (
        live_event(folder) as event,
        in_front(tmp_path_factory.mktemp("nginx"), event.ports.proxy) as front,
    ):
        served = Served(replace(event, address=f"{front.url}/"), front)
        file = static_file(event.state)
        if "forwardedHeaders" not in file.read_text():
            file.write_text(file.read_text() + BELIEVED)
            first = served.pid("proxy")
            os.kill(first or 0, signal.SIGKILL)
            until(lambda: served.pid("proxy") not in {None, first}, "the proxy did not come back")
        wait_until_loaded(event, "counties")
        yield served


@pytest.fixture
def trusting(served: Served, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let everything in this test trust the event's authority, as a device does on which it is installed."""
    monkeypatch.setenv("SSL_CERT_FILE", str(served.front.authority))
    monkeypatch.setenv("WEBSOCKET_CLIENT_CA_BUNDLE", str(served.front.authority))
    return served
