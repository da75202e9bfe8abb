"""A volunteer's own copy of the event's repository, kept current; what its owner changed is never touched.

A copied file carries the time stamp of the event's file. So size and time stamp tell whether the owner has
touched it; a record keeps what was put there. Whatever is interrupted is taken up at the next look.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from divebell.workspace import copy_record
from divebell.workspace.copy_contents import digest, look_closer
from divebell.workspace.copy_plan import (
    FOREIGN,
    LINKED,
    STAMP,
    Base,
    Plan,
    Progress,
    Stamp,
    Verdict,
    fits,
    plan,
    stamp_of,
)
from divebell.workspace.copy_words import Arrived, Standing, note_text
from divebell.workspace.room import Room

FOLDER = "my-event"
NOTE = "my-event is not complete.txt"
_RECORD_SECONDS = 2.0
_NEW = ".divebell-new"
_PIECE = 1 << 20


def follow(source: Path, home: Path, *, anew: bool = True) -> Standing | None:
    """Make the owner's copy follow the repository in `source`, as far as there is room; give how it stands.

    Does nothing while there is no repository yet or where the owner has something else in its place; without
    `anew`, nor where they have deleted the copy. Gives None while somebody else is at it.
    """
    source, target = source.resolve(), home / FOLDER
    with copy_record.alone(home) as first:
        if not first:
            return None
        files = tree(source)
        if not files or (os.path.lexists(target) and (target.is_symlink() or not target.is_dir())):
            return Standing()
        record = copy_record.read(home)
        if not target.exists():
            if record and not anew:
                return Standing(len(files), gone=True)
            record = {}
        here = {path: there(target, path, source) for path in {*files, *record}}
        planned = look_closer(plan(files, record, here), files, source, target)
        return _carry_out(_Work(planned, record, files, source, home))


def tree(folder: Path) -> dict[str, Stamp]:
    """Give the regular files below a folder. Links, sockets, git's own files and the stamp are left out."""
    found: dict[str, Stamp] = {}
    waiting = [""]
    while waiting:
        below = waiting.pop()
        try:
            entries = list(os.scandir(folder / below))
        except OSError:
            continue
        for entry in entries:
            path = f"{below}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if entry.name != ".git":
                    waiting.append(f"{path}/")
            elif entry.is_file(follow_symlinks=False) and not entry.name.endswith(_NEW):
                with contextlib.suppress(OSError):
                    found[path] = stamp_of(entry.stat(follow_symlinks=False))
    found.pop(STAMP, None)
    return found


def warning(home: Path) -> Iterator[str]:
    """Give what there is to say about a copy that is not complete."""
    with contextlib.suppress(OSError):
        yield f"~/{FOLDER}: {(home / NOTE).read_text().strip()}"


class _Work:
    """One run over what is planned."""

    def __init__(
        self,
        planned: Plan,
        before: Mapping[str, Base],
        files: Mapping[str, Stamp],
        source: Path,
        home: Path,
    ) -> None:
        self.planned, self.before, self.files = planned, before, files
        self.source, self.home = source, home
        self.target = home / FOLDER
        self.record, self.owners = dict(planned.kept), dict(planned.owners)
        self.behind: dict[str, str] = {}
        self.placed: list[str] = []
        self.progress = Progress(sum(files[path][0] for path in planned.copy))
        self._copied = sum(base.event[0] for base in self.record.values() if base.here != LINKED)

    def run(self) -> None:
        """Remove, then copy; write down now and then how far it is."""
        try:
            self.target.mkdir(mode=0o755, exist_ok=True)
        except OSError as error:
            self.behind = dict.fromkeys(self.planned.copy, error.strerror or str(error))
            return
        for path in self.planned.remove:
            if there(self.target, path, self.source) == self.before[path].here:
                _remove(self.target, path)
        saved = time.monotonic()
        for path in (*self.planned.copy, *self._freed()):
            try:
                self._copy(path)
            except OSError as error:
                self.behind[path] = error.strerror or str(error)
            self.progress.done += self.files[path][0]
            if time.monotonic() > saved + _RECORD_SECONDS:
                self.save()
                saved = time.monotonic()

    def _freed(self) -> list[str]:
        """Give what can be copied after all: a folder of the event's files alone was where a file is now."""
        own = [path for path, verdict in self.owners.items() if verdict is Verdict.OWN]
        freed = [path for path in own if there(self.target, path, self.source) is None]
        for path in freed:
            del self.owners[path]
        return freed

    def save(self) -> None:
        """Write down where things stand."""
        copy_record.save(self.home, self.record)
        self.progress.linked = sorted(path for path, base in self.record.items() if base.here == LINKED)
        note, text = self.home / NOTE, note_text(self.progress)
        with contextlib.suppress(OSError):
            if text:
                note.write_text(text, errors="replace")  # the name of a file need be no text
            else:
                note.unlink(missing_ok=True)

    def _copy(self, path: str) -> None:
        known = self.record.get(path)
        placed = place(self.source, self.target, path, known, self._copied)
        if placed is not None:
            self.record[path] = placed
            self.placed.append(path)
            self._copied += _size(placed) - _size(known)
        elif (self.source / path).exists():
            self.owners[path] = Verdict.OWN  # else it went meanwhile: the next look knows


