"""How people's own copies of the repository stand, as their notebook servers said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Copy:
    """One person's copy. Texts and names are what their server wrote: they are shown, never trusted."""

    name: str
    files: int
    """How many files the event had."""
    yours: int
    conflicts: int
    missing: int
    names: list[str]
    """A few of those in conflict."""
    words: str
    """What to do about what is missing."""
    news: str
    """What the event brought last."""
    news_at: datetime | None
    told_at: datetime

    @property
    def more(self) -> int:
        """How many are in conflict besides those named."""
        return max(self.conflicts - len(self.names), 0)
