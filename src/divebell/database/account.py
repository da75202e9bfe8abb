"""Which account a process runs as when divebell runs as root, and the command prefix that gets it there."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from divebell.errors import DivebellError

SERVER_ACCOUNT = "postgres"
"""The system account PostgreSQL's packages make; another service's account could read the cluster's files."""
FIRST_UID = 1_900_000_000
"""Volunteers' accounts: above what systems hand out, including sub-uids and systemd's containers."""


@dataclass(frozen=True)
class Account:
    """A system account."""

    name: str
    uid: int
    gid: int


def server_account() -> Account:
    """Give the account PostgreSQL runs as: our own, or `postgres` when we are root.

    Raises DivebellError when we are root and there is no such account.
    """
    if os.geteuid() != 0:
        return Account(pwd.getpwuid(os.geteuid()).pw_name, os.geteuid(), os.getegid())
    try:
        entry = pwd.getpwnam(SERVER_ACCOUNT)
    except KeyError:
        raise DivebellError(
            f"PostgreSQL does not run as root, and this machine has no account '{SERVER_ACCOUNT}' for it",
            next_step=f"useradd --system --no-create-home --shell /usr/sbin/nologin {SERVER_ACCOUNT}",
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def own_uids(homes: Path) -> frozenset[int]:
    """Give the accounts of volunteers' homes that no other event on this machine uses."""
    if os.geteuid() != 0 or not homes.is_dir():
        return frozenset()
    owners = {entry.stat(follow_symlinks=False).st_uid for entry in os.scandir(homes)}
    return frozenset(owner for owner in owners if owner >= FIRST_UID)


def interpreter_paths() -> tuple[Path, ...]:
    """Give what another account must reach to run this Python with divebell and its libraries."""
    package = Path(__file__).resolve().parents[1]
    return tuple(Path(path) for path in (sys.prefix, sys.base_prefix, sys.executable, package))


def run_as(
    uid: int, gid: int, argv: Sequence[str], *, reachable: Sequence[Path], writable: Sequence[Path] = ()
) -> list[str]:
    """Give the command that runs `argv` as another account, without any privilege and without a way back.

    The account must already be allowed to read `reachable` (existing files or folders) and to write
    `writable`; closed folders above them do not matter: where there is one the command runs in a view of
    the file system in which that folder holds these paths alone (`reachable` ones read-only). In that view
    a `bwrap` process stays as the parent and passes no signal on: start the command in a session of its
    own and signal the whole group. Not as root, `argv` is given back unchanged.

    Raises DivebellError when such a view is needed and cannot be made on this machine.
    """
    if os.geteuid() != 0:
        return list(argv)
    view = closed_view(uid, gid, reachable, writable)
    if view:
        _require_bubblewrap(view[1])
    return [*bubblewrap(view), *setpriv(uid, gid), *argv]


def setpriv(uid: int, gid: int) -> list[str]:
    """Give the prefix that takes on an account and gives up every capability for good."""
    return [
        *("setpriv", "--reuid", str(uid), "--regid", str(gid), "--clear-groups", "--no-new-privs"),
        *("--bounding-set", "-all", "--inh-caps", "-all", "--pdeathsig", "keep", "--"),
    ]


def ending_with_us(argv: Sequence[str]) -> list[str]:
    """Give what `run_as` gave, made to end with the process that starts it, whatever stands in between."""
    return [argv[0], "--die-with-parent", *argv[1:]] if argv[0] == "bwrap" else list(argv)


def bubblewrap(view: Sequence[str]) -> list[str]:
    """Give the prefix that enters a view, which is nothing for an empty one."""
    if not view:
        return []
    capabilities = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")
    added = [word for name in capabilities for word in ("--cap-add", name)]
    return ["bwrap", "--dev-bind", "/", "/", *view, *added, "--"]


def closed_view(uid: int, gid: int, reachable: Sequence[Path], writable: Sequence[Path] = ()) -> list[str]:
    """Give bwrap's arguments that open a way to the paths, an empty list where all ways are open already."""
    view = _View(uid, gid)
    for path in sorted({*reachable, *writable}, key=lambda path: (len(path.parts), path)):
        view.open_way(path, writable=path in writable)
    return view.arguments


class _View:
    """Collects bwrap's arguments path by path, shallow paths first."""

    def __init__(self, uid: int, gid: int) -> None:
        self.uid, self.gid = uid, gid
        self.arguments: list[str] = []
        self._covered: set[Path] = set()
        self._made: set[Path] = set()
        self._bound: set[Path] = set()

    def open_way(self, path: Path, *, writable: bool) -> None:
        """Make `path` reachable: each link on the way, then what it leads to."""
        rest = list(path.absolute().parts[1:])
        here = Path("/")
        while rest:
            here = Path(os.path.normpath(here / rest.pop(0)))
            if not here.is_symlink():
                continue
            target = here.readlink()
            if self._enter(here):
                self._add(here, "--symlink", str(target))
            rest[:0] = target.parts[1:] if target.is_absolute() else target.parts
            here = Path("/") if target.is_absolute() else here.parent
        here.stat()
        if self._enter(here):
            self._add(here, "--bind" if writable else "--ro-bind", str(here))
            self._bound.add(here)

    def _enter(self, path: Path) -> bool:
        """Open the folders above `path`; tell whether it is missing from the view and has to be put there."""
        if path in self._made:
            return False
        parents = list(reversed(path.parents))
        base = max((n for n, parent in enumerate(parents) if parent in self._bound), default=-1)
        covers = [n for n, parent in enumerate(parents) if n > base and parent in self._covered]
        if not covers:
            closed = next((n for n in range(base + 1, len(parents)) if not self._may_enter(parents[n])), None)
            if closed is None:
                return False
            self.arguments += ["--tmpfs", str(parents[closed])]
            self._covered.add(parents[closed])
            covers = [closed]
        for parent in parents[covers[-1] + 1 :]:
            if parent not in self._made:
                self._add(parent, "--dir")
        return True

    def _add(self, path: Path, option: str, *source: str) -> None:
        self.arguments += [option, *source, str(path)]
        self._made.add(path)

    def _may_enter(self, folder: Path) -> bool:
        status = folder.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def _require_bubblewrap(closed_folder: str) -> None:
    otherwise = "run divebell as an ordinary user instead of root"
    if shutil.which("bwrap") is None:
        raise DivebellError(
            f"volunteers may not enter {closed_folder}, and bubblewrap, which makes a way, is not installed",
            next_step=f"apt-get install -y bubblewrap; or {otherwise}",
        )
    trial = subprocess.run(
        [*bubblewrap(["--tmpfs", "/mnt"]), "true"], capture_output=True, text=True, check=False
    )
    if trial.returncode:
        raise DivebellError(
            f"volunteers may not enter {closed_folder}, and this machine does not let bubblewrap make a way: "
            f"{trial.stderr.strip()}",
            next_step=otherwise,
        )
