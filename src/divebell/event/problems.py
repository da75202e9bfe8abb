"""One thing wrong with an event file, and the error that carries all of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from divebell.errors import DivebellError


@dataclass(frozen=True)
class Problem:
    """What was found and what was expected, and where."""

    file: str
    line: int | None
    """Counted from 1; None where the file itself is the problem."""
    key: str
    """The key's path, such as `people.expected`; empty for the whole file."""
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line is not None else self.file
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


class EventFileError(DivebellError):
    """The event file cannot be used; `problems` holds everything that was found, in the file's order."""

    def __init__(self, file: Path, problems: Iterable[Problem], *, next_step: str | None = None) -> None:
        self.file = file
        self.problems = tuple(problems)
        count = len(self.problems)
        lines = [f"{file} has {count} problem{'s' if count > 1 else ''}:", *map(str, self.problems)]
        message = str(self.problems[0]) if count == 1 else "\n  ".join(lines)
        super().__init__(message, next_step=next_step or f"put this right, then: divebell check {file}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Give `; did you mean 'memory'?` for a misspelt word, or nothing."""
    close = closest(word, known)
    return f"; did you mean '{close}'?" if close else ""


def closest(word: str, known: Iterable[str]) -> str | None:
    """Find the known word most like `word`, whatever the case and whether it has `-`, `_` or blanks."""
    by_form = {_plain(name): name for name in known}
    near = difflib.get_close_matches(_plain(word), list(by_form), n=1, cutoff=0.6)
    return by_form[near[0]] if near else None


def _plain(word: str) -> str:
    return word.strip().casefold().replace("-", "_").replace(" ", "_")
