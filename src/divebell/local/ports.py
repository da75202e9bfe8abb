"""Choose the loopback ports of an event and keep them from one run to the next."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace

import psutil

from divebell.errors import DivebellError
from divebell.event import Ports, State
from divebell.event.state import NOTEBOOK_PORTS

DEFAULT_PORT = 8000
NOTEBOOKS_FROM, NOTEBOOKS_TO = 20000, 32000
"""Below Linux' usual ephemeral range (32768 on), so that an outgoing connection never takes one."""

IsFree = Callable[[int], bool]


def is_free(port: int) -> bool:
    """Tell whether nothing listens on the loopback `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_ports(state: State, wanted: int | None, free: IsFree = is_free) -> Ports:
    """Give the ports to run on: those of the last run where they are free, new ones where not.

    Raises DivebellError when the port people open is taken: that one is never changed silently.
    """
    last = Ports.load(state) if state.ports_file.exists() else None
    public = wanted or (last.proxy if last else DEFAULT_PORT)
    if not free(public):
        raise DivebellError(
            f"port {public} is already in use{_holder(public)}",
            next_step=f"stop that, or choose another port: divebell up --port {_next_free(public, free)}",
        )
    if last is None:
        proxy_api, hub, web, postgres, *rest = _unused(7, public)
        return Ports(public, proxy_api, hub, web, postgres, _notebook_range(free), *rest)
    kept = replace(last, proxy=public)
    for part in ("proxy_api", "hub", "web", "postgres", "supervisor", "inside", "packages"):
        port = getattr(kept, part)
        if port in {public, 0} or not free(port):
            kept = replace(kept, **{part: _unused(1, public)[0]})
    return kept


def choose_ports_beside(state: State) -> Ports:
    """Give an event that is not to start now its first ports; `up` looks whether the public one is free."""
    return choose_ports(state, None, lambda port: port == DEFAULT_PORT or is_free(port))


def complete_ports(ports: Ports) -> Ports:
    """Give ports to what an earlier divebell knew nothing of."""
    missing = [name for name in ("inside", "packages") if not getattr(ports, name)]
    return replace(ports, **dict(zip(missing, _unused(len(missing), ports.proxy), strict=True)))


def _unused(count: int, avoid: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count + 1)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [port for each in sockets if (port := each.getsockname()[1]) != avoid][:count]
    finally:
        for each in sockets:
            each.close()


def _notebook_range(free: IsFree) -> int:
    for first in range(NOTEBOOKS_FROM, NOTEBOOKS_TO, NOTEBOOK_PORTS):
        if all(free(port) for port in range(first, first + NOTEBOOK_PORTS)):
            return first
    raise DivebellError(
        f"no {NOTEBOOK_PORTS} consecutive ports are free between {NOTEBOOKS_FROM} and {NOTEBOOKS_TO}",
        next_step="stop what listens there (ss -ltnp shows it) and run `divebell up` again",
    )


def _next_free(port: int, free: IsFree) -> int:
    return next((candidate for candidate in range(port + 1, port + 100) if free(candidate)), port + 100)


def _holder(port: int) -> str:
    """Say which process listens on `port`, as far as this account may know."""
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and getattr(connection.laddr, "port", 0) == port
            if listens and connection.pid is not None:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, PermissionError):
        pass
    return ""
