"""Be the event's supervisor: ``python -m divebell.local.supervise``, with supervisord's own arguments.

A part that restarts lets go of its port for a moment, and whoever took it then would be sent passwords and
cookies: on this machine any volunteer's process. So the supervisor keeps the ports bound all the time and
never listens. The parts bind them besides (SO_REUSEPORT), which Linux allows to the same account alone.
"""

from __future__ import annotations

import fcntl
import os
import resource
import socket
from collections.abc import Iterable
from pathlib import Path

from supervisor import supervisord

from divebell.event import Ports, State
from divebell.event.state import STATE_VARIABLE

_ABOVE = 1024
"""supervisord closes every descriptor below its `minfds` when it starts."""


def keep_ports(ports: Iterable[int]) -> list[int]:
    """Keep loopback ports from other accounts for as long as the descriptors given stay open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2 * _ABOVE)), hard))
    return [_kept(port) for port in ports]


def _kept(port: int) -> int:
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        keeper.bind(("127.0.0.1", port))
        return fcntl.fcntl(keeper.fileno(), fcntl.F_DUPFD_CLOEXEC, _ABOVE)


def main() -> None:
    """Keep the ports, then do as supervisord does."""
    ports = Ports.load(State(Path(os.environ[STATE_VARIABLE])))
    keep_ports((ports.proxy, ports.proxy_api, ports.hub, ports.web))
    supervisord.main()


if __name__ == "__main__":
    main()
