"""How the last backup of an event went: written by `divebell backup`, read by status, doctor and portal."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from divebell.event.state import State, write_private


@dataclass(frozen=True)
class LastBackup:
    """The last attempt, and the last one that succeeded. Times are seconds since 1970."""

    tried_at: float
    error: str = ""
    """Why the last attempt failed; empty when it succeeded."""
    succeeded_at: float | None = None
    snapshot: str | None = None
    """What the store calls the last backup that succeeded."""
    checked_at: float | None = None
    """When the store itself was last checked."""

    @classmethod
    def load(cls, state: State) -> LastBackup | None:
        """Read it; None where no backup was ever tried, or where only root may know."""
        try:
            return cls(**json.loads((state.backup / "last.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def save(self, state: State) -> None:
        """Write it down."""
        state.backup.mkdir(mode=0o700, exist_ok=True)
        write_private(state.backup / "last.json", json.dumps(asdict(self), indent=2) + "\n")


def in_words(last: LastBackup | None, now: float, every_seconds: float) -> tuple[bool, str]:
    """Tell whether the backups of an event are as recent as they should be, and how they stand."""
    if last is None:
        return False, "never tried"
    age = "never succeeded" if last.succeeded_at is None else f"last one {_ago(now - last.succeeded_at)} ago"
    if last.error:
        return False, f"the last try failed: {last.error}; {age}"
    late = last.succeeded_at is None or now - last.succeeded_at > 2 * every_seconds + 600
    return not late, age + (", which is too long" if late else "")


def _ago(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
