"""How much memory a process of the server may take: a query that asks for more fails, the server stays."""

from __future__ import annotations

import contextlib
import os
import resource
from pathlib import Path

from divebell.database.settings import Server

_GIGABYTE = 1024**3

PROGRAM_BYTES = _GIGABYTE // 2
"""Addresses of the program with PostGIS and its libraries, and of what sessions share besides the buffers."""
LEAST_SHARE = _GIGABYTE
"""A single value may have a gigabyte in PostgreSQL; smaller would refuse what works elsewhere."""


def machine_memory() -> int:
    """Give this machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def address_space(server: Server) -> int:
    """Give the limit in bytes for each process of the server: what all share, an eighth of the machine."""
    slots = server.max_connections * (server.locks_per_connection * 300 + 20_000)
    share = max(server.memory_bytes // 8, LEAST_SHARE)
    return server.shared_buffers + slots + PROGRAM_BYTES + share


def limit_ourselves(server: Server) -> None:
    """Limit this process and every one that comes from it."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    wanted = address_space(server)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, wanted))


def spare_the_server(environment: dict[str, str]) -> dict[str, str]:
    """Let the kernel, should memory run out all the same, end a session and not the server.

    Give the environment for that; where this account may not ask for it, nothing changes.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("-900")
        return {**environment, "PG_OOM_ADJUST_FILE": "/proc/self/oom_score_adj", "PG_OOM_ADJUST_VALUE": "0"}
    return environment
