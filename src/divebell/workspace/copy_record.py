"""What was put into a volunteer's copy of the repository, as it is written down in the home."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from divebell.workspace.copy_plan import LINKED, Base

_RECORD = Path(".divebell") / "my-event.json"
_AGAIN_SECONDS = 0.05


def read(home: Path) -> dict[str, Base]:
    """Give the record; an empty one where there is none that can be read."""
    try:
        known = json.loads((home / _RECORD).read_text())
        return {str(path): _base(*entry) for path, entry in known.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def save(home: Path, record: Mapping[str, Base]) -> None:
    """Write the record down; without room for it the time stamps alone have to do."""
    file = home / _RECORD
    new = file.with_suffix(".new")
    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        new.write_text(json.dumps({path: _entry(base) for path, base in record.items()}))
        new.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink()
        print(f"my-event: no record: {error}", file=sys.stderr)


@contextlib.contextmanager
def alone(home: Path, seconds: float = 0) -> Iterator[bool]:
    """Hold the home for one run at a time, waiting for it no longer than that; needs no room on its disk."""
    folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield _locked(folder, time.monotonic() + seconds)
    finally:
        os.close(folder)


def _locked(folder: int, until: float) -> bool:
    while True:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= until:
                return False
            time.sleep(_AGAIN_SECONDS)
        else:
            return True


def _base(size: int, changed: int, digest: str = "", linked: Any = False) -> Base:
    event = (int(size), int(changed))
    return Base(LINKED if linked else event, event, str(digest))


def _entry(base: Base) -> list[Any]:
    return [*base.event, base.digest, *([1] if base.here == LINKED else [])]
