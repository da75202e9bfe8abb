"""What a check is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from divebell.doctor.patient import Patient


class Verdict(StrEnum):
    """How one thing stands."""

    OK = "ok"
    OPEN = "open"
    WARNING = "warning"
    UNKNOWN = "could not be checked"
    NOT_HERE = "does not apply"

    @property
    def ok(self) -> bool:
        """Whether an event may go on like this. What could not be checked is not ok."""
        return self in {Verdict.OK, Verdict.WARNING, Verdict.NOT_HERE}


@dataclass(frozen=True)
class Hole:
    """One thing that is open. Without a `mend` of its own, that of its check helps."""

    what: str
    mend: str = ""


class DoesNotApplyError(Exception):
    """This event has nothing that the check looks at; the message says what it lacks."""


class CannotBeCheckedError(Exception):
    """The probe could not find out; the message says why."""


Probe = Callable[["Patient"], Iterable[Hole]]
"""Gives everything that is open. Raises DoesNotApplyError, or anything else when it cannot find out."""


@dataclass(frozen=True)
class Check:
    """One thing to be sure of."""

    name: str
    """Its subject, a dot, and a word: `files.secrets`."""
    about: str
    """What holds while all is well, as a sentence."""
    why: str
    """What somebody could do otherwise."""
    mend: str
    """The command or key that mends it; `{folder}` and `{state}` stand for the event's folders."""
    probe: Probe
    warns: bool = False
    """Whether a hole is only a warning."""
    alone: bool = False
    """Whether no other check may run meanwhile."""
    seconds: float = 60.0
    """After this long the check counts as not done."""


@dataclass(frozen=True)
class Finding:
    """What a check found: one when all is well, else one for each thing that is open."""

    check: str
    verdict: Verdict
    what: str
    why: str = ""
    mend: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether an event may go on like this."""
        return self.verdict.ok
