"""Bring an event up, watch it, and take it down. Each step may be repeated: it converges."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from divebell._version import __version__
from divebell.database import prepare
from divebell.errors import DivebellError
from divebell.event import (
    Event,
    Ports,
    Secrets,
    State,
    ensure_secrets,
    load_secrets,
    renew_supervisor_password,
)
from divebell.event.state import write_private
from divebell.hub.proxy import traefik_files
from divebell.local.health import PartStatus, check_parts
from divebell.local.leftovers import is_notebook, processes_of, stop_processes
from divebell.local.machine import check_accounts
from divebell.local.ports import choose_ports
from divebell.local.programs import PARTS
from divebell.local.supervisor import Supervisor, start_supervisor

START_SECONDS = 120
"""How long the parts together may take to become ready."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Running:
    """An event that is up: what a caller needs to show it and to talk to it."""

    event: Event
    state: State
    ports: Ports
    secrets: Secrets
    was_running: bool

    @property
    def address(self) -> str:
        """Where people open the event."""
        return f"http://127.0.0.1:{self.ports.proxy}/"


def running_supervisor(state: State) -> Supervisor | None:
    """Give the supervisor of an event that is up, None when it is down."""
    if not (state.ports_file.exists() and state.secrets_file.exists()):
        return None
    supervisor = Supervisor(Ports.load(state), load_secrets(state))
    return supervisor if supervisor.answers() else None


def bring_up(event: Event, state: State, port: int | None, say: Say, *, ends_with_us: bool) -> Running:
    """Start whatever of the event does not run yet; return once every part has been started.

    An event that is up keeps running; parts whose configuration changed are started anew. With
    `ends_with_us` the event ends when the calling process is gone, even by kill -9.
    Raises DivebellError when a port is taken or PostgreSQL does not start.
    """
    _make_folders(state)
    check_accounts(state)
    with _only_one(state):
        supervisor = running_supervisor(state)
        if supervisor is not None:
            return _converge(event, state, port, supervisor, say)
        leftovers = [process for process in processes_of(state) if not is_notebook(process, state)]
        if leftovers:
            say(f"ending {len(leftovers)} processes that an earlier run left behind")
            stop_processes(leftovers, seconds=20)
        secrets = renew_supervisor_password(ensure_secrets(event, state), state)
        ports = choose_ports(state, port)
        ports.save(state)
        wanted_file(state).touch()
        say("starting PostgreSQL")
        supervisor = start_supervisor(state, ports, secrets, ends_with_us=ends_with_us)
        _start_parts(event, state, ports, secrets, supervisor, say)
        return Running(event, state, ports, secrets, was_running=False)


def _converge(event: Event, state: State, port: int | None, supervisor: Supervisor, say: Say) -> Running:
    ports = Ports.load(state)
    if port not in {None, ports.proxy}:
        raise DivebellError(
            f"the event is running at port {ports.proxy}",
            next_step=f"divebell down, then divebell up --port {port}",
        )
    secrets = ensure_secrets(event, state)
    if _fingerprint_file(state).exists() and _fingerprint_file(state).read_text() != _fingerprint(state):
        say("the event file has changed: starting hub, web and loader anew (notebooks keep running)")
        for part in ("hub", "web", "loader"):
            supervisor.stop(part)
    _start_parts(event, state, ports, secrets, supervisor, say)
    return Running(event, state, ports, secrets, was_running=True)


def _start_parts(
    event: Event, state: State, ports: Ports, secrets: Secrets, supervisor: Supervisor, say: Say
) -> None:
    supervisor.start("postgres")
    _wait_for_postgres(event, state)
    for path, text in traefik_files(state, secrets, ports).items():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, text)
    running = supervisor.processes()
    for part in PARTS:
        if part not in running:
            say(f"starting {part}")
            supervisor.start(part)
    _fingerprint_file(state).write_text(_fingerprint(state))


def _wait_for_postgres(event: Event, state: State) -> None:
    """Create or migrate the database as soon as the server takes connections."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            prepare(event, state)
        except DivebellError as error:
            if time.monotonic() > deadline:
                raise DivebellError(
                    f"PostgreSQL did not start within {START_SECONDS} s: {error.message}",
                    next_step="divebell logs postgres",
                ) from error
            time.sleep(0.2)
        else:
            return


def watch_start(state: State, ports: Ports) -> Iterator[tuple[PartStatus, ...]]:
    """Yield the state of all parts until they answer.

    Raises DivebellError with the parts that do not after `START_SECONDS`.
    """
    deadline = time.monotonic() + START_SECONDS
    while True:
        parts = check_parts(state, ports)
        yield parts
        if all(part.answers for part in parts):
            return
        if not wanted_file(state).exists():
            raise DivebellError("the event was taken down while it was starting", next_step="divebell up")
        if time.monotonic() > deadline:
            away = [part for part in parts if not part.answers]
            raise DivebellError(
                "; ".join(f"{part.name} is not ready: {part.detail}" for part in away),
                next_step=f"divebell logs {away[0].name}",
            )
        time.sleep(0.3)


def take_down(state: State, say: Say) -> int:
    """Stop everything that belongs to the event and nothing else; return how many processes that were."""
    wanted_file(state).unlink(missing_ok=True)
    everything = processes_of(state)
    if not everything:
        return 0
    notebooks = [process for process in everything if is_notebook(process, state)]
    if notebooks:
        say(f"stopping notebook servers ({len(notebooks)} processes)")
        stop_processes(notebooks)
    supervisor = running_supervisor(state)
    if supervisor is not None:
        say("stopping the parts")
        _stop_supervised(supervisor)
    stop_processes(processes_of(state), seconds=20)
    return len(everything)


def wait_until_down(state: State, *, seconds: float = 90) -> None:
    """Wait until somebody else has taken the event down."""
    deadline = time.monotonic() + seconds
    while processes_of(state) and time.monotonic() < deadline:
        time.sleep(0.2)


def _stop_supervised(supervisor: Supervisor) -> None:
    with contextlib.suppress(DivebellError):  # it may be shutting down already
        for part in reversed(PARTS):
            supervisor.stop(part)
        supervisor.shut_down()
    deadline = time.monotonic() + 10
    while supervisor.answers() and time.monotonic() < deadline:
        time.sleep(0.05)


def _fingerprint(state: State) -> str:
    """Give what changes when hub, web and loader must be started anew."""
    return hashlib.sha256(state.event_file.read_bytes() + __version__.encode()).hexdigest()


def _fingerprint_file(state: State) -> Path:
    return state.run / "event.sha256"


def wanted_file(state: State) -> Path:
    """There while the event is meant to be up; `down` takes it away first, so that nobody starts it again."""
    return state.run / "wanted"


def _make_folders(state: State) -> None:
    for folder in (state.folder, state.logs, state.run, state.hub, state.proxy, state.homes):
        folder.mkdir(mode=0o700, exist_ok=True)
    state.folder.chmod(0o700)


@contextlib.contextmanager
def _only_one(state: State) -> Iterator[None]:
    """Let one `up` at a time change this event; the lock goes with the process that holds it."""
    with (state.run / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DivebellError(
                "another `divebell up` is starting this event right now", next_step="divebell status"
            ) from error
        yield