def _carry_out(work: _Work) -> Standing:
    try:
        work.run()
    finally:
        work.progress.running = False
        if work.record != work.before or (work.home / NOTE).exists():
            work.save()
    for path, why in [*work.behind.items()][:1]:  # one line for all: a full disk refuses them all
        print(f"{FOLDER}: {path}: {why}; not copied: {len(work.behind):,}", file=sys.stderr)
    linked = tuple(path for path, base in sorted(work.record.items()) if base.here == LINKED)
    return Standing(len(work.files), work.owners, linked, work.behind, _arrived(work))


def _arrived(work: _Work) -> Arrived:
    before = work.before
    if not before:
        return Arrived()  # all of it is new to somebody who begins
    changed = [path for path in sorted(work.placed) if work.record[path] != before.get(path)]
    return Arrived(
        tuple(path for path in changed if path not in before),
        tuple(path for path in changed if path in before),
        work.planned.remove,
    )


def place(source: Path, target: Path, path: str, known: Base | None, copied: int) -> Base | None:
    """Put one file in its place. Gives what to record; None where it is the owner's or went meanwhile.

    `copied` are the bytes of all copies so far. Raises OSError where the disk or a folder refuses it.
    """
    file = target / path
    if not _make_way(target, file) or there(target, path, source) != (known.here if known else None):
        return None
    new = file.with_name(f".{file.name}"[: 255 - len(_NEW)] + _NEW)
    try:
        with (source / path).open("rb") as event:
            stamp = stamp_of(os.fstat(event.fileno()))
            if fits(stamp[0], copied, Room.of(target)):
                _copy(event, new)
                placed = Base(stamp, stamp, digest(new, path))
            else:
                placed = Base(LINKED, stamp)
                if known and known.here == LINKED:
                    return placed
                new.unlink(missing_ok=True)
                new.symlink_to(source / path)
        new.replace(file)
    except FileNotFoundError:
        return None
    finally:
        with contextlib.suppress(OSError):
            new.unlink()
    return placed


def _copy(event: IO[bytes], new: Path) -> None:
    """Copy from one opened file, so that contents and stamp are of one version."""
    status = os.fstat(event.fileno())
    with new.open("wb") as out:
        shutil.copyfileobj(event, out, _PIECE)
    new.chmod(0o755 if status.st_mode & stat.S_IXUSR else 0o644)
    os.utime(new, ns=(status.st_mtime_ns, status.st_mtime_ns))


def _make_way(target: Path, file: Path) -> bool:
    """Make the folders above a file; tell whether the owner has left the way free."""
    here = target
    for part in file.relative_to(target).parts[:-1]:
        here /= part
        if here.is_symlink():
            return False
        try:
            here.mkdir(mode=0o755, exist_ok=True)
        except FileExistsError:
            return False
    return True


def there(target: Path, path: str, source: Path) -> Stamp | None:
    """Give the stamp of what is at `path` now, None where nothing is."""
    file = target / path
    try:
        status = file.lstat()
    except OSError:
        return None
    if stat.S_ISLNK(status.st_mode) and file.readlink() == source / path:
        return LINKED
    return stamp_of(status) if stat.S_ISREG(status.st_mode) else FOREIGN


def _remove(target: Path, path: str) -> None:
    file = target / path
    if any((target / parent).is_symlink() for parent in file.relative_to(target).parents[:-1]):
        return  # what it leads to is the owner's
    with contextlib.suppress(OSError):
        file.unlink()
        for parent in file.relative_to(target).parents[:-1]:
            (target / parent).rmdir()  # stops at the first that is not empty


def _size(base: Base | None) -> int:
    return base.event[0] if base and base.here != LINKED else 0
