"""From what everybody saw to the figures, the table and the JSON. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contenders.herd.crowd import Result


@dataclass(frozen=True)
class Used:
    """What a hub used: CPU seconds of all its processes, PSS in bytes of each server and each kernel."""

    cpu: float
    servers: tuple[int, ...]
    kernels: tuple[int, ...]


def percentile(values: Sequence[float], share: float) -> float | None:
    """Give the smallest value that at least `share` (0 to 1) of the values do not exceed; None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def figures(result: Result, used: Used) -> dict[str, Any]:
    """Give one hub's figures. Times are of those who got their answer; `failed` counts the others."""
    cells = [outcome.cell for outcome in result.outcomes if outcome.cell is not None]
    labs = [outcome.lab for outcome in result.outcomes if outcome.lab is not None]
    entries = [outcome.sign_in for outcome in result.outcomes if outcome.sign_in is not None]
    return {
        "failed": len(result.outcomes) - len(cells),
        "p50_s": _rounded(percentile(cells, 0.5)),
        "p95_s": _rounded(percentile(cells, 0.95)),
        "max_s": _rounded(max(cells, default=None)),
        "cpu_s": round(used.cpu, 1),
        "pss_mb": _megabytes(used.servers),
        "lab_p50_s": _rounded(percentile(labs, 0.5)),
        "lab_p95_s": _rounded(percentile(labs, 0.95)),
        "sign_in_p95_s": _rounded(percentile(entries, 0.95)),
        "kernel_pss_mb": _megabytes(used.kernels),
        "client_cpu_s": round(result.client_cpu, 2),
        "problems": dict(Counter(outcome.problem for outcome in result.outcomes if outcome.problem)),
    }


def ratios(facts: dict[str, Any]) -> dict[str, float]:
    """Give stock / divebell for what both have (above 1: divebell needs less)."""
    ours, theirs = facts.get("divebell", {}), facts.get("stock", {})
    names = ("p50_s", "p95_s", "max_s", "cpu_s", "pss_mb")
    return {
        f"ratio_{name.rpartition('_')[0]}": round(theirs[name] / ours[name], 2)
        for name in names
        if ours.get(name) and theirs.get(name)
    }


_ROWS = (
    ("failed", "without an answer"),
    ("p50_s", "Start to answer, p50 (s)"),
    ("p95_s", "Start to answer, p95 (s)"),
    ("max_s", "Start to answer, max (s)"),
    ("lab_p50_s", "Start to JupyterLab, p50 (s)"),
    ("lab_p95_s", "Start to JupyterLab, p95 (s)"),
    ("sign_in_p95_s", "sign-in, p95 (s)"),
    ("cpu_s", "CPU of all processes (s)"),
    ("pss_mb", "memory of a server (MB, PSS)"),
    ("kernel_pss_mb", "memory of a kernel (MB, PSS)"),
    ("client_cpu_s", "CPU of the client (s)"),
)


def table(facts: dict[str, Any]) -> str:
    """Give the figures as a table, a column a hub, and the ratios below."""
    hubs = [name for name in ("divebell", "stock") if name in facts]
    lines = [" " * 32 + "".join(f"{name:>10}" for name in hubs)]
    for key, words in _ROWS:
        lines.append(f"{words:<32}" + "".join(f"{_shown(facts[name][key]):>10}" for name in hubs))
    for name in hubs:
        lines += [f"{name}: {count} x {problem}" for problem, count in facts[name]["problems"].items()]
    lines += [
        f"stock / divebell, {key.removeprefix('ratio_')}: {value}" for key, value in ratios(facts).items()
    ]
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    return "-" if value is None else str(value)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _megabytes(sizes: Sequence[int]) -> float | None:
    return round(sum(sizes) / len(sizes) / 1e6, 1) if sizes else None
