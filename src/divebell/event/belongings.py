"""On a server each part has an account of its own: which paths of the state folder belong to which."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from divebell.errors import DivebellError
from divebell.event.state import State

GROUP = "divebell"
"""The group of all parts' accounts."""
ROOT = "root"


def account(part: str) -> str:
    """Give the account of a part, which is the name of its own group too."""
    return f"divebell-{part}"


@dataclass(frozen=True)
class Belonging:
    """Whose a path is, and who else may do what with it."""

    path: Path
    owner: str
    group: str
    mode: int
    made: bool = True
    """Whether it is a folder to be made where it is missing."""


def belongings(state: State) -> tuple[Belonging, ...]:
    """Give all paths that do not simply stay with whoever makes them, those above others first."""
    hub, loader, proxy = account("hub"), account("loader"), account("proxy")
    known = (state.ports_file, state.containers_file, state.service_file)
    return (
        Belonging(state.folder, ROOT, ROOT, 0o711),
        Belonging(state.run, ROOT, ROOT, 0o711),
        Belonging(state.logs, ROOT, ROOT, 0o711),
        Belonging(state.logs / "notebooks", hub, hub, 0o700),
        Belonging(state.hub, hub, hub, 0o700),
        Belonging(state.proxy, ROOT, proxy, 0o711),
        Belonging(state.proxy_rules, hub, proxy, 0o2750),
        Belonging(state.proxy_file, ROOT, proxy, 0o640, made=False),
        Belonging(state.repository, loader, loader, 0o755),
        Belonging(state.checkout, loader, loader, 0o755),
        Belonging(state.rasters, loader, loader, 0o755),
        Belonging(state.homes, ROOT, ROOT, 0o711),
        Belonging(state.disks, ROOT, ROOT, 0o700),
        Belonging(state.shared, ROOT, ROOT, 0o755),
        *(Belonging(path, ROOT, GROUP, 0o640, made=False) for path in known),
    )


def hand_out(state: State) -> None:
    """Make it so. Raises DivebellError when this server lacks an account."""
    for one in belongings(state):
        if one.made:
            one.path.mkdir(mode=0o700, exist_ok=True)
        if one.path.exists():
            _give(one)


def group_id(name: str) -> int:
    """Give the number of a group. Raises DivebellError when this server has none of that name."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise _no_account(name) from None


def _give(one: Belonging) -> None:
    try:
        uid = pwd.getpwnam(one.owner).pw_uid
    except KeyError:
        raise _no_account(one.owner) from None
    gid, status = group_id(one.group), one.path.stat()
    if status.st_uid != uid and one.made and one.owner != ROOT:
        for path in _below(one.path):  # brought from a backup, or from when it all ran as root
            os.chown(path, uid, gid, follow_symlinks=False)
    if (status.st_uid, status.st_gid) != (uid, gid):
        os.chown(one.path, uid, gid)
    if one.path.stat().st_mode & 0o7777 != one.mode:
        one.path.chmod(one.mode)


def _below(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        yield from (Path(root) / name for name in (*folders, *files))


def _no_account(name: str) -> DivebellError:
    return DivebellError(
        f"this server has no account or group '{name}'", next_step="divebell deploy makes the accounts"
    )
