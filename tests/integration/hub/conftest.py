"""A real hub behind a real proxy over a real database, and browsers to sign in with.

`hub`: one for the whole session. `browser(address)` opens a browser (cookies, forms) at a loopback address.
`start_hub(event_yaml)` gives one with another event file.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from divebell.database import prepare
from divebell.event.state import STATE_VARIABLE
from divebell.hub.proxy import static_file, traefik_files
from divebell.workspace.copy_plan import STAMP
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
    prefix: Sequence[str] = ()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.folder.ports.proxy}"

    @property
    def password(self) -> str:
        return str(self.folder.secrets.event_password)

    def wait(self, seconds: float = 180) -> None:
        """Wait until the hub answers through the proxy."""
        begin = time.monotonic()
        while time.monotonic() < begin + seconds:
            try:
                if httpx.get(f"{self.url}/hub/health", timeout=10).status_code == 200:
                    return
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

    def push(self, files: dict[str, str | None]) -> None:
        """Change the event's files as the loader does: each by a rename, the stamp last; None removes one."""
        checkout = self.folder.state.checkout
        for path, text in {**files, STAMP: str(time.time_ns())}.items():
            file = checkout / path
            if text is None:
                file.unlink()
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            new = file.with_name(f".{file.name}.divebell-new")
            new.write_text(text)
            new.replace(file)

    def start(self, part: str) -> None:
        setattr(self, part, start(self.folder, part, self.prefix))

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


def start(folder: Any, part: str, prefix: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """Start the proxy or the hub as the supervisor does; `prefix` runs the command."""
    command = {
        "proxy": [str(Path(sys.executable).parent / "traefik"), f"--configFile={static_file(folder.state)}"],
        "hub": [sys.executable, "-m", "jupyterhub", "--config", str(CONFIG)],
    }[part]
    environment = {**os.environ, STATE_VARIABLE: str(folder.state.folder), "OPERATORS_SECRET": "do not leak"}
    with (folder.folder / f"{part}.log").open("ab") as log:
        return subprocess.Popen(
            [*prefix, *command],
            env=environment,
            cwd=folder.state.folder,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )


@pytest.fixture(scope="session")
def hub(start_hub: Callable[..., AbstractContextManager[Hub]]) -> Iterator[Hub]:
    """Give a hub that runs."""
    with start_hub(EVENT_YAML) as running:
        yield running


@pytest.fixture(scope="session")
def start_hub(
    tmp_path_factory: pytest.TempPathFactory,
    make_event_folder: Callable[..., Any],
    run_server: Callable[[Any], Any],
) -> Callable[..., AbstractContextManager[Hub]]:
    """Give the function that runs a hub for an event file, as long as its block lasts."""

    def start_one(
        event_yaml: str, prefix: Sequence[str] = (), make_ready: Callable[[Any], None] = lambda _: None
    ) -> AbstractContextManager[Hub]:
        folder = make_event_folder(tmp_path_factory.mktemp("hub") / "event", event_yaml=event_yaml)
        make_ready(folder)
        return running_hub(folder, run_server, prefix)

    return start_one


@contextmanager
def running_hub(folder: Any, run_server: Callable[[Any], Any], prefix: Sequence[str] = ()) -> Iterator[Hub]:
    """Run PostgreSQL, the proxy and the hub of an event, and end all of it."""
    for path, text in traefik_files(folder.state, folder.secrets, folder.ports).items():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text)
    (folder.state.checkout / "data").mkdir(parents=True)
    (folder.state.checkout / "data" / "hello.csv").write_text("a,b\n1,2\n")
    with run_server(folder):
        prepare(folder.event, folder.state)
        running = Hub(folder, start(folder, "proxy"), start(folder, "hub", prefix), prefix)
        try:
            running.wait()
            yield running
        finally:
            running.kill("hub")
            running.kill("proxy")
            running.stop_servers()


@contextmanager
def browsers(hub: Hub) -> Iterator[Callable[..., Browser]]:
    """Give the function that opens a browser: `open_one(address="127.0.0.1", **headers)`."""
    opened: list[Browser] = []

    def open_one(address: str = "127.0.0.1", **headers: str) -> Browser:
        opened.append(Browser(hub.url, address, headers))
        return opened[-1]

    yield open_one
    for one in opened:
        one.client.close()


@pytest.fixture(scope="session")
def open_browser(hub: Hub) -> Iterator[Callable[..., Browser]]:
    """Give the function that opens a browser of the session's hub, open to the end."""
    with browsers(hub) as open_one:
        yield open_one


@pytest.fixture
def browser(hub: Hub) -> Iterator[Callable[..., Browser]]:
    """Give the function that opens a browser, of a file's own hub where it has one."""
    with browsers(hub) as open_one:
        yield open_one


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


@pytest.fixture(scope="session")
def at_work(
    hub: Hub, open_browser: Callable[..., Browser], start_kernel: Callable[..., Kernel]
) -> Callable[[str], Kernel]:
    """Give the function that brings somebody new to a kernel of their own: `at_work(name)`."""

    def bring(name: str) -> Kernel:
        browser = open_browser()
        browser.claim(name, hub.password)
        browser.open_notebook(name)
        return start_kernel(browser, name)

    return bring
