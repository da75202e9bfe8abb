"""Read an event file: every problem in one go, each with file, line, key and what was expected."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from divebell.event.document import Document, read_document
from divebell.event.explain import explain
from divebell.event.model import Event
from divebell.event.problems import EventFileError, Problem

EVENT_FILE = "event.yaml"
LARGEST = 256 * 1024
"""Bytes an event file may have at most; a real one has a few thousand."""


def load_event(path: Path) -> Event:
    """Read and validate the event file at `path` (a file, or a folder that holds `event.yaml`).

    Raises EventFileError with every problem at once.
    """
    return load_with_lines(path)[0]


def load_with_lines(path: Path) -> tuple[Event, Document]:
    """Read an event as `load_event` does, and keep where everything was written."""
    file = event_file(path)
    document = read_document(_text(file))
    problems = [_problem(file, fault.line, fault.path, fault.message) for fault in document.faults]
    event = None
    if not (document.faults and document.value is None):
        try:
            event = _validate(document, file)
        except ValidationError as error:
            problems += [_explained(file, document, item) for item in error.errors(include_url=False)]
    if problems or event is None:
        raise EventFileError(file, _in_order(problems))
    return event, document


def event_file(path: Path) -> Path:
    """Give the event file that `path` names, or that lies in the folder `path`."""
    return path / EVENT_FILE if path.is_dir() else path


def _validate(document: Document, file: Path) -> Event:
    if isinstance(document.value, dict):
        return Event.model_validate(document.value)
    found = "an empty file" if document.value is None else "no keys"
    problem = Problem(str(file), 1, "", f"found {found}, expected at least `name` and `data`")
    raise EventFileError(file, [problem], next_step="divebell init FOLDER writes an event file to start from")


def _in_order(problems: list[Problem]) -> list[Problem]:
    """Sort by line and keep the first of two that say something of the same key on the same line."""
    first: dict[tuple[int | None, str], Problem] = {}
    for problem in problems:
        first.setdefault((problem.line, problem.key), problem)
    return sorted(first.values(), key=lambda problem: problem.line or 0)


def _explained(file: Path, document: Document, error: object) -> Problem:
    path, message = explain(error)  # type: ignore[arg-type]
    return _problem(file, document.line(path), path, message)


def _problem(file: Path, line: int, path: tuple[str | int, ...], message: str) -> Problem:
    return Problem(str(file), line, ".".join(map(str, path)), message)


def _text(file: Path) -> str:
    try:
        if file.exists() and not file.is_file():
            raise _unreadable(file, "found something that is not a file, expected an event file")
        with file.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise _missing(file) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise _unreadable(file, f"cannot be read: {reason}") from error
    if len(content) > LARGEST:
        raise _unreadable(file, f"found more than {LARGEST // 1024} KB, expected an event file")
    if b"\0" in content:
        raise _unreadable(file, "found binary data, expected a text file in UTF-8")
    return _decoded(file, content)


def _decoded(file: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"found a byte that is not UTF-8 (0x{content[error.start]:02x}); save the file as UTF-8"
        raise EventFileError(file, [Problem(str(file), line, "", message)]) from error


def _missing(file: Path) -> EventFileError:
    other = next((name for name in ("event.yml", "event.json") if (file.parent / name).is_file()), None)
    if other is not None:
        return _unreadable(file, f"found {other} instead, expected event.yaml", f"rename it to {EVENT_FILE}")
    folder = file.parent if file.name == EVENT_FILE else file
    return _unreadable(
        file, "there is no event file here", f"divebell init {folder} writes one to start from"
    )


def _unreadable(file: Path, message: str, next_step: str | None = None) -> EventFileError:
    return EventFileError(file, [Problem(str(file), None, "", message)], next_step=next_step)
