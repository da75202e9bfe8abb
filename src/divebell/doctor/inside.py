"""What is tried from inside a container: a script of its own, which the image's Python runs.

It gets its orders as JSON in its first argument and prints what it found as JSON. It needs only Python.
"""

from __future__ import annotations

import http.client
import json
import os
import resource
import socket
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PATIENCE = 3.0
REACHED = "reached"
LIMIT_FILES = {
    "memory": ("memory.max", "memory/memory.limit_in_bytes"),
    "pids": ("pids.max", "pids/pids.max"),
    "cpu": ("cpu.max", "cpu/cpu.cfs_quota_us"),
}
"""Where a limit stands below /sys/fs/cgroup, in the second and in the first version of control groups."""


def main(orders: dict[str, Any]) -> dict[str, Any]:
    """Try everything."""
    with ThreadPoolExecutor(32) as pool:
        reached = pool.map(lambda where: reach(where[0], where[1]), orders["reach"].values())
        asked = pool.map(lambda where: ask(*where), orders["ask"].values())
        secured = pool.map(shake, orders["shake"])
        return {
            "reach": dict(zip(orders["reach"], reached, strict=True)),
            "ask": dict(zip(orders["ask"], asked, strict=True)),
            "shake": dict(zip(orders["shake"], secured, strict=True)),
            "write": {path: write(Path(path)) for path in orders["write"]},
            "read_only": {path: read_only(path) for path in orders["write"]},
            "sockets": [path for path in orders["sockets"] if Path(path).exists()],
            "ids": [*os.getresuid(), *os.getresgid(), *os.getgroups()],
            "status": status(),
            "limits": limits(),
            "versions": versions(orders["versions"]),
        }


def reach(host: str, port: int) -> str:
    """Try to connect; give the error otherwise."""
    try:
        with socket.create_connection((host, port), timeout=PATIENCE):
            return REACHED
    except OSError as error:
        return type(error).__name__


def ask(host: str, port: int, path: str) -> int | str:
    """Ask for a page; give the answer's status."""
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()


def shake(host: str) -> str:
    """Shake hands over TLS as pip does."""
    try:
        with (
            socket.create_connection((host, 443), timeout=2 * PATIENCE) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host),
        ):
            return REACHED
    except OSError as error:
        return f"{type(error).__name__}: {error}"


def write(folder: Path) -> str:
    """Try to write in a folder."""
    file = folder / ".divebell-doctor"
    try:
        file.write_text("x")
        file.unlink()
    except OSError as error:
        return error.strerror or type(error).__name__
    return "written"


def read_only(folder: str) -> bool:
    """Tell whether nobody at all could write in a folder."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def status() -> dict[str, str]:
    """Give what the kernel says of this process."""
    lines = (line.partition(":") for line in Path("/proc/self/status").read_text().splitlines())
    wanted = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"}
    return {name: value.strip() for name, _, value in lines if name in wanted}


def limits() -> dict[str, int | None]:
    """Give the limits in force; None where there is none."""
    found: dict[str, int | None] = {"nofile": resource.getrlimit(resource.RLIMIT_NOFILE)[1]}
    for name, places in LIMIT_FILES.items():
        files = [Path("/sys/fs/cgroup") / place for place in places]
        text = next((file.read_text().split()[0] for file in files if file.exists()), "max")
        number = int(text) if text.lstrip("-").isdigit() else -1
        found[name] = number if 0 < number < 2**62 else None
    return found


def versions(names: list[str]) -> dict[str, str]:
    """Give the versions of the packages that are there."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
