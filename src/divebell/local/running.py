"""Bring an event up, watch it, and take it down. Each step may be repeated: it converges."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from divebell import disks
from divebell.containers import setup
from divebell.database import prepare
from divebell.errors import DivebellError
from divebell.event import (
    Event,
    Ports,
    Secrets,
    Service,
    State,
    ensure_secrets,
    load_secrets,
    renew_supervisor_password,
)
from divebell.local.fingerprints import fingerprints, last_ones, remember
from divebell.local.health import PartStatus, check_parts
from divebell.local.leftovers import is_notebook, processes_of, stop_processes
from divebell.local.machine import check_accounts
from divebell.local.ports import choose_ports, complete_ports
from divebell.local.programs import PARTS
from divebell.local.ready import make_folders, make_ready, may_notebooks_stay
from divebell.local.supervisor import Supervision, Supervisor, start_supervisor
from divebell.local.systemd import Systemd

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
    changed: tuple[str, ...] = ()
    """What had to be done, in a few words each."""

    @property
    def address(self) -> str:
        """Where people open the event."""
        return public_address(self.state, self.ports)

    @property
    def goes_on(self) -> bool:
        """Whether it runs as services, which no terminal holds up."""
        return Service.load(self.state) is not None


def public_address(state: State, ports: Ports) -> str:
    """Give where people open the event: on a server, through the web server in front of it."""
    served = Service.load(state)
    return served.address if served else f"http://127.0.0.1:{ports.proxy}/"


def running_supervisor(state: State) -> Supervision | None:
    """Give the supervisor of an event that is up, None when it is down."""
    if not (state.ports_file.exists() and state.secrets_file.exists()):
        return None
    supervisor: Supervision = (
        Systemd() if Service.load(state) else Supervisor(Ports.load(state), load_secrets(state))
    )
    return supervisor if supervisor.answers() else None


def bring_up(event: Event, state: State, port: int | None, say: Say, *, ends_with_us: bool) -> Running:
    """Start whatever of the event does not run yet; return once every part has been started.

    An event that is up keeps running; parts whose configuration changed are started anew. With
    `ends_with_us` the event ends when the calling process is gone, even by kill -9; not so on a server.
    Raises DivebellError when a port is taken or PostgreSQL does not start.
    """
    make_folders(state)
    check_accounts(state)
    with only_one(state, "up"):
        supervisor = running_supervisor(state)
        if supervisor is None:
            return _begin(event, state, port, say, ends_with_us=ends_with_us)
        ports = complete_ports(Ports.load(state))
        if port not in {None, ports.proxy}:
            raise DivebellError(
                f"the event is running at port {ports.proxy}",
                next_step=f"divebell down, then divebell up --port {port}",
            )
        may_notebooks_stay(event, state)
        ports.save(state)
        secrets = ensure_secrets(event, state)
        changed = make_ready(event, state, ports, secrets, say)
        changed += _stop_stale(fingerprints(event, state, secrets), state, supervisor, say)
        running = Running(event, state, ports, secrets, was_running=True)
        return replace(running, changed=_in_short((*changed, *_start_parts(running, supervisor, say))))


def _begin(event: Event, state: State, port: int | None, say: Say, *, ends_with_us: bool) -> Running:
    if Service.load(state) is None:
        _end_leftovers(state, say)
    secrets = renew_supervisor_password(ensure_secrets(event, state), state)
    ports = choose_ports(state, port)
    ports.save(state)
    changed = make_ready(event, state, ports, secrets, say)
    wanted_file(state).touch()
    say("starting PostgreSQL")
    running = Running(event, state, ports, secrets, was_running=False)
    supervisor = _begin_supervision(running, ends_with_us=ends_with_us)
    return replace(running, changed=(*changed, *_start_parts(running, supervisor, say)))


def _begin_supervision(running: Running, *, ends_with_us: bool) -> Supervision:
    if Service.load(running.state) is None:
        return start_supervisor(running.state, running.ports, running.secrets, ends_with_us=ends_with_us)
    supervisor = Systemd()
    supervisor.begin()
    return supervisor


def _end_leftovers(state: State, say: Say) -> None:
    leftovers = [process for process in processes_of(state) if not is_notebook(process, state)]
    if leftovers:
        say(f"ending {len(leftovers)} processes that an earlier run left behind")
        stop_processes(leftovers, seconds=20)


def _stop_stale(wanted: dict[str, str], state: State, supervisor: Supervision, say: Say) -> list[str]:
    """Stop the parts that were started with something else than what they would read now."""
    before, running = last_ones(state), supervisor.processes()
    stale = [part for part in PARTS if part in running and before.get(part) != wanted[part]]
    if stale:
        say(f"what these were started with has changed: {', '.join(stale)} (notebooks keep running)")
    for part in stale:
        supervisor.stop(part)
    return [f"{part} stopped" for part in stale]


def _start_parts(running: Running, supervisor: Supervision, say: Say) -> list[str]:
    """Start the parts that do not run; give what has been done."""
    event, state = running.event, running.state
    before = supervisor.processes() if running.was_running else {}
    supervisor.start("postgres")
    done = [f"database migrated: {name}" for name in _wait_for_postgres(event, state)]
    now = supervisor.processes()
    for part in PARTS:
        if part not in now:
            say(f"starting {part}")
            supervisor.start(part)
    remember(state, fingerprints(event, state, running.secrets))
    return [*done, *(f"{part} started" for part in PARTS if part not in before)]


def _in_short(changed: tuple[str, ...]) -> tuple[str, ...]:
    """Call what was stopped and started restarted."""
    again = {part for part in PARTS if {f"{part} stopped", f"{part} started"} <= set(changed)}
    words = (one for one in changed if one not in {f"{part} stopped" for part in again})
    return tuple(one.replace(" started", " restarted") if one.split()[0] in again else one for one in words)


def _wait_for_postgres(event: Event, state: State) -> list[str]:
    """Create or migrate the database as soon as the server takes connections; give the migrations it took."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return prepare(event, state)
        except DivebellError as error:
            if time.monotonic() > deadline:
                raise DivebellError(
                    f"PostgreSQL did not start within {START_SECONDS} s: {error.message}",
                    next_step="divebell logs postgres",
                ) from error
            time.sleep(0.2)


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
        if running_supervisor(state) is None:
            raise DivebellError("the supervisor ended while the event was starting", next_step="divebell up")
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
    containers = setup.take_down(state, say)
    if containers:
        say(f"stopped {containers} notebook servers in containers")
    everything = processes_of(state)
    notebooks = [process for process in everything if is_notebook(process, state)]
    if notebooks:
        say(f"stopping notebook servers ({len(notebooks)} processes)")
        stop_processes(notebooks)
    supervisor = running_supervisor(state)
    if supervisor is not None:
        say("stopping the parts")
        _stop_supervised(supervisor)
    stop_processes(processes_of(state), seconds=20)
    for folder in disks.mounted_below(state.folder):
        disks.release(folder)
    return len(everything) + containers


def wait_until_down(state: State, *, seconds: float = 90) -> None:
    """Wait until somebody else has taken the event down."""
    deadline = time.monotonic() + seconds
    while processes_of(state) and time.monotonic() < deadline:
        time.sleep(0.2)


def _stop_supervised(supervisor: Supervision) -> None:
    with contextlib.suppress(DivebellError):  # it may be shutting down already
        for part in reversed(PARTS):
            supervisor.stop(part)
        supervisor.shut_down()
    deadline = time.monotonic() + 10
    while supervisor.answers() and time.monotonic() < deadline:
        time.sleep(0.05)


def wanted_file(state: State) -> Path:
    """There while the event is meant to be up; `down` takes it away first, so that nobody starts it again."""
    return state.run / "wanted"


@contextlib.contextmanager
def only_one(state: State, verb: str) -> Iterator[None]:
    """Let one command of a kind at a time work on this event; the lock goes with the process holding it."""
    with (state.run / f"{verb}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DivebellError(
                f"another `divebell {verb}` is at work on this event right now", next_step="divebell status"
            ) from error
        yield
