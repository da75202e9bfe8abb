"""Volunteers' homes as a backup reads them: all of them, whoever is at work, and no file without an end."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from divebell import disks
from divebell.backup.manifest import HomeCount, LeftOut
from divebell.errors import DivebellError
from divebell.event import State

HOLES = 1024**3
"""Bytes of nothing that files of one home may have together: a sparse file is read as if it were full."""


@dataclass(frozen=True)
class Found:
    """What was found in all homes."""

    homes: tuple[HomeCount, ...]
    left_out: tuple[LeftOut, ...]


def show_all(state: State) -> list[LeftOut]:
    """Mount the homes that are not mounted, for this process and those it starts alone; give what cannot be.

    Nothing can be written through these mounts. A server that starts meanwhile mounts the same file system.
    """
    waiting = [image for image in sorted(state.disks.glob("*.img")) if not _mounted(state, image)]
    if not waiting:
        return []
    if not disks.can_mount():
        return [
            LeftOut(f"homes/{image.stem}", "its disk cannot be mounted by this account") for image in waiting
        ]
    disks.leave_namespace()
    return [left for image in waiting for left in _show(state, image)]


def _mounted(state: State, image: Path) -> bool:
    return disks.is_mounted(state.homes / image.stem)


def _show(state: State, image: Path) -> Iterator[LeftOut]:
    folder = state.homes / image.stem
    folder.mkdir(mode=0o700, exist_ok=True)
    try:
        # writable below and read-only here: the same file system may be mounted for its owner any moment
        disks.run(["mount", "-o", disks.OPTIONS, str(image), str(folder)])
        disks.run(["mount", "-o", "remount,bind,ro,nosuid,nodev", str(folder)])
    except DivebellError as error:
        disks.release(folder)
        yield LeftOut(f"homes/{image.stem}", f"its disk cannot be mounted: {error.message}")


def count(state: State) -> Found:
    """Count files and bytes of each home, and name the files that only pretend to be large."""
    homes, left_out = [], []
    for folder in sorted(state.homes.iterdir()) if state.homes.is_dir() else ():
        if folder.is_dir() and not folder.is_symlink():
            files = list(_files(folder))
            hollow = _hollow(files)
            kept = [each for each in files if each not in hollow]
            size = sum(each.size for each in kept)
            homes.append(HomeCount(folder.name, folder.lstat().st_uid, len(kept), size))
            left_out += [LeftOut(_relative(each.path, state), each.reason) for each in hollow]
    return Found(tuple(homes), tuple(left_out))


@dataclass(frozen=True)
class _File:
    path: str
    size: int
    holes: int

    @property
    def reason(self) -> str:
        return f"sparse: it says {self.size:,} bytes and has {self.size - self.holes:,}"


def _files(folder: Path) -> Iterator[_File]:
    """Give the regular files; a folder that is swapped for a link while we look is not followed."""
    for above, _, names, descriptor in os.fwalk(folder, onerror=None, follow_symlinks=False):
        for name in names:
            try:
                found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except OSError:  # gone a moment ago
                continue
            if stat.S_ISREG(found.st_mode):
                holes = max(found.st_size - found.st_blocks * 512, 0)
                yield _File(os.path.join(above, name), found.st_size, holes)  # noqa: PTH118 - not always text


def _hollow(files: list[_File]) -> list[_File]:
    """Choose what to leave out so that the holes of the rest stay below `HOLES`: the hollowest first."""
    together, chosen = sum(each.holes for each in files), []
    for each in sorted(files, key=lambda each: each.holes, reverse=True):
        if together <= HOLES:
            break
        chosen.append(each)
        together -= each.holes
    return chosen


def _relative(path: str, state: State) -> str:
    return os.path.relpath(path, state.folder)


def pattern(path: str) -> str:
    """Give restic's pattern for one path; in its files of patterns `$` begins a variable, a line ends one."""
    return "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "/._-") else "?" for letter in path
    )
