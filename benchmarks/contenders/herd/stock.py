"""A stock JupyterHub: shared password, its default proxy, its usual spawners, JupyterLab from plain pip."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
import httpx
import psutil

from contenders.event import free_port
from contenders.herd.containers import Network, network, processes_in, stock_image
from contenders.herd.meter import family
from contenders.herd.postgis import PostGIS, postgis
from contenders.herd.running import Running
from contenders.herd.tools import PACKAGES, Tools, tools
from contenders.herd.volunteer import Hub

CONFIGURATION = Path(__file__).with_name("stock_config.py")
_STARTS_WITHIN = 90.0
_ENDS_WITHIN = 60.0


@dataclass(frozen=True)
class Setting:
    """What one stock hub is told; its configuration file reads it from the environment."""

    folder: Path
    port: int
    password: str
    limit: float
    image: str = ""
    network: Network | None = None

    def variables(self, known: Tools, database: PostGIS) -> dict[str, str]:
        """Give the hub's environment."""
        inside = (
            {"HERD_NETWORK": self.network.name, "HERD_GATEWAY": self.network.gateway} if self.network else {}
        )
        passed = {"HERD_IMAGE": self.image, **inside, **database.variables}
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "DOCKER_HOST") if name in os.environ}
        return {
            **kept,
            **passed,
            "PATH": f"{known.path}:/usr/local/bin:/usr/bin:/bin",
            "HERD_FOLDER": str(self.folder),
            "HERD_ADDRESS": f"http://127.0.0.1:{self.port}",
            "HERD_PROXY_API": f"http://127.0.0.1:{free_port()}",
            "HERD_HUB_PORT": str(free_port()),
            "HERD_PASSWORD": self.password,
            "HERD_LIMIT": str(self.limit),
        }


@contextmanager
def running(spawner: str, users: int, limit: float) -> Iterator[Running]:
    """Keep a stock hub up for as long as the block lasts; servers have `limit` seconds to start."""
    known, password = tools(), secrets.token_hex(16)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="divebell-stock-hub-")))
        inside: Network | None = None
        image = ""
        engine: docker.DockerClient | None = None
        if spawner == "docker":
            engine = stack.enter_context(closing(docker.from_env(timeout=600)))
            image = stock_image(engine, PACKAGES)
            inside = stack.enter_context(network(engine, f"divebell-herd-{os.getpid()}"))
        place = (inside.gateway, inside.subnet) if inside else None
        database = stack.enter_context(postgis(users, password, place))
        setting = Setting(folder, free_port(), password, limit, image, inside)
        hub = stack.enter_context(_hub(setting, known, database))

        def processes() -> list[psutil.Process]:
            contained = processes_in(engine, inside.name) if engine and inside else []
            return [*family((hub.pid, database.process.pid)), *contained]

        yield Running(Hub(f"http://127.0.0.1:{setting.port}", password), processes)


@contextmanager
def _hub(setting: Setting, known: Tools, database: PostGIS) -> Iterator[subprocess.Popen[bytes]]:
    variables = setting.variables(known, database)
    with (setting.folder / "hub.log").open("wb") as log:
        hub = subprocess.Popen(
            [str(known.python), "-m", "jupyterhub", "--config", str(CONFIGURATION)],
            env=variables,
            cwd=setting.folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_for(setting, hub)
        yield hub
    finally:
        _end(hub)


def _wait_for(setting: Setting, hub: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{setting.port}/hub/health", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        if hub.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"stock did not start:\n{(setting.folder / 'hub.log').read_text()[-3000:]}")
        time.sleep(0.2)


def _end(hub: subprocess.Popen[bytes]) -> None:
    """Ask the hub to end all it started, then see to it."""
    found = family((hub.pid,)) if hub.poll() is None else []
    hub.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(found, timeout=_ENDS_WITHIN)
    for process in alive:
        process.kill()
    hub.wait(timeout=_ENDS_WITHIN)
