"""Compare an event with what lies around its file: the folder it names, the files it gives hints for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from divebell.event.document import Document
from divebell.event.model import Event
from divebell.event.problems import EventFileError, Problem, did_you_mean
from divebell.event.repository import repository_folder

MOST_FILES = 20_000
"""How many files of a repository are looked at for a hint's file."""


def missing_folder(event: Event, document: Document, file: Path) -> Problem | None:
    """Name the repository's folder when it is not there: the event cannot run."""
    folder = repository_folder(event.data.repository, file)
    if folder is None or folder.is_dir():
        return None
    path = ("data", "repository")
    message = f"found '{event.data.repository}', which is no folder seen from the event file, expected one"
    return Problem(str(file), document.line(path), ".".join(path), message)


def require_folder(event: Event, document: Document, file: Path) -> None:
    """Raise EventFileError when the repository's folder is not there."""
    problem = missing_folder(event, document, file)
    if problem is not None:
        raise EventFileError(file, [problem])


def doubts(event: Event, document: Document, file: Path) -> list[Problem]:
    """List what looks unintended but stops nothing: no data folder yet, hints for absent files."""
    folder = repository_folder(event.data.repository, file)
    if folder is None or not folder.is_dir() or _is_bare(folder):
        return []
    if not (folder / event.data.folder).is_dir():
        path: tuple[str, ...] = ("data", "folder")
        message = f"there is no folder '{event.data.folder}' in the repository yet; no dataset will be loaded"
        return [Problem(str(file), document.line(path), ".".join(path), message)]
    return list(_hints_without_file(event, document, file, folder))


def _hints_without_file(event: Event, document: Document, file: Path, folder: Path) -> Iterator[Problem]:
    known = list(islice(_files(folder, event.data.folder), MOST_FILES)) if event.data.datasets else []
    for name in event.data.datasets:
        if (folder / name).exists():
            continue
        path = ("data", "datasets", name)
        message = f"there is no such file in the repository{did_you_mean(name, known)}"
        yield Problem(str(file), document.line(path), ".".join(path), message)


def _is_bare(folder: Path) -> bool:
    """Tell whether the folder is a git repository without files of its own beside it."""
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir()


def _files(folder: Path, below: str) -> Iterator[str]:
    for parent, folders, names in os.walk(folder / below):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            yield (Path(parent) / name).relative_to(folder).as_posix()
