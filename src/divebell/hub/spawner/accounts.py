"""The account and the home of each volunteer. As root everybody has an own uid; otherwise all share ours."""

from __future__ import annotations

import fcntl
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from divebell import disks
from divebell.database.account import FIRST_UID, own_uids
from divebell.event import State

BLOCK, BLOCKS = 1_000, 240_000
"""Each event has a block of its own: events on one machine must not share an account."""
_OLDEST_UID = 860_001  # what homes made by the first versions have


@dataclass(frozen=True)
class Home:
    """A volunteer's home folder and the account it belongs to."""

    folder: Path
    uid: int
    gid: int


def ensure_home(homes: Path, name: str) -> Home:
    """Make the home of `name` if there is none; whose it is stays the same for good."""
    homes.mkdir(mode=0o711, parents=True, exist_ok=True)
    homes.chmod(0o711)  # whatever our umask: each finds a way to the own home, and sees no other's name
    folder = homes / name
    folder.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() != 0:
        return Home(folder, os.geteuid(), os.getegid())
    with _one_at_a_time(homes):
        uid = folder.stat(follow_symlinks=False).st_uid
        if uid < _OLDEST_UID:  # new, or made by a hub that was killed before the next line
            uid = next_uid(homes)
            os.chown(folder, uid, uid, follow_symlinks=False)
    return Home(folder, uid, uid)


@contextmanager
def _one_at_a_time(homes: Path) -> Iterator[None]:
    """Let one thread of one process at a time choose an account, or two would choose the same."""
    descriptor = os.open(homes, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def ensure_disk(state: State, name: str, home: Home, size: int | None) -> None:
    """Give a home a disk of its own of `size` bytes, where this account can mount one.

    Without a size only a disk that is there already is mounted.
    """
    image = state.disks / f"{name}.img"
    if disks.can_mount() and (size is not None or image.exists()):
        disks.ensure_disk(image, home.folder, size or 0, home.uid, home.gid)


def next_uid(homes: Path) -> int:
    """Give an account that no home has yet, of the block that belongs to this event's folder."""
    first = _first_uid(homes)
    return max((uid for uid in own_uids(homes) if in_block(homes, uid)), default=first - 1) + 1


def in_block(homes: Path, uid: int) -> bool:
    """Tell whether an account is of the block that belongs to this event's folder."""
    return _first_uid(homes) <= uid < _first_uid(homes) + BLOCK


def _first_uid(homes: Path) -> int:
    return FIRST_UID + BLOCK * (zlib.crc32(os.fsencode(homes.resolve())) % BLOCKS)
