"""Saving from JupyterLab: whole or not at all, and refused in words when there is no room.

Jupyter's own way writes over the file after making a copy of it; on a full disk a file can be left cut off.
Runs within the notebook server.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from tornado.web import HTTPError

from divebell.workspace.room import Room
from divebell.workspace.words import human_size

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_INSUFFICIENT_STORAGE = 507


class HomeContents(AsyncLargeFileManager):
    """The files of a home, as JupyterLab sees them."""

    async def save(self, model: dict[str, Any], path: str = "") -> Any:
        """Save a file. Where there is no room, what was there before stays."""
        try:
            return await super().save(model, path)  # type: ignore[no-untyped-call]
        except HTTPError as error:
            if not _lacks_room(error):
                raise
            self._forget_part(model, path)
            words = refusal(path.rpartition("/")[2], Room.of(Path(self.root_dir)))
            raise HTTPError(_INSUFFICIENT_STORAGE, words) from error

    async def list_checkpoints(self, path: str) -> Any:
        """Give the copies one can go back to: none where there is no room for the folder they would be in."""
        try:
            return await super().list_checkpoints(path)  # type: ignore[no-untyped-call]
        except OSError:
            return []

    async def create_checkpoint(self, path: str) -> Any:
        """Keep a copy to go back to.

        JupyterLab opens no file without one: where there is no room for it, the file as it was saved counts.
        """
        try:
            return await super().create_checkpoint(path)  # type: ignore[no-untyped-call]
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            file = await self.get(path, content=False)  # type: ignore[no-untyped-call]
            return {"id": "checkpoint", "last_modified": file["last_modified"]}

    def _forget_part(self, model: dict[str, Any], path: str) -> None:
        """Delete what has come of a large upload that did not fit."""
        if (model.get("chunk") or 1) != 1:
            Path(self._get_os_path(path)).unlink(missing_ok=True)  # type: ignore[no-untyped-call]

    @contextlib.contextmanager
    def atomic_writing(self, os_path: str, *args: Any, **options: Any) -> Iterator[IO[Any]]:
        """Give a file to write to that takes the place of `os_path` once all of it is on the disk."""
        with self.perm_to_403(os_path), write_whole(Path(os_path), *args, **options) as file:
            yield file


@contextlib.contextmanager
def write_whole(path: Path, text: bool = True, encoding: str = "utf-8", **options: Any) -> Iterator[IO[Any]]:
    """Write a file beside `path` and put it there when it is complete; remove it when it is not.

    Where a link leads, the file it leads to is written. Permissions stay as they are.
    """
    path = path.parent / path.readlink() if path.is_symlink() else path
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "file is not writable", str(path))
    new = path.with_name(f".~{path.name}.new")
    if text:
        options = {"newline": "\n", **options, "encoding": encoding}
    try:
        with new.open("w" if text else "wb", **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            new.chmod(path.stat().st_mode & 0o7777)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def refusal(name: str, room: Room) -> str:
    """Say why a file was not saved and what to do."""
    return (
        f"{name} was not saved; what was there before is unchanged. Your home is full "
        f"({human_size(room.free)} of {human_size(room.total)} are left): delete something, then save again. "
        "`du -ah ~ | sort -h | tail -20` in a terminal shows what is large."
    )


def _lacks_room(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return True
        error = error.__cause__
    return False
