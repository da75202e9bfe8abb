"""What makes a volunteer's copy of the repository current, and what of it is its owner's. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from divebell.workspace.room import Room

STAMP = ".divebell-stamp"
"""A file among the event's that is another one once a change to them is complete: who follows them need look
at nothing else. It is no part of the repository and is copied to nobody."""
Stamp = tuple[int, int]
"""Size in bytes and time of change in nanoseconds."""
LINKED: Stamp = (-1, -1)
"""What stands for a link that leads to a file too large to copy."""
FOREIGN: Stamp = (-2, -2)
"""What stands for a folder, or a link of the owner's, where a file should be."""
_MOST = 0.5
"""The share of the disk that copies may take: the rest is for the owner's own work."""


@dataclass(frozen=True)
class Base:
    """What of the event's was put at a path, which is what its owner began with."""

    here: Stamp
    event: Stamp
    """Of the event's file; `here` differs from it where a link stands for it."""
    digest: str = ""
    """Of what it says (`own_copy.digest`); empty where it was never copied."""


class Verdict(StrEnum):
    """What a file of the copy is, and what is to be done about it."""

    CURRENT = "current"
    COPY = "copy"
    REMOVE = "remove"
    FORGET = "forget"
    CHANGED = "changed"
    """By its owner; the event's is as it was."""
    DELETED = "deleted"
    """By its owner."""
    REMOVED = "removed"
    """From the event's files, after its owner had changed it."""
    CONFLICT = "conflict"
    """Its owner has changed it, and the event has since."""
    OWN = "own"
    """The owner's from the start, where the event has a file now."""


YOURS = frozenset({Verdict.CHANGED, Verdict.DELETED, Verdict.REMOVED})
CONFLICTS = frozenset({Verdict.CONFLICT, Verdict.OWN})


@dataclass(frozen=True)
class Plan:
    """What is to be done, as paths relative to the repository."""

    copy: tuple[str, ...]
    """Small ones first: notebooks are there while data still comes."""
    remove: tuple[str, ...]
    kept: Mapping[str, Base]
    """The record of what stays as it is."""
    owners: Mapping[str, Verdict]
    """What is left alone, and why."""


@dataclass
class Progress:
    """How far the work is; what its note says."""

    total: int
    done: int = 0
    linked: list[str] = field(default_factory=list)
    running: bool = True


def judge(event: Stamp | None, base: Base | None, now: Stamp | None) -> Verdict:
    """Compare one of the event's files with what was put there and with what is there now. Pure.

    None stands for no file. A file that is as recorded is the event's; any other, and one that is gone, is
    the owner's. A file nobody recorded is taken for the event's if it is just as that.
    """
    if now == event:
        return Verdict.CURRENT if event else Verdict.FORGET
    if base is None:
        return Verdict.OWN if now else Verdict.COPY
    if now == base.here:
        return _untouched(event, base)
    if now is None:
        return Verdict.DELETED
    if event is None:
        return Verdict.REMOVED
    return Verdict.CHANGED if event == base.event else Verdict.CONFLICT


def _untouched(event: Stamp | None, base: Base) -> Verdict:
    if event is None:
        return Verdict.REMOVE
    return Verdict.CURRENT if event == base.event and base.here != LINKED else Verdict.COPY


def plan(files: Mapping[str, Stamp], record: Mapping[str, Base], here: Mapping[str, Stamp | None]) -> Plan:
    """Judge all files of the event and of the record; `here` has None where there is nothing. Pure."""
    found = {
        path: judge(files.get(path), record.get(path), here.get(path))
        for path in dict.fromkeys((*files, *record))
    }
    kept = {
        path: _kept(files.get(path), record.get(path), here.get(path))
        for path, verdict in found.items()
        if verdict not in {Verdict.REMOVE, Verdict.FORGET}
    }
    copy = [path for path, verdict in found.items() if verdict is Verdict.COPY]
    return Plan(
        tuple(sorted(copy, key=lambda path: (files[path][0], path))),
        tuple(sorted(path for path, verdict in found.items() if verdict is Verdict.REMOVE)),
        {path: base for path, base in kept.items() if base},
        {path: verdict for path, verdict in sorted(found.items()) if verdict in YOURS | CONFLICTS},
    )


def _kept(event: Stamp | None, base: Base | None, now: Stamp | None) -> Base | None:
    if event is None or now != event:
        return base
    return Base(event, event, base.digest if base and base.event == event else "")


def fits(size: int, copied: int, room: Room) -> bool:
    """Tell whether a disk has room for `size` bytes more besides the `copied` ones, and for its owner."""
    return copied + size <= room.total * _MOST and room.free - size >= room.reserve


def stamp_of(status: os.stat_result) -> Stamp:
    """Give the stamp of a file that was looked at."""
    return status.st_size, status.st_mtime_ns
