"""Start the supervisor of one event and talk to it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import xmlrpc.client
from http.client import HTTPException
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from divebell.errors import DivebellError
from divebell.event import Ports, Secrets, State
from divebell.event.state import STATE_VARIABLE
from divebell.local.programs import programs, supervisor_configuration

_AWAY = (OSError, HTTPException, xmlrpc.client.ProtocolError)
_NOT_RUNNING, _ALREADY_STARTED = 70, 60  # supervisor.xmlrpc.Faults


class Supervisor:
    """One event's supervisord, over its own interface. Every call may raise DivebellError when it is away."""

    def __init__(self, ports: Ports, secrets: Secrets) -> None:
        server = f"http://127.0.0.1:{ports.supervisor}"
        self._transport = SupervisorTransport("divebell", secrets.supervisor_password, server)
        self._rpc: Any = xmlrpc.client.ServerProxy(server, transport=self._transport).supervisor

    def answers(self) -> bool:
        """Tell whether the supervisor is there and takes orders."""
        try:
            return self._rpc.getState()["statename"] in {"RUNNING", "RESTARTING"}
        except _AWAY:
            self._transport.close()  # a connection that failed once is never usable again
            return False

    def processes(self) -> dict[str, int]:
        """Give the process id of each part that runs."""
        try:
            return {info["name"]: info["pid"] for info in self._rpc.getAllProcessInfo() if info["pid"]}
        except _AWAY as error:
            raise DivebellError("the supervisor of this event is away", next_step="divebell up") from error

    def start(self, part: str) -> None:
        """Start a part; nothing happens when it runs already."""
        self._order(self._rpc.startProcess, part, harmless=_ALREADY_STARTED)

    def stop(self, part: str) -> None:
        """Stop a part and wait for it; nothing happens when it does not run."""
        self._order(self._rpc.stopProcess, part, harmless=_NOT_RUNNING)

    def shut_down(self) -> None:
        """Ask the supervisor to stop every part, then itself."""
        try:
            self._rpc.shutdown()
        except (*_AWAY, xmlrpc.client.Fault):
            return

    def _order(self, call: Any, part: str, *, harmless: int) -> None:
        try:
            call(part, True)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != harmless:
                raise DivebellError(
                    f"the supervisor could not do that to '{part}': {fault.faultString}",
                    next_step=f"divebell logs {part}",
                ) from fault
        except _AWAY as error:
            raise DivebellError("the supervisor of this event is away", next_step="divebell up") from error


def start_supervisor(
    state: State, ports: Ports, secrets: Secrets, *, ends_with_us: bool, seconds: float = 15
) -> Supervisor:
    """Write the supervisor's configuration, start it in a session of its own and wait until it answers."""
    tether = ["setpriv", "--pdeathsig", "TERM", "--"] if ends_with_us else []
    configuration = state.run / "supervisord.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(supervisor_configuration(programs(), ports, secrets))
    with (state.logs / "supervisor.out").open("wb") as output:
        process = subprocess.Popen(
            [*tether, sys.executable, "-m", "supervisor.supervisord", "-c", str(configuration)],
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
