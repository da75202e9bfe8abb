"""What the kernel knows of processes and ports: who still runs, who listens, which port is free."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path

_LISTEN = "0A"
_LOOPBACK = "0100007F"


def identity(pid: int) -> str | None:
    """Give what no other process has had or will have: boot and start time. None when it does not run.

    A process number alone is given away again after a while, and after a reboot at once.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else f"{boot}:{pid}:{fields[19]}"


def listener_uid(port: int) -> int | None:
    """Give the uid of the process that listens on a loopback port, None when nothing does."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        address, _, hexadecimal = fields[1].partition(":")
        if fields[3] == _LISTEN and int(hexadecimal, 16) == port and address == _LOOPBACK:
            return int(fields[7])
    return None


def free_port(candidates: Iterable[int]) -> int | None:
    """Give the first port that nothing listens on."""
    for port in candidates:
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    return None
