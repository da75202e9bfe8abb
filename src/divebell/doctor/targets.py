"""Things that really listen while a container tries to reach them: else a closed door would prove nothing."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_interface
from pathlib import Path

import psutil

from divebell.doctor.finding import CannotBeCheckedError

PATIENCE = 2.0
PUBLIC = "203.0.113.213"
"""In a network that is nobody's (RFC 5737): it stands for every public address."""
METADATA = "169.254.169.254"
"""Where clouds tell machines who they are, with keys."""
PRIVATE = ("10.213.7.9", "172.29.213.9", "192.168.213.9", "100.101.213.9", "169.254.213.9")
"""One address in each range that is not public."""

_LISTEN = """
import socket, sys
with socket.create_server(("", int(sys.argv[1]))) as listening:
    print("listening", flush=True)
    while True:
        listening.accept()[0].close()
"""


@dataclass(frozen=True)
class World:
    """Machines that stand around this one, as far as a container can tell."""

    port: int
    addresses: tuple[str, ...] = ()
    metadata: tuple[str, int] | None = None
    """The cloud's own service where it answers, else one that stands for it."""
    public: str | None = None
    left_out: tuple[str, ...] = field(default=())
    """Addresses that are in use around here."""


@contextmanager
def careless_service() -> Iterator[int]:
    """Listen at every address of this machine, as a careless service does; give the port."""
    with socket.create_server(("0.0.0.0", 0)) as listening:  # noqa: S104 - that is the point
        threading.Thread(target=_accept, args=(listening,), daemon=True).start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)


def _accept(listening: socket.socket) -> None:
    try:
        while True:
            listening.accept()[0].close()
    except OSError:
        return


@contextmanager
def world(key: str) -> Iterator[World]:
    """Put machines around this one for a moment: a network of their own, with addresses of every kind.

    Only root can. Nothing is put where anything else is.
    """
    port = 20_000 + secrets.randbelow(10_000)
    real = _answers(METADATA, 80)
    if os.geteuid() != 0 or shutil.which("ip") is None:
        yield World(port, metadata=(METADATA, 80) if real else None)
        return
    used = [each for each in PRIVATE if _is_used(each)]
    free = tuple(each for each in PRIVATE if each not in used)
    own_metadata = () if real or _is_used(METADATA) else (METADATA,)
    name = f"dvbdr-{key}"
    with ExitStack() as stack:
        stack.callback(_take_away, name)
        _put_up(name, f"dvbdp-{key}", (*free, *own_metadata, PUBLIC))
        stack.enter_context(_listening(name, port))
        for address in (*free, *own_metadata, PUBLIC):
            if not _answers(address, port):
                raise CannotBeCheckedError(f"what stands for another machine does not answer at {address}")
        metadata = (METADATA, 80) if real else (METADATA, port) if own_metadata else None
        yield World(port, free, metadata, PUBLIC, tuple(used))


def _put_up(outer: str, inner: str, addresses: Sequence[str]) -> None:
    """Make a network namespace behind a pair of interfaces, which has the addresses."""
    _take_away(outer)
    _ip("netns", "add", outer)
    _ip("link", "add", outer, "type", "veth", "peer", "name", inner)
    _ip("link", "set", inner, "netns", outer)
    for address in addresses:
        _ip("-n", outer, "address", "add", f"{address}/32", "dev", inner)
    _ip("-n", outer, "link", "set", inner, "up")
    _ip("-n", outer, "route", "add", "default", "dev", inner)
    _ip("link", "set", outer, "up")
    for address in addresses:
        _ip("route", "add", f"{address}/32", "dev", outer)


def _take_away(name: str) -> None:
    for words in (("link", "delete", name), ("netns", "delete", name)):
        subprocess.run(["ip", *words], capture_output=True, check=False)


@contextmanager
def _listening(name: str, port: int) -> Iterator[None]:
    with subprocess.Popen(
        ["ip", "netns", "exec", name, sys.executable, "-c", _LISTEN, str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            if process.stdout is None or not process.stdout.readline():
                raise CannotBeCheckedError("what stands for other machines does not listen")
            yield
        finally:
            process.kill()


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotBeCheckedError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def _answers(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=PATIENCE):
            return True
    except OSError:
        return False


def _is_used(address: str) -> bool:
    """Tell whether this machine has a way to an address that is more than the way to everywhere."""
    wanted = ip_address(address)
    every = [each for interface in psutil.net_if_addrs().values() for each in interface]
    networks = [
        ip_interface(f"{each.address}/{each.netmask}").network
        for each in every
        if each.family == socket.AF_INET and each.netmask
    ]
    leads_there = any(_leads_to(line.split(), int(wanted)) for line in _routes())
    return leads_there or any(wanted in network for network in networks)


def _routes() -> list[str]:
    return Path("/proc/net/route").read_text().splitlines()[1:]


def _leads_to(route: Sequence[str], address: int) -> bool:
    target, mask = (int.from_bytes(bytes.fromhex(route[n]), "little") for n in (1, 7))
    return mask != 0 and address & mask == target
