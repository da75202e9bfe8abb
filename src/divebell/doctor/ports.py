"""Who can reach what over the network: every socket of the event, tried and looked at."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import stat
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path

import psutil

from divebell.doctor.finding import CannotBeCheckedError, Check, DoesNotApplyError, Hole
from divebell.doctor.patient import Patient

PATIENCE = 1.0
WEB_PORTS = frozenset({80, 443})
"""What an event with an `address` shows to the world."""
ENGINE_SOCKETS = (Path("/run/docker.sock"), Path("/var/run/docker.sock"))


@dataclass(frozen=True)
class Listener:
    """A socket that waits for others."""

    program: str
    pid: int
    kind: str
    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.program} (process {self.pid}) at {self.kind} {self.address} port {self.port}"


def is_loopback(address: str) -> bool:
    """Tell whether only this machine reaches an address."""
    parsed = ip_address(address.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback


@contextmanager
def listeners(patient: Patient) -> Iterator[tuple[Listener, ...]]:
    """Give every socket of the event's processes on this machine that waits for others."""
    yield tuple(listeners_of(patient.processes))


def listeners_of(pids: Iterable[int]) -> Iterator[Listener]:
    """Give the sockets that wait for others, without processes in a network of their own, a container's."""
    ours = os.stat("/proc/self/ns/net").st_ino  # noqa: PTH116 - a link that leads to no path
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            if os.stat(f"/proc/{pid}/ns/net").st_ino != ours:  # noqa: PTH116
                continue
            process = psutil.Process(pid)
            for each in process.net_connections("inet"):
                waits = {socket.SOCK_STREAM: psutil.CONN_LISTEN, socket.SOCK_DGRAM: psutil.CONN_NONE}
                if each.status == waits.get(each.type) and len(each.laddr) and not len(each.raddr):
                    kind = "tcp" if each.type == socket.SOCK_STREAM else "udp"
                    yield Listener(process.name(), pid, kind, each.laddr.ip, each.laddr.port)


def listening(patient: Patient) -> Iterator[Hole]:
    """Look at the address of every socket."""
    found = patient.shared(listeners)
    if not found:
        raise CannotBeCheckedError(
            "no listening process of the event was found: run as the account that ran up"
        )
    for each in found:
        if not _allowed(each, patient):
            yield Hole(f"{each} can be reached from other machines", _end(each))


def _allowed(each: Listener, patient: Patient) -> bool:
    if is_loopback(each.address):
        return True
    if patient.containers is not None and each.address == patient.containers.gateway:
        return True
    return patient.event.address is not None and each.kind == "tcp" and each.port in WEB_PORTS


def _end(each: Listener) -> str:
    return (
        f"kill {each.pid}, and make it listen on 127.0.0.1; a part of the event: divebell down, divebell up"
    )


def postgres(patient: Patient) -> Iterator[Hole]:
    """Look at PostgreSQL's own sockets."""
    found = [each for each in patient.shared(listeners) if each.program.startswith("postgres")]
    if not found:
        raise CannotBeCheckedError("PostgreSQL listens nowhere that this account can see")
    gateway = {patient.containers.gateway} if patient.containers else set()
    for each in found:
        wrong = each.address not in {"127.0.0.1", *gateway} or each.port != patient.ports.postgres
        if wrong and each.kind == "tcp":
            yield Hole(f"PostgreSQL listens at {each.address} port {each.port}")


def reachable(patient: Patient) -> Iterator[Hole]:
    """Try every port of the event at every address other machines know this one by."""
    gateway = patient.containers.gateway if patient.containers else None
    addresses = [address for address in machine_addresses() if address != gateway]
    if not addresses:
        raise DoesNotApplyError("this machine has no address but loopback")
    open_ones = WEB_PORTS if patient.event.address is not None else frozenset()
    tries = [(address, port) for address in addresses for port in sorted(_ports(patient) - open_ones)]
    if gateway is not None:
        inside = {patient.ports.postgres, patient.ports.inside, patient.ports.packages}
        tries += [(gateway, port) for port in sorted(_ports(patient) - inside)]
    with ThreadPoolExecutor(32) as pool:
        for (address, port), answered in zip(tries, pool.map(answers, tries), strict=True):
            if answered:
                yield Hole(f"port {port} of the event answers at {address}")


def _ports(patient: Patient) -> set[int]:
    known = {getattr(patient.ports, field.name) for field in dataclasses.fields(patient.ports)}
    heard = {each.port for each in patient.shared(listeners) if each.kind == "tcp"}
    return (known | heard) - {0, patient.ports.notebooks}


def machine_addresses() -> list[str]:
    """Give the addresses of this machine's interfaces, loopback left out."""
    families = {socket.AF_INET, socket.AF_INET6}
    every = [
        each for interface in psutil.net_if_addrs().values() for each in interface if each.family in families
    ]
    return [each.address for each in every if not is_loopback(each.address)]


def answers(where: tuple[str, int]) -> bool:
    """Tell whether something takes a connection there."""
    try:
        with socket.create_connection(where, timeout=PATIENCE):
            return True
    except OSError:
        return False


def engine(patient: Patient) -> Iterator[Hole]:
    """Look at how the Docker engine takes orders."""
    del patient
    engines = [process.pid for process in psutil.process_iter() if _name(process) == "dockerd"]
    sockets = [path for path in ENGINE_SOCKETS if path.is_socket()]
    if not engines and not sockets:
        raise DoesNotApplyError("no Docker engine runs on this machine")
    try:
        for each in listeners_of(engines):
            if each.kind == "tcp":
                yield Hole(f"the Docker engine takes orders at {each.address} port {each.port}")
    except psutil.AccessDenied:
        raise CannotBeCheckedError("only root sees the engine's sockets") from None
    for path in dict.fromkeys(path.resolve() for path in sockets):
        if path.stat().st_mode & stat.S_IWOTH:
            yield Hole(f"every account of this machine may use {path}", f"chmod o-rwx {path}")


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return ""


CHECKS = (
    Check(
        "ports.listening",
        "every process of the event listens on this machine only, or on the containers' gateway",
        "what listens on a public address skips the proxy, its sign-in and its limits",
        "end that process; a part of the event: divebell down {folder}, then divebell up {folder}",
        listening,
    ),
    Check(
        "ports.postgres",
        "PostgreSQL listens on 127.0.0.1 and the containers' gateway, at its own port",
        "guessing passwords and exhausting connections needs nothing but an open port",
        "ALTER SYSTEM RESET listen_addresses, then divebell down {folder} and divebell up {folder}",
        postgres,
    ),
    Check(
        "ports.reachable",
        "no port of the event answers at this machine's other addresses",
        "hub, proxy API, supervisor and database trust that only this machine reaches them",
        "divebell down {folder}, then divebell up {folder}; take away port forwardings (iptables -t nat -S)",
        reachable,
    ),
    Check(
        "ports.engine",
        "the Docker engine takes orders over its socket alone, from root and its group alone",
        "who may talk to the engine is root on this machine",
        "remove tcp:// from `hosts` in /etc/docker/daemon.json or from dockerd's command; restart docker",
        engine,
    ),
)
