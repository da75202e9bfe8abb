"""What a set of processes used: CPU seconds, their ended children's included, and memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import psutil

from contenders.herd.report import Used

Processes = Callable[[], list[psutil.Process]]
"""Gives all processes of a hub that run now: its own, its volunteers', its database's."""


class Meter:
    """Counts from the moment it is made."""

    def __init__(self, processes: Processes, engine: bool) -> None:
        self._processes, self._engine = processes, engine
        self._begin = self._cpu()

    def read(self) -> Used:
        """Give what was used since then, and the memory now."""
        cpu = self._cpu() - self._begin
        found = self._processes()
        kernels = [each for each in found if _is_kernel(each)]
        servers = {parent.pid: parent for each in kernels if (parent := each.parent())}
        return Used(cpu, _pss(servers.values()), _pss(kernels))

    def _cpu(self) -> float:
        return _cpu([*self._processes(), *(_engine_processes() if self._engine else [])])


def family(pids: Iterable[int]) -> list[psutil.Process]:
    """Give the processes and everything below them."""
    roots = [psutil.Process(pid) for pid in pids]
    return [each for root in roots for each in (root, *root.children(recursive=True))]


def _cpu(processes: Iterable[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        try:
            total += sum(process.cpu_times()[:4])  # own, and of children that were waited for
        except psutil.Error:
            continue  # it has just ended; its parent has its seconds now
    return total


def _engine_processes() -> list[psutil.Process]:
    """Give the Docker engine's own processes; what others do with the engine meanwhile is counted too."""
    names = ("dockerd", "containerd", "docker-proxy")
    return [each for each in psutil.process_iter(["name"]) if each.info["name"].startswith(names)]


def _is_kernel(process: psutil.Process) -> bool:
    return any("ipykernel" in word for word in _words(process))


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _pss(processes: Iterable[psutil.Process]) -> tuple[int, ...]:
    found = []
    for process in processes:
        try:
            found.append(process.memory_full_info().pss)
        except psutil.Error:
            continue
    return tuple(found)
