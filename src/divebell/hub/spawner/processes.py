"""Notebook servers as processes of this machine, one account per volunteer where we are root."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar

import psutil
from jupyterhub.spawner import LocalProcessSpawner, SpawnException

from divebell import database
from divebell.database.account import interpreter_paths, run_as
from divebell.errors import DivebellError
from divebell.event import Event, Ports, State
from divebell.event.state import NOTEBOOK_PORTS
from divebell.hub.spawner.accounts import Home, ensure_disk, ensure_home
from divebell.hub.spawner.environment import Volunteer, on_this_machine, variables
from divebell.hub.spawner.queue import StartQueue, starts_at_once, waiting_words
from divebell.hub.spawner.running import free_port, identity, listener_uid
from divebell.hub.spawner.warm import NotWarmError, Warm

POLL_SECONDS = 0.05
_STOP_SECONDS = 10.0


@dataclass
class Place:
    """What all notebook servers of one event share."""

    event: Event
    state: State
    ports: Ports
    portal: str
    queue: StartQueue
    warm: Warm
    starting: set[int] = field(default_factory=set)
    """Ports given to servers that do not listen yet."""

    def take_port(self) -> int:
        """Give a port that no server has; it stays taken until `starting` lets go of it."""
        first = self.ports.notebooks
        port = free_port(port for port in range(first, first + NOTEBOOK_PORTS) if port not in self.starting)
        if port is None:
            raise DivebellError("all ports for notebook servers are taken", next_step="stop a server")
        self.starting.add(port)
        return port


class VolunteerProcess(LocalProcessSpawner):  # type: ignore[misc]
    """Starts a volunteer's server in its turn and finds it again after a restart of the hub."""

    place: ClassVar[Place]
    proc: subprocess.Popen[bytes] | None
    pid: int
    identity = ""

    async def start(self) -> tuple[str, int]:
        """Wait for the turn, start the server, and return once it listens."""
        try:
            return await self._start_in_turn()
        except DivebellError as error:
            raise SpawnException(
                f"Your notebook did not start: {error.message}.",
                reason="start",
                log_message=str(error),
                status_code=500,
            ) from error

    async def _start_in_turn(self) -> tuple[str, int]:
        async with self.place.queue.turn(self.user.name):
            await self._end_leftover()
            self.port = self.place.take_port()
            try:
                home = await asyncio.to_thread(self._home)
                environment = await self._environment(home)
                await self._launch(home, environment)
                await self._listens(home.uid)
            finally:
                self.place.starting.discard(self.port)
        return "127.0.0.1", self.port

    def _home(self) -> Home:
        """Give the home; one that was made for a container has a disk of its own, which is mounted."""
        home = ensure_home(self.place.state.homes, self.user.name)
        ensure_disk(self.place.state, self.user.name, home, None)
        return home

    async def _environment(self, home: Home) -> dict[str, str]:
        def provision() -> str:
            with database.connect(self.place.state, "event_hub") as connection:
                return database.provision(connection, self.user.name)

        who = Volunteer(self.user.name, home.folder, await asyncio.to_thread(provision))
        place, around = self.place, on_this_machine(self.place.state)
        return {**self.get_env(), **variables(place.event, place.ports, place.portal, who, around)}

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """Add nothing: volunteers have no entry in the system's list of accounts."""
        return env

    async def _launch(self, home: Home, environment: dict[str, str]) -> None:
        log = self.place.state.logs / "notebooks" / f"{self.user.name}.log"
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with log.open("wb") as output:
            try:
                self.proc, self.pid = None, await self.place.warm.fork(home, environment, output.fileno())
            except NotWarmError as why:
                self.log.warning("starting the server of %s the slow way: %s", self.user.name, why)
                self.proc = self._started_cold(home, environment, output)
                self.pid = self.proc.pid
        self.identity = identity(self.pid) or ""
        _write_record(self._record, f"{self.pid} {self.identity}")

    def _started_cold(
        self, home: Home, environment: dict[str, str], output: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        argv = run_as(
            home.uid,
            home.gid,
            [sys.executable, "-m", "divebell.workspace.start"],
            reachable=_existing(*interpreter_paths(), self.place.state.checkout),
            writable=[home.folder],
        )
        return subprocess.Popen(
            argv,
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    async def _listens(self, uid: int) -> None:
        while (owner := listener_uid(self.port)) is None:
            if await self.poll() is not None:
                raise DivebellError(
                    f"the notebook server of {self.user.name} ended while it started",
                    next_step=f"see {self.place.state.logs / 'notebooks' / self.user.name}.log",
                )
            await asyncio.sleep(POLL_SECONDS)
        if owner != uid:
            raise DivebellError(f"port {self.port} was taken by somebody else at the same time")

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Tell the place in the queue, then that the server starts."""
        told = -1
        while self.pending == "spawn" and not self.port_open:
            place = self.place.queue.place_of(self.user.name)
            if place != told:
                told = place
                yield {"progress": 10 if place else 50, "message": waiting_words(place)}
            await asyncio.sleep(0.2)
        yield {"progress": 90, "message": "Your notebook is opening."}

    @property
    def port_open(self) -> bool:
        """Whether the server listens already."""
        return bool(self.pid) and bool(self.port) and listener_uid(self.port) is not None

    @property
    def _record(self) -> Path:
        return self.place.state.run / "notebooks" / str(self.user.name)

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up a server that an earlier hub started."""
        super().load_state(state)
        self.identity = state.get("identity", "")

    def get_state(self) -> dict[str, Any]:
        """Give what finds the server again."""
        return {**super().get_state(), "identity": self.identity}

    def clear_state(self) -> None:
        """Forget the server."""
        super().clear_state()
        self.identity = ""

    async def poll(self) -> int | None:
        """Tell whether the server runs (None) or has ended."""
        if self.proc is not None:
            return await super().poll()  # type: ignore[no-any-return]
        if self.pid and identity(self.pid) == self.identity:
            return None
        self.clear_state()
        await self._end_leftover()
        return 0

    async def stop(self, now: bool = False) -> None:  # noqa: ARG002
        """End the server and everything it started."""
        if self.pid and (self.proc is not None or identity(self.pid) == self.identity):
            await _end(self.pid)
        if self.proc is not None:
            await asyncio.to_thread(self.proc.wait)
        self._record.unlink(missing_ok=True)
        self.clear_state()

    async def _end_leftover(self) -> None:
        """End a server whose start a killed hub did not live to record."""
        try:
            pid, _, known = self._record.read_text().partition(" ")
        except FileNotFoundError:
            return
        if known and identity(int(pid)) == known:
            self.log.warning("ending a server of %s that an earlier hub left behind", self.user.name)
            await _end(int(pid))
        self._record.unlink(missing_ok=True)


async def _end(pid: int) -> None:
    """End a session's leader and all its descendants: asked first, then forced."""
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for sent, seconds in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, 5.0)):
        for process in family:
            if process.pid == pid or sent == signal.SIGKILL:
                _signal(process, sent, group=process.pid == pid)
        if await asyncio.to_thread(_all_gone, family, seconds):
            return


def _signal(process: psutil.Process, sent: int, *, group: bool) -> None:
    try:
        if group and process.is_running():
            os.killpg(process.pid, sent)
        else:
            process.send_signal(sent)
    except (psutil.NoSuchProcess, ProcessLookupError):
        pass


def _all_gone(family: list[psutil.Process], seconds: float) -> bool:
    _, alive = psutil.wait_procs(family, timeout=seconds)
    return not alive


def _existing(*paths: Path) -> list[Path]:
    return [path for path in paths if path.exists()]


def _write_record(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(text)


def configure(c: Any, event: Event, state: State, ports: Ports, portal: str) -> None:
    """Set the hub's spawner."""
    queue = StartQueue(starts_at_once())
    place = Place(event, state, ports, portal, queue, Warm(state))
    c.JupyterHub.spawner_class = type("VolunteerProcess", (VolunteerProcess,), {"place": place})
    c.Spawner.env_keep = []
    c.Spawner.default_url = "/lab/tree/welcome.ipynb"
    c.Spawner.disable_user_config = True
    c.Spawner.start_timeout = 600
    c.Spawner.http_timeout = 120
    c.Spawner.poll_interval = 15
