"""What stands on one card."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Line:
    """A labelled line: a value to type, or (None) room to write one by hand."""

    label: str
    value: str | None = field(default=None, repr=False)
    exact: bool = False
    """Whether every character counts, so that it is set in letters of one width."""


@dataclass(frozen=True)
class Card:
    """One card. `link` is what its QR code leads to."""

    title: str
    lines: tuple[Line, ...]
    address: str
    link: str = field(repr=False)
    advice: str
    by: str = ""

    @property
    def text(self) -> str:
        """Every character the card shows."""
        values = "".join(f"{line.label}{line.value or ''}" for line in self.lines)
        return f"{self.title}{self.by}{values}{self.address}{self.advice}"
