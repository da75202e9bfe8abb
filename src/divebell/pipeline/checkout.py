"""The loaded commit's files in a folder for reading, changed one by one so that none is ever missing.

Files are written from their blobs and put in place by a rename; git's own checkout would remove before it
writes, and would act on filters and attributes that the repository brings along.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

from divebell.errors import DivebellError
from divebell.pipeline.repository import MAX_PATH_BYTES, Repository, TreeFile
from divebell.workspace.copy_plan import STAMP

_RECORD = "divebell-checkout.json"
_PIECE = 1 << 20


def update(repository: Repository, files: Iterable[TreeFile]) -> None:
    """Make the checkout hold exactly `files` (links, submodules and impossible paths left out)."""
    folder = repository.state.checkout
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    wanted = {file.path: file for file in files if file.regular and is_safe(file.path)}
    known = _recorded(repository)
    stamps = {path: _stamp(folder, file) for path, file in wanted.items()}
    changed = [file for path, file in wanted.items() if known.get(path, []) != stamps[path]]
    if changed:
        _write(repository, folder, changed)
        stamps |= {file.path: _stamp(folder, file) for file in changed}
    _remove_others(folder, {*wanted, STAMP})
    if stamps != known:
        _record(repository, stamps)
    _leave_stamp(folder, wanted)


def _leave_stamp(folder: Path, wanted: Mapping[str, TreeFile]) -> None:
    """Say which files lie here, unless that is said already."""
    told = "".join(f"{file.mode} {file.blob} {path}\0" for path, file in sorted(wanted.items()))
    text = hashlib.sha256(os.fsencode(told)).hexdigest() + "\n"
    stamp = folder / STAMP
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if stamp.read_text() == text:
            return
    new = folder / f"{STAMP}.divebell-new"
    new.write_text(text)
    new.chmod(0o444)
    new.replace(stamp)


def is_safe(path: str) -> bool:
    """Tell whether a path of a commit stays within the folder and away from git's files and our own."""
    parts = path.split("/")
    return (
        len(os.fsencode(path)) <= MAX_PATH_BYTES
        and parts[0] != STAMP
        and not any(
            part in {"", ".", ".."} or part.lower() == ".git" or len(os.fsencode(part)) > 255
            for part in parts
        )
    )


def _write(repository: Repository, folder: Path, files: list[TreeFile]) -> None:
    arguments, env = repository.blobs()
    with subprocess.Popen(arguments, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if process.stdin is None or process.stdout is None:  # both are pipes
            return
        try:
            for file in files:
                process.stdin.write(file.blob.encode() + b"\n")
                process.stdin.flush()
                _place(process.stdout, folder, file)
        finally:
            process.stdin.close()
            process.kill()


def _place(blobs: IO[bytes], folder: Path, file: TreeFile) -> None:
    header = blobs.readline().split()
    if len(header) != 3 or header[1] != b"blob":
        raise DivebellError(f"the mirror lacks the contents of {file.path}")
    target = folder / file.path
    _make_way(folder, target)
    temporary = target.with_name(f".{file.blob[:16]}.divebell-new")
    with temporary.open("wb") as out:
        _copy(blobs, out, int(header[2]))
        os.fchmod(out.fileno(), 0o555 if file.mode == "100755" else 0o444)
    blobs.read(1)  # the line end after each blob
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    temporary.replace(target)


def _copy(source: IO[bytes], out: IO[bytes], size: int) -> None:
    while size:
        piece = source.read(min(size, _PIECE))
        if not piece:
            raise DivebellError("git ended in the middle of a file")
        out.write(piece)
        size -= len(piece)


def _make_way(folder: Path, target: Path) -> None:
    """Make the folders above `target`, where a file or link may have been before."""
    here = folder
    for part in target.relative_to(folder).parts[:-1]:
        here /= part
        if here.is_symlink() or (here.exists() and not here.is_dir()):
            here.unlink()
        here.mkdir(mode=0o755, exist_ok=True)


def _remove_others(folder: Path, wanted: set[str]) -> None:
    top, folders = str(folder), _folders(wanted)
    for root, names, files in os.walk(top):
        below = root[len(top) + 1 :]
        inside = f"{below}/" if below else ""
        for name in list(names):
            if (Path(root) / name).is_symlink():
                (Path(root) / name).unlink()
            elif inside + name not in folders:
                names.remove(name)
                shutil.rmtree(Path(root) / name)
        for name in files:
            if inside + name not in wanted:
                (Path(root) / name).unlink()


def _folders(wanted: set[str]) -> set[str]:
    """Name every folder that one of the files lies in."""
    folders: set[str] = set()
    for path in wanted:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def _stamp(folder: Path, file: TreeFile) -> list[object] | None:
    """Give what shows that the file in the folder still is this blob; None where there is no such file."""
    try:
        status = os.lstat(f"{folder}/{file.path}")
    except OSError:
        return None
    return [file.blob, file.mode, status.st_size, status.st_mtime_ns]


def _recorded(repository: Repository) -> dict[str, list[object]]:
    try:
        known = json.loads((repository.state.repository / _RECORD).read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _record(repository: Repository, stamps: dict[str, list[object] | None]) -> None:
    file = repository.state.repository / _RECORD
    temporary = file.with_suffix(".new")
    temporary.write_text(json.dumps(stamps))
    temporary.replace(file)
