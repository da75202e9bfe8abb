"""The locked packages of every workspace, and whether an event's packages go with them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.resources import files

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from divebell.errors import DivebellError

WANTED = "requirements.in"
LOCK = "requirements.lock"
INSTALLER = "installer.lock"

_PIN = re.compile(r"^([\w.-]+)==([\w.!+-]+)", re.MULTILINE)


def shipped(name: str) -> str:
    """Give one of the files beside this module."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def wanted_names() -> list[str]:
    """Give the packages every workspace has by name, those they bring with them left out."""
    lines = (line.partition("#")[0].strip() for line in shipped(WANTED).splitlines())
    return [Requirement(line).name for line in lines if line]


def pins(lock: str) -> dict[str, set[Version]]:
    """Give the versions that a lock file has of each package; which one depends on the Python."""
    found: dict[str, set[Version]] = {}
    for name, version in _PIN.findall(lock):
        found.setdefault(canonicalize_name(name), set()).add(Version(version))
    return found


def check_packages(packages: Iterable[str], lock: str) -> None:
    """Raise DivebellError that names every package which cannot stand beside those of the lock."""
    there = pins(lock)
    found = [problem for package in packages if (problem := _problem(package, there))]
    if found:
        raise DivebellError(
            "the event's packages do not go with what every workspace has:\n  " + "\n  ".join(found),
            next_step="change `packages` under `workspace` in event.yaml",
        )


def _problem(package: str, there: dict[str, set[Version]]) -> str | None:
    try:
        asked = Requirement(package)
    except InvalidRequirement as error:
        return f"{package}: {str(error).splitlines()[0]}"
    versions = there.get(canonicalize_name(asked.name), set())
    if not versions or any(asked.specifier.contains(version, prereleases=True) for version in versions):
        return None
    had = " or ".join(str(version) for version in sorted(versions))
    return f"{package}: every workspace has {asked.name} {had}, which stays as it is"
