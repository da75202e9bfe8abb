"""What the watchdog did, for everyone who shows it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from divebell.database.catalogue import query

AWAY_AFTER = 10.0
"""Seconds without a heartbeat after which the watchdog is away."""


@dataclass(frozen=True)
class Intervention:
    """Something the watchdog ended, and why."""

    at: datetime
    last_at: datetime
    times: int
    """How often the same happened within a minute."""
    role: str
    what: str
    limit: str
    detail: str
    """What was done, in words for the person concerned."""
    query: str
    """How the statement began."""

    @property
    def person(self) -> str:
        """The name of the person concerned."""
        return self.role.removeprefix("v_")

    def to_json(self) -> dict[str, Any]:
        """Give what `divebell watch --json` prints of it."""
        facts = asdict(self) | {"person": self.person}
        return {
            key: value.isoformat() if isinstance(value, datetime) else value for key, value in facts.items()
        }


@dataclass(frozen=True)
class Watchdog:
    """What the watchdog last said of itself, `silent` seconds ago."""

    detail: str
    silent: float
    interventions: int
    """Within the last hour."""

    @property
    def away(self) -> bool:
        """Whether nothing has been heard of it for too long."""
        return self.silent > AWAY_AFTER


def listing(connection: psycopg.Connection[Any], most: int | None = None) -> list[Intervention]:
    """Give what was done, the latest first; `connection` is the superuser's or `event_web`'s."""
    with connection.cursor(row_factory=class_row(Intervention)) as cursor:
        return cursor.execute(query("interventions") + " LIMIT %s", (most,)).fetchall()


def watchdog(connection: psycopg.Connection[Any]) -> Watchdog:
    """Read what the watchdog last said; `event_web` may."""
    with connection.cursor(row_factory=class_row(Watchdog)) as cursor:
        said = cursor.execute(query("watchdog")).fetchone()
    return said or Watchdog("starting", float("inf"), 0)
