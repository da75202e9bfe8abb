"""What a changed event file means for the people who are working on the server right now. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from divebell.event import Event
from divebell.event.values import size_bytes


class Reach(StrEnum):
    """Whom a change concerns."""

    INTERRUPTS = "interrupts"
    """Somebody is stopped in what they do: it is asked for."""
    NEXT_START = "next start"
    """It takes effect when a volunteer's server starts the next time."""
    NOTICE = "notice"
    """Nobody is stopped; somebody may notice."""


@dataclass(frozen=True)
class Consequence:
    """One thing that a change brings about."""

    reach: Reach
    words: str


@dataclass(frozen=True)
class Facts:
    """What the server says of itself right now."""

    servers: int
    """Notebook servers that run."""
    digest: str
    """Of the divebell that is installed there; empty where there is none."""


_NEXT_START = {
    "memory": "memory of a notebook",
    "cpus": "processor cores of a notebook",
    "disk": "size of a home",
    "processes": "processes of a notebook",
    "open_files": "open files of a notebook",
    "packages": "packages",
    "base": "image that notebooks are built on",
}
_RESTARTED = ("name", "organisation", "description", "starts", "ends", "timezone")
_DATABASE = {
    "people.expected": "how many people are expected",
    "database.connections": "how many connections a volunteer has",
}


def consequences(old: Event, new: Event, facts: Facts, digest: str) -> list[Consequence]:
    """Give what it means to deploy `new`, and the divebell of that digest, where `old` runs."""
    found = [
        *_notebooks(old, new, facts),
        *_database(old, new, facts),
        *_door(old, new),
        *_data(old, new),
        *_people(old, new),
        *_quiet(old, new),
        *_program(facts, digest),
    ]
    return sorted(found, key=lambda each: list(Reach).index(each.reach))


def interrupting(found: list[Consequence]) -> list[Consequence]:
    """Give those that stop somebody."""
    return [each for each in found if each.reach is Reach.INTERRUPTS]


def _notebooks(old: Event, new: Event, facts: Facts) -> Iterator[Consequence]:
    before, after = old.workspace, new.workspace
    if before.runs_in != after.runs_in and facts.servers:
        yield Consequence(
            Reach.INTERRUPTS,
            f"notebooks move to {after.runs_in or 'containers'}: {_servers(facts)}; what is saved stays",
        )
    changed = [words for key, words in _NEXT_START.items() if getattr(before, key) != getattr(after, key)]
    if changed:
        yield Consequence(
            Reach.NEXT_START,
            f"{_listed(changed)}: new servers have it at once{_running(facts)}",
        )
    if before.disk != after.disk and after.disk_bytes < before.disk_bytes:
        yield Consequence(Reach.NOTICE, "homes that are larger already stay as they are")
    if before.internet is not after.internet:
        yield Consequence(
            Reach.NEXT_START,
            f"what notebooks reach ({after.internet}): closed at once for all, opened from a next start",
        )


def _database(old: Event, new: Event, facts: Facts) -> Iterator[Consequence]:
    changed = [words for path, words in _DATABASE.items() if _at(old, path) != _at(new, path)]
    if size_bytes(new.database.scratch) > size_bytes(old.database.scratch):
        changed.append("the disk for volunteers' tables")
    if changed:
        yield Consequence(
            Reach.INTERRUPTS,
            f"{_listed(changed)}: PostgreSQL starts anew and running queries end; notebooks go on"
            f"{f' ({facts.servers} run)' if facts.servers else ''}",
        )
    if size_bytes(new.database.scratch) < size_bytes(old.database.scratch):
        yield Consequence(Reach.NOTICE, "the disk for volunteers' tables stays as large as it is")
    if _limits(old) != _limits(new):
        yield Consequence(Reach.NOTICE, "limits of the database are in force within seconds")


def _limits(event: Event) -> tuple[str, str, int]:
    given = event.database
    return given.longest_query, given.longest_idle_transaction, given.most_locks


def _door(old: Event, new: Event) -> Iterator[Consequence]:
    if old.address != new.address:
        yield Consequence(
            Reach.INTERRUPTS,
            f"the address becomes {new.address or 'that of the machine'}: open pages stop working, "
            "everybody opens the new one and signs in anew; servers keep running",
        )
    elif old.https != new.https:
        yield Consequence(Reach.NOTICE, "the certificate changes; open pages go on")


def _data(old: Event, new: Event) -> Iterator[Consequence]:
    names = [
        key for key in ("repository", "branch", "folder") if getattr(old.data, key) != getattr(new.data, key)
    ]
    if names:
        yield Consequence(
            Reach.INTERRUPTS,
            f"data comes from elsewhere ({_listed(names)}): tables that are not there go away for everybody",
        )
    elif old.data.datasets != new.data.datasets:
        yield Consequence(Reach.NOTICE, "files whose hints changed are read anew")


def _people(old: Event, new: Event) -> Iterator[Consequence]:
    gone = [name for name in old.people.ambassadors if name not in new.people.ambassadors]
    come = [name for name in new.people.ambassadors if name not in old.people.ambassadors]
    if gone:
        yield Consequence(Reach.INTERRUPTS, f"{_listed(gone)} can no longer sign in as ambassador")
    if come:
        yield Consequence(Reach.NOTICE, f"{_listed(come)} can sign in as ambassador, with an own password")
    if old.people.sign_in is not new.people.sign_in:
        way = new.people.sign_in.value
        yield Consequence(Reach.NOTICE, f"who is signed in stays so; from now on people sign in by {way}")
    if (old.people.opens, old.people.closes) != (new.people.opens, new.people.closes):
        yield Consequence(Reach.NOTICE, "the hours change in which volunteers can sign in")


def _quiet(old: Event, new: Event) -> Iterator[Consequence]:
    if any(getattr(old, key) != getattr(new, key) for key in _RESTARTED) or old.maps != new.maps:
        yield Consequence(Reach.NOTICE, "hub and pages start anew: a few seconds' wait; notebooks go on")
    if old.backups != new.backups:
        yield Consequence(Reach.NOTICE, f"backups go to {new.backups.to} every {new.backups.every}")


def _program(facts: Facts, digest: str) -> Iterator[Consequence]:
    if facts.digest and facts.digest != digest:
        yield Consequence(
            Reach.NOTICE,
            "divebell itself changes: its parts start anew, a few seconds' wait; notebooks go on",
        )


def _at(event: Event, path: str) -> Any:
    section, _, key = path.partition(".")
    return getattr(getattr(event, section), key)


def _servers(facts: Facts) -> str:
    return "1 server that runs ends" if facts.servers == 1 else f"{facts.servers} servers that run end"


def _running(facts: Facts) -> str:
    match facts.servers:
        case 0:
            return ""
        case 1:
            return ", the one that runs from its next start"
        case count:
            return f", the {count} that run from their next start"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
