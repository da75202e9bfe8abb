"""Where volunteers' own tables and temporary files lie: a tablespace on a file system of its own.

Whoever fills it gets "No space left on device" on the own query, and everything else goes on: the event's
data, the catalogue and the write-ahead log lie elsewhere.

As root it is a file system in one file (`State.scratch`), mounted at `postgres/scratch` in a mount namespace
that the server alone lives in: it is gone with the last of the server's processes, however they end.
Otherwise it is a plain folder at that place. The server finds it by a relative link, so that the event may
be moved.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from divebell.database.account import Account
from divebell.database.cluster import data_folder
from divebell.database.leftovers import server_pid
from divebell.disks import can_mount, ensure_disk, is_mounted, leave_namespace
from divebell.errors import DivebellError
from divebell.event import State

TABLESPACE = "scratch"
LINK = "../../scratch"
"""From `data/pg_tblspc`."""

MOST_BALLAST = 1024**3
"""As much as the write-ahead log may hold (max_wal_size)."""

_MADE = re.compile(r"/proc/self/fd/\d+/scratch")
_BLOCK = 4096
_MEGABYTE = 1024**2


@dataclass(frozen=True)
class Space:
    """Room for volunteers' tables, in bytes."""

    total: int
    free: int


def scratch_folder(state: State) -> Path:
    """Give the folder as the server sees it; a mounted file system is seen by the server alone."""
    return state.postgres / "scratch"


def make_scratch(state: State, size: int | None, account: Account) -> None:
    """Make room of `size` bytes (None: as it is) and mend the way to it. No server of the cluster may run.

    This process, and the server that it becomes, sees the file system; nobody else does.
    Raises DivebellError where volunteers' tables lie in a file system that cannot be mounted here.
    """
    folder = scratch_folder(state)
    folder.mkdir(mode=0o700, exist_ok=True)
    if size is not None or state.scratch.exists():
        _mount(state, size, account)
    if not is_mounted(folder):
        folder.chmod(0o700)
        if os.geteuid() == 0:
            os.chown(folder, account.uid, account.gid)
    mend_link(state)


def mend_link(state: State) -> None:
    """Let the server's link to the tablespace lead to this event's folder, wherever that has been moved."""
    links = data_folder(state) / "pg_tblspc"
    for link in links.iterdir() if links.is_dir() else ():
        if link.is_symlink() and _MADE.fullmatch(os.fspath(link.readlink())):
            new = links.parent / f"pg_tblspc.{link.name}"
            new.unlink(missing_ok=True)
            new.symlink_to(LINK)
            new.replace(link)


def ensure_tablespace(server: psycopg.Connection, state: State) -> None:
    """Make the tablespace of a running server where it is missing.

    `server` is the superuser's connection, in autocommit.
    """
    if not server.execute("SELECT 1 FROM pg_tablespace WHERE spcname = %s", (TABLESPACE,)).fetchone():
        row = server.execute("SELECT current_setting('data_directory')").fetchone()
        place = str(Path(row[0]).parent / "scratch") if row else ""
        server.execute(
            sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(sql.Identifier(TABLESPACE), sql.Literal(place))
        )
        server.execute("CHECKPOINT")  # so that no recovery makes the link anew
    mend_link(state)
    _make_temporary_folder(server)


def _make_temporary_folder(server: psycopg.Connection) -> None:
    """Have the server make its folder for temporary files: once the space is full it would take another's."""
    with contextlib.suppress(psycopg.errors.DiskFull), server.transaction(force_rollback=True):
        server.execute("SET LOCAL work_mem = '64kB'")
        server.execute(sql.SQL("SET LOCAL temp_tablespaces = {}").format(sql.Identifier(TABLESPACE)))
        server.execute("SELECT count(*) FROM (SELECT g FROM generate_series(1, 10000) g ORDER BY -g) s")


def space(state: State) -> Space | None:
    """Tell how much room there is; None while the server is away or where there is no file system for it."""
    folder = _seen_from_here(state)
    if folder is None:
        return None
    found = os.statvfs(folder)
    return Space(found.f_frsize * found.f_blocks, found.f_frsize * found.f_bavail)


def keep_ballast(state: State) -> None:
    """Keep some of a running server's scratch space from everybody, for `drop_ballast`."""
    folder = _seen_from_here(state)
    if folder is None:
        return
    ballast = folder / "ballast"
    with contextlib.suppress(OSError):  # it is full right now
        descriptor = os.open(ballast, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, _ballast(state.scratch.stat().st_size))
        finally:
            os.close(descriptor)


def drop_ballast(state: State) -> None:
    """Make the room that recovery after a crash may need in a file system filled to the brim.

    It writes again what the write-ahead log holds, also to tables that were dropped since.
    """
    (scratch_folder(state) / "ballast").unlink(missing_ok=True)


def _seen_from_here(state: State) -> Path | None:
    pid = server_pid(data_folder(state)) if state.scratch.exists() else None
    folder = Path(f"/proc/{pid}/cwd/../scratch")
    return folder if pid is not None and os.path.ismount(folder) else None


def _mount(state: State, size: int | None, account: Account) -> None:
    folder, image = scratch_folder(state), state.scratch
    if not can_mount():
        if image.exists():
            raise DivebellError(
                f"volunteers' tables lie in {image}, which cannot be mounted here",
                next_step="run `divebell up` as root on a machine with loop devices, as before",
            )
        return
    try:
        leave_namespace()
        fits = _that_fits(image, size or 0)
        ensure_disk(image, folder, fits, account.uid, account.gid)
    except (DivebellError, OSError) as error:
        if image.exists():
            raise DivebellError(
                f"volunteers' tables lie in {image}, which cannot be mounted: {error}",
                next_step=f"e2fsck -p {image}, then divebell up",
            ) from error
        print(f"divebell: volunteers' tables get no file system of their own, because {error}")


def _that_fits(image: Path, size: int) -> int:
    """Give the file system's size for `size` bytes of tables: with ballast, within a quarter of the room."""
    taken = image.stat().st_size if image.exists() else 0
    wanted = size + min(size, MOST_BALLAST)
    most = (shutil.disk_usage(image.parent).free + taken) // 4
    if wanted > most:
        print(f"divebell: volunteers' tables get {most // _MEGABYTE:,} MB, a quarter of the disk's room")
    return min(wanted, most)


def _ballast(image_bytes: int) -> int:
    return min(image_bytes // 2, MOST_BALLAST) // _BLOCK * _BLOCK
