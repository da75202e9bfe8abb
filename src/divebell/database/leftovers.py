"""What an earlier server of the same cluster left behind: a PID file, sockets, sessions without a server."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from divebell.errors import DivebellError

STOPPING_SECONDS = 60
ORPHAN_SECONDS = 2


def clear_leftovers(data: Path, socket: Path) -> None:
    """Make way for a new server after an earlier one was killed; wait for one that is stopping.

    Raises DivebellError when a server runs on the cluster.
    """
    _wait(lambda: not (_is_stopping(data) and server_pid(data)), STOPPING_SECONDS)
    if pid := server_pid(data):
        raise DivebellError(
            f"PostgreSQL of this event already runs (process {pid})", next_step="divebell status"
        )
    _end_orphans(data)
    (data / "postmaster.pid").unlink(missing_ok=True)
    for file in socket.iterdir():
        file.unlink()


def processes_in(data: Path) -> list[int]:
    """Give the PostgreSQL processes, server and sessions, whose working folder is `data`."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if _works_in(entry, data)]


def _works_in(process: Path, data: Path) -> bool:
    if not process.name.isdigit():
        return False
    try:
        return (process / "exe").readlink().name.startswith("postgres") and (process / "cwd").samefile(data)
    except OSError:  # it has ended, or is another account's
        return False


def _pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def server_pid(data: Path) -> int | None:
    """Give the process of the cluster's running server.

    The PID file alone proves nothing: its number may be another process's now.
    """
    lines = _pid_file(data)
    pid = int(lines[0]) if lines and lines[0].strip().isdigit() else None
    return pid if pid in processes_in(data) else None


def _is_stopping(data: Path) -> bool:
    lines = _pid_file(data)
    return len(lines) > 7 and lines[7].strip() == "stopping"


def _end_orphans(data: Path) -> None:
    """End sessions whose server is gone: the memory they share with it keeps a new one from starting."""
    if _wait(lambda: not processes_in(data), ORPHAN_SECONDS):
        return
    for number in (signal.SIGQUIT, signal.SIGKILL):
        for pid in processes_in(data):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if _wait(lambda: not processes_in(data), ORPHAN_SECONDS):
            return


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
