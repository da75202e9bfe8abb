"""What an owner does about a file of the copy that is theirs: take the event's, keep it, compare both."""

from __future__ import annotations

import contextlib
import difflib
import json
import stat
from collections.abc import Iterator
from pathlib import Path

from divebell.errors import DivebellError
from divebell.workspace import copy_record, own_copy
from divebell.workspace.copy_contents import digest
from divebell.workspace.copy_plan import LINKED, Base, Stamp

_WAIT_SECONDS = 10.0
_MOST_BYTES, _MOST_LINES = 1 << 20, 3_000
"""What is compared: more takes long and is read by nobody."""


def take(source: Path, home: Path, path: str) -> str | None:
    """Put the event's version of a file into the copy; give the name under which the owner's is kept.

    `path` is relative to the repository. Gives None where there was nothing to keep. Raises DivebellError
    where it cannot be done; the owner's file is then where it was.
    """
    with _one_of_the_events(source, home, path) as (event, _):
        target = home / own_copy.FOLDER
        file, kept, record = target / path, None, copy_record.read(home)
        known, now = record.pop(path, None), own_copy.there(target, path, event)
        if known is not None and now == known.here:
            record[path] = known
        elif now is not None:
            kept = _free_name(file)
            file.rename(kept)
        try:
            placed = own_copy.place(event, target, path, record.get(path), _copied(record))
        except OSError as error:
            _put_back(kept, file)
            raise DivebellError(
                f"the event's {path} was not put there: {error.strerror}",
                next_step="make room, then try again",
            ) from None
        if placed is None:
            _put_back(kept, file)
            raise DivebellError(
                f"something of yours is in the way of {path}", next_step="rename it, then try again"
            )
        copy_record.save(home, {**record, path: placed})
        return kept.relative_to(target).as_posix() if kept else None


def keep(source: Path, home: Path, path: str) -> None:
    """Let the owner's version stand as the answer to the event's: no conflict until that changes again.

    Raises DivebellError where the event has no such file.
    """
    with _one_of_the_events(source, home, path) as (event, stamp):
        made = digest(event / path)
        copy_record.save(home, {**copy_record.read(home), path: Base(stamp, stamp, made)})


def compare(source: Path, home: Path, path: str) -> str:
    """Give what differs between the event's version and the owner's; of notebooks, of the cells.

    Raises DivebellError where one is not there, is not text or is too long to compare.
    """
    with _one_of_the_events(source, home, path) as (event, _):
        theirs, own = (_lines(folder / path, path) for folder in (event, home / own_copy.FOLDER))
    found = difflib.unified_diff(theirs, own, "the event's", "yours", lineterm="")
    return "\n".join(found) or "Both say the same."


@contextlib.contextmanager
def _one_of_the_events(source: Path, home: Path, path: str) -> Iterator[tuple[Path, Stamp]]:
    """Hold the home; give where the event's files are, and the stamp of the one at `path`."""
    source = source.resolve()
    with copy_record.alone(home, _WAIT_SECONDS) as first:
        if not first:
            raise DivebellError("your copy is being brought up to date", next_step="try again in a moment")
        stamp = own_copy.tree(source).get(path)
        if stamp is None:
            raise DivebellError(
                f"the event has no file {path}", next_step="look again: it may have been removed"
            )
        yield source, stamp


def _free_name(file: Path) -> Path:
    """Give a name beside a file that says whose it is, and that nothing has yet."""
    stem, ending = file.name.removesuffix(file.suffix), file.suffix
    number = 1
    while True:
        more = "" if number == 1 else f" {number}"
        name = file.with_name(f"{stem[: 200 - len(ending)]} (mine{more}){ending}")
        if not name.exists() and not name.is_symlink():
            return name
        number += 1


def _put_back(kept: Path | None, file: Path) -> None:
    if kept is not None:
        kept.rename(file)


def _copied(record: dict[str, Base]) -> int:
    return sum(base.event[0] for base in record.values() if base.here != LINKED)


def _lines(file: Path, path: str) -> list[str]:
    try:
        status = file.lstat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would hold us for ever
            raise DivebellError(f"{path} is no ordinary file any more")
        if status.st_size > _MOST_BYTES:
            raise DivebellError(f"{path} is too large to be compared here")
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise DivebellError(f"{path} is not text: open both to compare them") from None
    except OSError as error:
        raise DivebellError(f"{path} cannot be compared: {error.strerror}") from None
    lines = (_cells(text) if path.endswith(".ipynb") else text).splitlines()
    if len(lines) > _MOST_LINES:
        raise DivebellError(f"{path} has more than {_MOST_LINES:,} lines: too many to be compared here")
    return lines


def _cells(text: str) -> str:
    """Give what a notebook's author wrote, without what running it left behind."""
    try:
        cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    except (ValueError, KeyError, TypeError):
        return text
    return "\n".join(f"[{kind}]\n{source}\n" for kind, source in cells)
