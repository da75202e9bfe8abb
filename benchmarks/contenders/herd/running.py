"""A hub that is up, as the benchmark knows it."""

from __future__ import annotations

from dataclasses import dataclass

from contenders.herd.meter import Processes
from contenders.herd.volunteer import Hub


@dataclass(frozen=True)
class Running:
    """Where volunteers go, and the processes to measure."""

    hub: Hub
    processes: Processes
