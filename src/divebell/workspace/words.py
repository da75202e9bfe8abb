"""How sizes and people are named to volunteers. Pure."""

from __future__ import annotations

from collections.abc import Mapping

HELPERS_VARIABLE = "DIVEBELL_AMBASSADORS"
"""Whom to ask, as words: "maria or dan"."""


def human_size(size: int) -> str:
    """Give bytes as people say them; 1 GB = 1024**3, as in the event file."""
    amount = float(size)
    for unit in ("bytes", "KB", "MB"):
        if amount < 1023.95 or (unit == "bytes" and size < 1024):
            return f"{_short(amount)} {unit}"
        amount /= 1024
    return f"{_short(amount)} GB"


def helpers(environment: Mapping[str, str]) -> str:
    """Give whom to ask."""
    return environment.get(HELPERS_VARIABLE) or "an ambassador"


def _short(amount: float) -> str:
    return f"{amount:.1f}".removesuffix(".0") if amount < 10 else f"{amount:,.0f}"
