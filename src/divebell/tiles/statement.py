"""A statement and which values it takes, in order: asyncpg numbers parameters, people name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import sql


@dataclass(frozen=True)
class Statement:
    """SQL with `$1`, `$2`, …, and the names of what they stand for."""

    text: str
    order: tuple[str, ...]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Put values into the statement's order."""
        return [values[name] for name in self.order]


class Parameters:
    """Numbers the parameters of one statement as they are first used."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __call__(self, name: str, kind: str = "float8") -> sql.SQL:
        """Give the place of a value, cast to its type."""
        number = self._numbers.setdefault(name, len(self._numbers) + 1)
        return sql.SQL(f"${number}::{kind}")

    def statement(self, composed: sql.Composable) -> Statement:
        """Finish the statement."""
        return Statement(composed.as_string(), tuple(self._numbers))
