"""File systems of a fixed size, each in one file: whoever fills one leaves everybody else's disk alone.

Only root can mount them. Elsewhere a plain folder stands in, and nothing holds its size down.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
from pathlib import Path

from divebell.errors import DivebellError

_CLONE_NEWNS = 0x00020000
_SYS_ADMIN = 21
"""CAP_SYS_ADMIN, capabilities(7): root in a container may lack it."""
KEPT = 1024**3
"""Bytes of the disk below that are not reserved for anybody: the event's database needs some to go on."""
OPTIONS = "loop,nosuid,nodev,noatime"


def can_mount() -> bool:
    """Tell whether this account can make file systems of its own."""
    tools = Path("/dev/loop-control").exists() and shutil.which("mkfs.ext4") is not None
    return tools and _has_capability(_SYS_ADMIN)


def is_mounted(folder: Path) -> bool:
    """Tell whether a file system is mounted at `folder` itself."""
    return folder.absolute() in _mount_points()


def ensure_disk(image: Path, folder: Path, size: int, uid: int, gid: int) -> None:
    """Mount the file system in `image` at `folder`; make it with `size` bytes for an owner if there is none.

    What lies in `folder` beforehand is moved into it. The bytes are reserved where the disk below has them,
    so that a file system never finds the disk below it full. Raises DivebellError where it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if is_mounted(folder):
        return
    if not image.exists():
        _make(image, folder, size, uid, gid)
    _grow(image, size)
    run(["mount", "-o", OPTIONS, str(image), str(folder)])


def leave_namespace() -> None:
    """Give this process a view of the file systems of its own: nobody else sees what it mounts from now on.

    What it mounts goes with it, however it ends. Raises OSError or DivebellError where that is not allowed.
    """
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    run(["mount", "--make-rslave", "/"])


def release(folder: Path) -> None:
    """Unmount what is mounted at `folder`, also while somebody still looks at it."""
    if is_mounted(folder):
        run(["umount", "--lazy", str(folder)])


def mounted_below(folder: Path) -> list[Path]:
    """Give all mount points below a folder, deepest first."""
    points = (point for point in _mount_points() if point.is_relative_to(folder.absolute()))
    return sorted(points, key=_depth, reverse=True)


def _mount_points() -> list[Path]:
    """Give where something is mounted; `os.path.ismount` does not see folders mounted from the same disk."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [Path(line.split()[4].encode("latin-1").decode("unicode_escape")) for line in lines]


def _has_capability(number: int) -> bool:
    status = Path("/proc/self/status").read_text()
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> number & 1)


def _depth(path: Path) -> int:
    return len(path.parts)


def _make(image: Path, folder: Path, size: int, uid: int, gid: int) -> None:
    """Make the file system beside its place and fill it before it gets its name: half made is not made."""
    image.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = image.with_suffix(".new")
    new.unlink(missing_ok=True)
    filling = image.with_suffix(".filling")
    release(filling)
    try:
        _reserve(new, max(size, _bytes_in(folder) * 5 // 4))
        # nodiscard: discarding would give the reserved bytes back to the disk below
        run(["mkfs.ext4", "-q", "-F", "-m", "0", "-E", f"nodiscard,root_owner={uid}:{gid}", str(new)])
        filling.mkdir(exist_ok=True)
        run(["mount", "-o", OPTIONS, str(new), str(filling)])
        (filling / "lost+found").rmdir()
        before = sorted(folder.iterdir())
        if before:
            run(["cp", "-a", "--", *map(str, before), str(filling)])
        filling.chmod(0o700)
        run(["umount", str(filling)])
        filling.rmdir()
    except BaseException:
        release(filling)
        new.unlink(missing_ok=True)
        raise
    new.replace(image)
    for each in before:
        shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()


def _reserve(file: Path, size: int) -> None:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        _allocate(descriptor, 0, size)
    finally:
        os.close(descriptor)


def _allocate(descriptor: int, before: int, size: int) -> None:
    """Reserve bytes where they can be spared; to try and fail would fill the disk below for a moment."""
    below = os.fstatvfs(descriptor)
    if below.f_bavail * below.f_frsize - (size - before) > KEPT:
        with contextlib.suppress(OSError):
            os.posix_fallocate(descriptor, before, size - before)
            return
        os.ftruncate(descriptor, before)
    # everybody's share is not there: the doctor says so, and the volunteer gets in
    os.ftruncate(descriptor, size)


def _grow(image: Path, size: int) -> None:
    """Make room when the event file has come to allow more; what is there is never made smaller.

    Unmounted: growing a mounted one takes a right (CAP_SYS_RESOURCE) that root in a container may lack.
    """
    before = image.stat().st_size
    if before >= size:
        return
    descriptor = os.open(image, os.O_RDWR)
    try:
        _allocate(descriptor, before, size)
    finally:
        os.close(descriptor)
    run(["e2fsck", "-fp", str(image)], fine=(0, 1))  # 1: it has put something right
    run(["resize2fs", str(image)])


def _bytes_in(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*"))


def run(command: list[str], fine: tuple[int, ...] = (0,)) -> None:
    """Run a command. Raises DivebellError with its own words when it refuses."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in fine:
        raise DivebellError(f"{command[0]}: {(done.stderr or done.stdout).strip()}")
