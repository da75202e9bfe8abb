"""How much room a volunteer's home has left, what takes it, and the words for it."""

from __future__ import annotations

import heapq
import os
import shlex
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from divebell.workspace.words import human_size

NEEDED = 4 << 20
"""Bytes without which things begin to fail: a notebook with pictures, a cache, a few folders."""
_TIGHT_SHARE = 0.1
_NEVER_TIGHT = 2 << 30
"""With this much free nothing is tight: a tenth of a large disk that many share is nothing to warn of."""
_LOOK_SECONDS = 2.0
_SHOWN = 6
_LARGE_FILE = 1 << 20

_REMARKS = {
    ".venv": "packages you installed; start your server again afterwards",
    ".cache": "programs make it again when they need it",
    ".local/share/Trash": "what you deleted earlier",
    "my-event": "your copy of the event's files; it is made anew at the next start, without your changes",
}


class Level(StrEnum):
    """How things stand."""

    PLENTY = "plenty"
    TIGHT = "tight"
    FULL = "full"


@dataclass(frozen=True)
class Room:
    """The size of the disk a home is on and what is free of it, in bytes and in files (inodes)."""

    total: int
    free: int
    files: int = 0
    free_files: int = 0

    @classmethod
    def of(cls, home: Path) -> Room:
        """Ask the disk."""
        told = os.statvfs(home)
        return cls(told.f_blocks * told.f_frsize, told.f_bavail * told.f_frsize, told.f_files, told.f_favail)

    @property
    def level(self) -> Level:
        """How things stand."""
        if self.free < NEEDED or (self.files and self.free_files < 100):
            return Level.FULL
        few_files = self.files and self.free_files < self.files * _TIGHT_SHARE
        return Level.TIGHT if self.free < self.reserve or few_files else Level.PLENTY

    @property
    def reserve(self) -> int:
        """The last bytes, which are the owner's alone: nothing is put there without being asked."""
        return min(int(self.total * _TIGHT_SHARE), _NEVER_TIGHT)


@dataclass(frozen=True, order=True)
class Piece:
    """A folder or file of a home and the bytes it takes; `path` is relative to the home."""

    size: int
    path: str
    folder: bool = field(default=False, compare=False)

    @property
    def command(self) -> str:
        """What frees it, to be typed in a terminal; of a folder of one's own, what shows its parts."""
        path = "~/" + shlex.quote(self.path)
        if not self.folder:
            return f"rm {path}"
        return f"rm -rf {path}" if self.path in _REMARKS else f"du -ah {path} | sort -h | tail"


def biggest(home: Path, seconds: float = _LOOK_SECONDS) -> list[Piece]:
    """Give what takes most, biggest first; each byte is named once. Looks no longer than `seconds`."""
    folders: Counter[str] = Counter()
    files: list[Piece] = []
    for file in _files(home, time.monotonic() + seconds):
        group = _group(file)
        if group is None:
            files.append(file)
        else:
            folders[group] += file.size
    pieces = [Piece(size, path, folder=True) for path, size in folders.items()]
    return heapq.nlargest(_SHOWN, (piece for piece in (*pieces, *files) if piece.size >= 1 << 16))


def warning(home: Path, helpers: str) -> Iterator[str]:
    """Give what is to be said to the owner of a home now: nothing while there is plenty."""
    try:
        room = Room.of(home)
    except OSError:
        return
    if room.level is not Level.PLENTY:
        yield in_text(room, biggest(home), helpers)


def in_text(room: Room, pieces: Iterable[Piece], helpers: str) -> str:
    """Say it for a terminal or a cell's output."""
    lines = [f"{how_full(room)} What takes most, and a command for the terminal:"]
    lines += [f"  {human_size(piece.size):>8}  {piece.command}{remark(piece, '  # ')}" for piece in pieces]
    return "\n".join(
        [*lines, f"Deleted is deleted. Ask {helpers} before you delete what you are not sure of."]
    )


def how_full(room: Room) -> str:
    """Say in one sentence how things stand."""
    if room.free >= NEEDED and room.files and room.free_files < room.files * _TIGHT_SHARE:
        return f"Your home holds {room.files - room.free_files:,} files; {room.free_files:,} more fit."
    if room.level is Level.FULL:
        return f"Your home is full: {human_size(room.free)} of {human_size(room.total)} are left."
    return f"Your home is nearly full: {human_size(room.free)} of {human_size(room.total)} are left."


def remark(piece: Piece, before: str) -> str:
    """Say what a well-known folder is, with `before` in front; nothing of others."""
    text = _REMARKS.get(piece.path)
    return f"{before}{text}" if text else ""


def _group(file: Piece) -> str | None:
    """Give the folder a file is counted with; None for a file that stands for itself."""
    for known in _REMARKS:
        if file.path.startswith(f"{known}/"):
            return known
    top, _, rest = file.path.partition("/")
    return top if rest and file.size < _LARGE_FILE else None


def _files(home: Path, until: float) -> Iterator[Piece]:
    """Walk a home: its own disk only, no links followed, a file with two names once."""
    disk, seen = home.stat().st_dev, set[int]()
    waiting = [str(home)]
    while waiting and time.monotonic() < until:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if status.st_dev != disk or status.st_ino in seen:
                continue
            seen.add(status.st_ino)
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            yield Piece(status.st_blocks * 512, os.path.relpath(entry.path, home))
