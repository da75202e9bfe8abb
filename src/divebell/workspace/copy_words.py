"""How a volunteer's copy of the repository stands, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from divebell.workspace.copy_plan import CONFLICTS, YOURS, Progress, Verdict
from divebell.workspace.words import human_size

_NAMED = 3
_REASONS = {
    Verdict.CHANGED: "You changed it.",
    Verdict.DELETED: "You deleted it; the event still has it.",
    Verdict.REMOVED: "You changed it, and the event has it no more.",
    Verdict.CONFLICT: "You changed it, and the event has changed it since. Yours is kept.",
    Verdict.OWN: "You made it, and the event now has something of that name. Yours is kept.",
}


@dataclass(frozen=True)
class Arrived:
    """What one look brought, as paths."""

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.updated or self.removed)


@dataclass(frozen=True)
class Standing:
    """How a copy stands after a look at it."""

    files: int = 0
    """How many files the event has."""
    owners: Mapping[str, Verdict] = field(default_factory=dict)
    """What is its owner's, and why."""
    linked: tuple[str, ...] = ()
    """What is a link for want of room."""
    behind: Mapping[str, str] = field(default_factory=dict)
    """What could not be brought up to date, and why not."""
    arrived: Arrived = Arrived()
    gone: bool = False
    """Whether its owner has deleted all of it."""

    @property
    def yours(self) -> dict[str, Verdict]:
        """What the owner changed or deleted."""
        return {path: why for path, why in self.owners.items() if why in YOURS}

    @property
    def conflicts(self) -> dict[str, Verdict]:
        """What the owner changed and the event as well."""
        return {path: why for path, why in self.owners.items() if why in CONFLICTS}


def reason(verdict: Verdict) -> str:
    """Say why a file is left alone."""
    return _REASONS[verdict]


def summary(standing: Standing) -> str:
    """Say in one or two sentences how a copy stands."""
    if not standing.files:
        return "The event has no files yet."
    if standing.gone:
        return "You have deleted my-event. “Look again” makes it anew."
    missing = len(standing.linked) + len(standing.behind)
    but = [f"{_files(len(standing.conflicts))} in conflict"] if standing.conflicts else []
    but += [f"{_files(missing)} that could not be copied"] if missing else []
    first = f"Your copy is up to date{', except for ' + ' and '.join(but) if but else ''}."
    count = len(standing.yours)
    if not count:
        return first
    whose = (
        "file is yours: you changed or deleted it"
        if count == 1
        else "files are yours: you changed or deleted them"
    )
    return f"{first} {count:,} {whose}."


def news(arrived: Arrived) -> str:
    """Say what the event brought; nothing where it brought nothing."""
    parts = [
        f"{_files(len(paths), kind)}: {_names(paths)}"
        for kind, paths in (
            ("new", arrived.added),
            ("updated", arrived.updated),
            ("removed", arrived.removed),
        )
        if paths
    ]
    return "; ".join(parts)


def incomplete(standing: Standing) -> str:
    """Say what is missing of a copy and what to do; nothing where all is there."""
    said = []
    if standing.linked:
        said.append(
            f"There is not enough room for copies of {_files(len(standing.linked), 'large')}: links to the "
            "event's own stand in. They can be read, not written. Make room, and copies come by themselves."
        )
    if standing.behind:
        first = next(iter(standing.behind.values()))
        said.append(
            f"{_files(len(standing.behind))} could not be brought up to date ({first}). It is tried again by "
            "itself."
        )
    return " ".join(said)


def note_text(progress: Progress) -> str:
    """Say what is missing; nothing once all is there."""
    if progress.running:
        return (
            f"{human_size(progress.done)} of {human_size(progress.total)} are copied. It goes on while you "
            "work; ~/event has everything to read.\n"
        )
    if not progress.linked:
        return ""
    names = "\n".join(f"  {path}" for path in progress.linked[:20])
    more = f"\n  and {len(progress.linked) - 20:,} more" if len(progress.linked) > 20 else ""
    return (
        f"There is not enough room for copies of {len(progress.linked):,} large files. They are links to the "
        f"event's own: they can be read, not written.\n{names}{more}\n"
        "Make room, and copies come by themselves.\n"
    )


def _files(count: int, kind: str = "") -> str:
    return f"{count:,} {kind} {'file' if count == 1 else 'files'}".replace("  ", " ")


def _names(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else ""
    return ", ".join(paths[:_NAMED]) + more
