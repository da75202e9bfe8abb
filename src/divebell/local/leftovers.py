"""Find and stop every process that belongs to one event, and no other."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from divebell.database.account import own_uids
from divebell.event import State
from divebell.event.state import STATE_VARIABLE


def processes_of(state: State) -> list[psutil.Process]:
    """Give all running processes of an event, whoever their parent is by now.

    They are known by the state folder in their environment, which children inherit, or by a volunteer's own
    account, which they cannot throw off. The calling process and its ancestors are left out.
    """
    mine = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    wanted, volunteers = str(state.folder), own_uids(state.homes)
    return [
        process
        for process in psutil.process_iter()
        if process.pid not in mine
        and not _has_ended(process)
        and (_variable(process, STATE_VARIABLE) == wanted or _account(process) in volunteers)
    ]


def is_notebook(process: psutil.Process, state: State) -> bool:
    """Tell whether a process of the event works for a volunteer: by account, or home below the homes."""
    if _account(process) in own_uids(state.homes):
        return True
    home = _variable(process, "HOME")
    return home is not None and Path(home).is_relative_to(state.homes)


def stop_processes(processes: list[psutil.Process], *, seconds: float = 10) -> None:
    """End the processes: first with SIGTERM, after `seconds` with SIGKILL."""
    for process in processes:
        _signal(process, kill=False)
    _, stubborn = psutil.wait_procs(processes, timeout=seconds)
    for process in stubborn:
        _signal(process, kill=True)
    psutil.wait_procs(stubborn, timeout=seconds)


def _has_ended(process: psutil.Process) -> bool:
    """Tell whether it is gone, also where whoever has to bury it has not done so."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return True


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return


def _account(process: psutil.Process) -> int | None:
    try:
        return int(process.uids().real)
    except psutil.Error:
        return None


def _variable(process: psutil.Process, name: str) -> str | None:
    try:
        return process.environ().get(name)
    except (psutil.Error, OSError):
        return None
