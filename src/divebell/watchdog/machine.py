"""What is left of this machine's disk and memory, and what a session takes of it."""

from __future__ import annotations

import os
from pathlib import Path

from divebell.watchdog.rules import Machine

_MEGABYTE = 1024**2


def look(folder: Path) -> Machine:
    """Look at the disk `folder` lies on, and at memory."""
    disk = os.statvfs(folder)
    total, free = disk.f_frsize * disk.f_blocks, disk.f_frsize * disk.f_bavail
    memory = _memory()
    return Machine(
        disk_short=free < disk_reserve(total),
        memory_short=memory.get("MemAvailable", 1) < memory.get("MemTotal", 0) // 16,
    )


def disk_reserve(total: int) -> int:
    """Give how much of a disk of `total` bytes is kept for the event's own data and the write-ahead log."""
    return min(max(total // 50, 512 * _MEGABYTE), 2048 * _MEGABYTE)


def memory_of(pid: int) -> int:
    """Give the memory in bytes that a process has for itself; 0 where it is gone or not ours to look at."""
    try:
        words = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return (int(words[1]) - int(words[2])) * os.sysconf("SC_PAGE_SIZE")


def _memory() -> dict[str, int]:
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines}
