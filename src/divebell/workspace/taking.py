"""Take a copy of what somebody shares into one's own home, to run it and to go on from there."""

from __future__ import annotations

import itertools
import os
from pathlib import Path, PurePosixPath

from divebell.workspace.publish import ask, ask_for_file

FOLDER = "from-the-gallery"


def take_copy(home: Path, work: int) -> Path:
    """Copy a work of the gallery into one's home; give where it lies.

    A copy that is still as it was taken is used again; one that its owner changed stays as it is, and
    another is made beside it. Raises DivebellError where there is no such work, OSError where no room.
    """
    said = ask("GET", f"/{work}", {})
    contents = ask_for_file(work)
    folder = home / FOLDER / PurePosixPath(str(said["author"])).name
    folder.mkdir(parents=True, exist_ok=True)
    return _placed(folder, PurePosixPath(str(said["path"])).name, contents)


def _placed(folder: Path, name: str, contents: bytes) -> Path:
    path = PurePosixPath(name)
    names = itertools.chain([name], (f"{path.stem}-{number}{path.suffix}" for number in itertools.count(2)))
    while True:
        file = folder / next(names)
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        except FileExistsError:
            if file.is_file() and file.read_bytes() == contents:
                return file
            continue
        try:
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(contents)
        except OSError:
            file.unlink(missing_ok=True)
            raise
        return file
