"""Start the supervisor of one event and talk to it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import xmlrpc.client
from http.client import HTTPException
from typing import Any, Protocol

from supervisor.xmlrpc import Faults, SupervisorTransport

from divebell.errors import DivebellError
from divebell.event import Ports, Secrets, State
from divebell.event.state import STATE_VARIABLE, write_private
from divebell.local.programs import programs, supervisor_configuration

_AWAY = (OSError, HTTPException, xmlrpc.client.ProtocolError)


class Supervision(Protocol):
    """What starts the parts of one event and starts them again when they end."""

    def answers(self) -> bool:
        """Tell whether it is there and takes orders."""

    def processes(self) -> dict[str, int]:
        """Give the process id of each part that runs."""

    def start(self, part: str) -> None:
        """Start a part; nothing happens when it runs already."""

    def stop(self, part: str) -> None:
        """Stop a part and wait for it; nothing happens when it does not run."""

    def shut_down(self) -> None:
        """Stop every part, and start none of them again."""


class Supervisor:
    """One event's supervisord, over its own interface."""

    def __init__(self, ports: Ports, secrets: Secrets) -> None:
        self._server = f"http://127.0.0.1:{ports.supervisor}"
        self._password = secrets.supervisor_password

    def answers(self) -> bool:
        """Tell whether the supervisor is there and takes orders; one that shuts down does not."""
        try:
            return bool(self._call("getState")["statename"] in {"RUNNING", "RESTARTING"})
        except (*_AWAY, xmlrpc.client.Fault):
            return False

    def processes(self) -> dict[str, int]:
        """Give the process id of each part that runs. Raises DivebellError when the supervisor is away."""
        try:
            return {info["name"]: info["pid"] for info in self._call("getAllProcessInfo") if info["pid"]}
        except (*_AWAY, xmlrpc.client.Fault) as error:
            raise _away() from error

    def start(self, part: str) -> None:
        """Start a part; nothing happens when it runs already."""
        self._order("startProcess", part, harmless=Faults.ALREADY_STARTED)

    def stop(self, part: str) -> None:
        """Stop a part and wait for it; nothing happens when it does not run."""
        self._order("stopProcess", part, harmless=Faults.NOT_RUNNING)

    def shut_down(self) -> None:
        """Ask the supervisor to stop every part, then itself."""
        with contextlib.suppress(*_AWAY, xmlrpc.client.Fault):
            self._call("shutdown")

    def _order(self, verb: str, part: str, *, harmless: int) -> None:
        try:
            self._call(verb, part)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == Faults.SHUTDOWN_STATE:
                raise _away() from fault
            if fault.faultCode != harmless:
                raise DivebellError(
                    f"the supervisor could not do that to '{part}': {fault.faultString}",
                    next_step=f"divebell logs {part}",
                ) from fault
        except _AWAY as error:
            raise _away() from error

    def _call(self, verb: str, *arguments: str) -> Any:
        transport = SupervisorTransport("divebell", self._password, self._server)
        try:
            proxy = xmlrpc.client.ServerProxy(self._server, transport=transport)
            return getattr(proxy.supervisor, verb)(*arguments)
        finally:
            transport.close()


def _away() -> DivebellError:
    return DivebellError("the supervisor of this event is away", next_step="divebell up")


def start_supervisor(
    state: State, ports: Ports, secrets: Secrets, *, ends_with_us: bool, seconds: float = 60
) -> Supervisor:
    """Write the supervisor's configuration, start it in a session of its own and wait until it answers."""
    tether = ["setpriv", "--pdeathsig", "TERM", "--"] if ends_with_us else []
    configuration = state.run / "supervisord.conf"
    write_private(configuration, supervisor_configuration(programs(), ports, secrets))
    with (state.logs / "supervisor.out").open("wb") as output:
        process = subprocess.Popen(
            [*tether, sys.executable, "-m", "divebell.local.supervise", "-c", str(configuration)],
            cwd=state.folder,
            env=os.environ | {STATE_VARIABLE: str(state.folder), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    supervisor = Supervisor(ports, secrets)
    deadline = time.monotonic() + seconds
    while not supervisor.answers():
        if process.poll() is not None or time.monotonic() > deadline:
            raise DivebellError(
                f"the supervisor did not start: {(state.logs / 'supervisor.out').read_text()[-500:].strip()}",
                next_step=f"look at {state.logs / 'supervisor.log'}",
            )
        time.sleep(0.05)
    return supervisor
