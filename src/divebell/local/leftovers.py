"""Find and stop every process that belongs to one event, and no other."""

from __future__ import annotations

import os

import psutil

from divebell.event import State
from divebell.event.state import STATE_VARIABLE


def processes_of(state: State) -> list[psutil.Process]:
    """Give all running processes of an event, whoever their parent is by now.

    They are known by the state folder in their environment, which children inherit. The calling
    process and its ancestors are left out.
    """
    mine = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    wanted = str(state.folder)
    return [process for process in psutil.process_iter() if process.pid not in mine and _state(process) == wanted]


def stop_processes(processes: list[psutil.Process], *, seconds: float = 10) -> None:
    """End the processes: first with SIGTERM, after `seconds` with SIGKILL."""
    for process in processes:
        _signal(process, kill=False)
    _, stubborn = psutil.wait_procs(processes, timeout=seconds)
    for process in stubborn:
        _signal(process, kill=True)
    psutil.wait_procs(stubborn, timeout=seconds)


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return


def _state(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(STATE_VARIABLE) if process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, OSError):
        return None
