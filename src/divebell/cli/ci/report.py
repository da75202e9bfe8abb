"""What a CI run found out about a commit: the value that the log, the annotations and the summary show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from divebell.cli.ci.commit import Change
from divebell.cli.ci.messages import Answer, Loaded
from divebell.cli.data.checking import Checked

_LINE = re.compile(r":([1-9][0-9]*):|\bline ([1-9][0-9,]*)")


@dataclass(frozen=True)
class Note:
    """One thing to know about a file, or about the commit as a whole; `line` counts from 1."""

    level: str
    """`error` or `warning`."""
    file: str | None
    text: str
    line: int | None = None


@dataclass(frozen=True)
class Report:
    """One commit: what was checked here, and what the event made of it; None for what was not asked."""

    change: Change
    checked: tuple[Checked, ...] | None = None
    answer: Answer | None = None

    @property
    def broken(self) -> tuple[Loaded, ...]:
        """What this commit changed and the server could not load."""
        # not what the server found changed: it may have taken several pushes at once
        every = self.answer.datasets if self.answer else ()
        return tuple(one for one in every if one.error and self.change.answers_for(one.file))

    @property
    def ok(self) -> bool:
        """Whether everything that the commit changes would be, and is, loaded."""
        checked = not any(one.error for one in self.checked or ())
        return checked and not self.broken and not self._failed_as_a_whole

    @property
    def _failed_as_a_whole(self) -> bool:
        answer = self.answer
        if answer is None or answer.state != "failed":
            return False
        return bool(answer.reason) or not any(one.error for one in answer.datasets)

    @property
    def overtaken(self) -> str | None:
        """The commit that was the branch's last one when the server looked, if that was another one."""
        return self.answer.branch.head if self.answer and self.answer.state == "unknown" else None

    def notes(self) -> Iterator[Note]:
        """Give what there is to know, errors first; what the check has said the server need not repeat."""
        yield from self._errors()
        for checked in self.checked or ():
            for table, found in checked.tables:
                yield from (note("warning", checked.file, f"{table}: {text}") for text in found.warnings)

    def _errors(self) -> Iterator[Note]:
        said = {(one.file, one.error) for one in self.checked or ()}
        if self.answer and self.answer.state == "failed" and self.answer.reason:
            yield Note("error", None, f"the commit is not loaded: {self.answer.reason}")
        for checked in self.checked or ():
            if checked.error:
                yield note("error", checked.file, f"would not be loaded: {checked.error}")
        for loaded in self.broken:
            if (loaded.file, loaded.error) not in said:
                yield note("error", loaded.file, f"is not loaded: {loaded.error}")

    def to_json(self) -> dict[str, Any]:
        """Give what `--json` prints."""
        return {
            "ok": self.ok,
            "commit": self.change.commit,
            "since": self.change.since,
            "gone": list(self.change.gone),
            "renamed": dict(self.change.renamed),
            "checked": None if self.checked is None else [one.to_json() for one in self.checked],
            "loaded": msgspec.to_builtins(self.answer),
        }


def note(level: str, file: str, text: str) -> Note:
    """Make a note, with the line that its text names."""
    found = _LINE.search(text)
    return Note(level, file, text, int((found[1] or found[2]).replace(",", "")) if found else None)
