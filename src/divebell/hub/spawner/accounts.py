"""The account and the home of each volunteer. As root everybody has an own uid; otherwise all share ours."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

FIRST_UID = 860_001
"""Above what systems hand out, including the usual ranges of sub-uids and of systemd's dynamic users."""


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
    if uid < FIRST_UID:  # new, or made by a hub that was killed before the next line
        uid = _next_uid(homes)
        os.chown(folder, uid, uid, follow_symlinks=False)
    return Home(folder, uid, uid)


def _next_uid(homes: Path) -> int:
    taken = [entry.stat(follow_symlinks=False).st_uid for entry in os.scandir(homes)]
    return max([FIRST_UID - 1, *taken]) + 1
