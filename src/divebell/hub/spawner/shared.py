"""What a volunteer shows everybody: `public` in the home, seen by all containers below one folder."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

from divebell import disks
from divebell.errors import DivebellError
from divebell.event import State
from divebell.hub.spawner.accounts import Home

PUBLIC = "public"


def expose(state: State, name: str, home: Home) -> Path:
    """Show the home's `public` in the folder that all containers share; give that folder.

    The home belongs to its volunteer, who may put a link where the folder was: nothing here follows one.
    Where this account cannot mount, the folder for sharing is a plain one, to be mounted into the home.
    """
    place = state.shared / name
    place.mkdir(mode=0o755, parents=True, exist_ok=True)
    state.shared.chmod(0o755)
    if disks.can_mount():
        _let_mounts_through(state.shared)
        if not disks.is_mounted(place):
            _bind_public(home, place)
    return state.shared


def _let_mounts_through(folder: Path) -> None:
    """Let containers that run already see what is mounted below `folder` later."""
    if not disks.is_mounted(folder):
        disks.run(["mount", "--bind", str(folder), str(folder)])
        disks.run(["mount", "--make-shared", str(folder)])


def _bind_public(home: Home, place: Path) -> None:
    try:
        inside = os.open(home.folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise DivebellError(f"the home {home.folder} cannot be opened: {error}") from error
    try:
        public = _own_folder(inside, home)
        if public is None:
            return
        try:
            _bind_read_only(public, place)
        finally:
            os.close(public)
    finally:
        os.close(inside)


def _bind_read_only(public: int, place: Path) -> None:
    """Mount what a descriptor leads to at `place`, read-only from the first moment.

    Containers that run see a mount as it was when it came, and none of its later changes.
    """
    aside = place.parent.with_name(f"{place.parent.name}.new") / place.name
    aside.mkdir(mode=0o700, parents=True, exist_ok=True)
    disks.release(aside)  # left by a hub that was killed right here
    try:
        # the descriptor, not the path, which might lead elsewhere by now
        command = ["mount", "--no-canonicalize", "--bind", f"/proc/self/fd/{public}", str(aside)]
        subprocess.run(command, check=True, capture_output=True, pass_fds=(public,))
        disks.run(["mount", "-o", "remount,bind,ro,nosuid,nodev", str(aside)])
        disks.run(["mount", "--bind", str(aside), str(place)])
    finally:
        disks.release(aside)
        aside.rmdir()


def _own_folder(home: int, owner: Home) -> int | None:
    """Open `public`, making it if it is missing; None where something else is there, or no room for it."""
    with contextlib.suppress(OSError):
        os.mkdir(PUBLIC, 0o755, dir_fd=home)
        os.chown(PUBLIC, owner.uid, owner.gid, dir_fd=home, follow_symlinks=False)
    try:
        return os.open(PUBLIC, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=home)
    except OSError:
        return None
