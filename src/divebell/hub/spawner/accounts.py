"""The account and the home of each volunteer. As root everybody has an own uid; otherwise all share ours."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from pathlib import Path

from divebell.database.account import FIRST_UID, own_uids

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
    folder = homes / name
    folder.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() != 0:
        return Home(folder, os.geteuid(), os.getegid())
    uid = folder.stat(follow_symlinks=False).st_uid
    if uid < _OLDEST_UID:  # new, or made by a hub that was killed before the next line
        uid = _next_uid(homes)
        os.chown(folder, uid, uid, follow_symlinks=False)
    return Home(folder, uid, uid)


def _next_uid(homes: Path) -> int:
    first = FIRST_UID + BLOCK * (zlib.crc32(os.fsencode(homes.resolve())) % BLOCKS)
    return max((uid for uid in own_uids(homes) if first <= uid < first + BLOCK), default=first - 1) + 1
