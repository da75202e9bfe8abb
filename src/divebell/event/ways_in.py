"""What looks unintended about how people sign in: settings not read, or that the machine lacks."""

from __future__ import annotations

import grp
from collections.abc import Iterator
from pathlib import Path

from divebell.event.document import Document
from divebell.event.model import Event
from divebell.event.people import SignIn
from divebell.event.problems import Problem

_SECTIONS = {"github": SignIn.GITHUB, "accounts": SignIn.ACCOUNTS, "system": SignIn.SYSTEM}
PAM = Path("/etc/pam.d")


def doubts(event: Event, document: Document, file: Path) -> list[Problem]:
    """List what stops nothing and may not be meant."""
    return [
        Problem(str(file), document.line(path), ".".join(path), message) for path, message in _found(event)
    ]


def _found(event: Event) -> Iterator[tuple[tuple[str, ...], str]]:
    people = event.people
    for section, kind in _SECTIONS.items():
        if section in people.model_fields_set and people.sign_in is not kind:
            yield ("people", section), f"this is only read with `sign_in: {kind.value}`"
    if people.sign_in is SignIn.ACCOUNTS and not people.ambassadors:
        message = "nobody can approve an account on the event's own pages; name `ambassadors`"
        yield ("people", "sign_in"), message
    if people.sign_in is SignIn.SYSTEM:
        yield from _on_this_machine(people.system.group, people.system.service)


def _on_this_machine(group: str | None, service: str) -> Iterator[tuple[tuple[str, ...], str]]:
    if group is not None and not _has_group(group):
        message = (
            f"this machine has no group '{group}'; where the event runs, nobody could sign in without it"
        )
        yield ("people", "system", "group"), message
    if not (PAM / service).is_file():
        message = f"this machine has no PAM service '{service}' ({PAM / service}); `login` is there on most"
        yield ("people", "system", "service"), message


def _has_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True
