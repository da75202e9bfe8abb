"""A real hub behind a real proxy over a real database, and browsers to sign in with.

`hub`: one for the whole session. `browser(address)` opens a browser (cookies, forms) at a loopback address.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from divebell.database import prepare
from divebell.event.state import STATE_VARIABLE
from divebell.hub.proxy import static_file, traefik_files
from volunteer import Browser, Kernel

EVENT_YAML = """\
name: Housing <loss> DataDive
description: Where do people lose their homes?
people:
  ambassadors: [boss, maria]
  expected: 40
data:
  repository: repository
"""
CONFIG = Path(__file__).parents[3] / "src" / "divebell" / "hub" / "jupyterhub_config.py"


@dataclasses.dataclass
class Hub:
    """The running parts, each of which a test may kill and start again."""

    folder: Any
    proxy: subprocess.Popen[bytes]
    hub: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.folder.ports.proxy}"

    @property
    def password(self) -> str:
        return str(self.folder.secrets.event_password)

    def wait(self, seconds: float = 60) -> float:
        """Wait until the hub answers through the proxy; give how long it took."""
        begin = time.monotonic()
        while time.monotonic() < begin + seconds:
            try:
                if httpx.get(f"{self.url}/hub/health", timeout=2).status_code == 200:
                    return time.monotonic() - begin
            except httpx.TransportError:
                pass
            if self.hub.poll() is not None:
                break
            time.sleep(0.1)
        pytest.fail(f"no hub:\n{self.log('hub')[-6000:]}\n{self.log('proxy')[-2000:]}")

    def log(self, part: str) -> str:
        return (self.folder.folder / f"{part}.log").read_text(errors="replace")

    def kill(self, part: str) -> None:
        process = getattr(self, part)
        process.kill()
        process.wait()

    def start(self, part: str) -> None:
        setattr(self, part, start(self.folder, part))

    def stop_servers(self) -> None:
        """End what is left of the event, by what every process of it carries."""
        mark = f"{STATE_VARIABLE}={self.folder.state.folder}".encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        os.kill(int(entry.name), 9)
                except OSError:
                    continue


def start(folder: Any, part: str) -> subprocess.Popen[bytes]:
    """Start the proxy or the hub as the supervisor does."""
    command = {
        "proxy": [str(Path(sys.executable).parent / "traefik"), f"--configFile={static_file(folder.state)}"],
        "hub": [sys.executable, "-m", "jupyterhub", "--config", str(CONFIG)],
    }[part]
    environment = {**os.environ, STATE_VARIABLE: str(folder.state.folder), "OPERATORS_SECRET": "do not leak"}
    with (folder.folder / f"{part}.log").open("ab") as log:
        return subprocess.Popen(
            command,
            env=environment,
            cwd=folder.state.folder,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )


@pytest.fixture(scope="session")
def hub(
    tmp_path_factory: pytest.TempPathFactory,
    make_event_folder: Callable[..., Any],
    run_server: Callable[[Any], Any],
) -> Iterator[Hub]:
    """Give a hub that runs."""
    folder = make_event_folder(tmp_path_factory.mktemp("hub") / "event", event_yaml=EVENT_YAML)
    for path, text in traefik_files(folder.state, folder.secrets, folder.ports).items():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text)
    (folder.state.checkout / "data").mkdir(parents=True)
    (folder.state.checkout / "data" / "hello.csv").write_text("a,b\n1,2\n")
    with run_server(folder):
        prepare(folder.event, folder.state)
        running = Hub(folder, start(folder, "proxy"), start(folder, "hub"))
        try:
            running.wait()
            yield running
        finally:
            running.kill("hub")
            running.kill("proxy")
            running.stop_servers()


@pytest.fixture(scope="session")
def open_browser(hub: Hub) -> Iterator[Callable[..., Browser]]:
    """Give the function that opens a browser: `open_browser(address="127.0.0.1", **headers)`."""
    opened: list[Browser] = []

    def open_one(address: str = "127.0.0.1", **headers: str) -> Browser:
        opened.append(Browser(hub.url, address, headers))
        return opened[-1]

    yield open_one
    for one in opened:
        one.client.close()


@pytest.fixture
def browser(open_browser: Callable[..., Browser]) -> Callable[..., Browser]:
    """Give the function that opens a browser."""
    return open_browser


@pytest.fixture(scope="session")
def start_kernel() -> Iterator[Callable[..., Kernel]]:
    """Give the function that starts a kernel: `start_kernel(browser, name)`."""
    started: list[Kernel] = []

    def start_one(browser: Browser, name: str) -> Kernel:
        started.append(Kernel(browser, name))
        return started[-1]

    yield start_one
    for one in started:
        one.close()
