"""What files say, where their time stamps alone would take for changed what is not."""

from __future__ import annotations

import contextlib
import filecmp
import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from divebell.workspace.copy_plan import CONFLICTS, Base, Plan, Stamp, Verdict, stamp_of

NOTEBOOK = ".ipynb"
_MOST_BYTES = 32 << 20
"""Larger files are known by their time stamps alone: reading them once more would cost everybody dear."""


def look_closer(planned: Plan, files: Mapping[str, Stamp], source: Path, target: Path) -> Plan:
    """Let contents decide where time stamps see a change.

    A notebook that was only opened says what it said before. The event may have gone back to what the owner
    began with, or have taken over what the owner did.
    """
    kept, owners, copy = dict(planned.kept), dict(planned.owners), list(planned.copy)
    for path, verdict in planned.owners.items():
        event, base, own = files.get(path), kept.get(path), target / path
        with contextlib.suppress(OSError):
            if base and path.endswith(NOTEBOOK) and _says(own, base):
                kept[path] = base = replace(base, here=stamp_of(own.lstat()))
                del owners[path]
                if event and event != base.event:
                    copy.append(path)
            elif event and verdict is Verdict.CONFLICT and base and _says(source / path, base):
                kept[path], owners[path] = replace(base, event=event), Verdict.CHANGED
            elif event and verdict in CONFLICTS and _same(source / path, own):
                os.utime(own, ns=(event[1], event[1]), follow_symlinks=False)
                kept[path] = Base(event, event)
                del owners[path]
    return replace(planned, kept=kept, owners=owners, copy=tuple(copy))


def digest(file: Path, path: str = "") -> str:
    """Give what tells one file's contents from another's; of a notebook, what its cells say and show.

    `path` is what it is called, where that is not yet its name. Gives "" for a file so large that it is not
    read for this.
    """
    if file.lstat().st_size > _MOST_BYTES:
        return ""
    with file.open("rb") as opened:
        made = hashlib.file_digest(opened, _new_digest).hexdigest()
    return _of_cells(file.read_bytes()) or made if (path or file.name).endswith(NOTEBOOK) else made


def _of_cells(notebook: bytes) -> str:
    """Give the digest of a notebook's cells: who merely opens one changes what is written around them."""
    try:
        cells = [_joined({**cell, "id": ""}) for cell in json.loads(notebook)["cells"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    made = _new_digest()
    made.update(json.dumps(cells, sort_keys=True).encode())
    return made.hexdigest()


def _joined(value: Any) -> Any:
    """Write texts in one piece: a notebook may have them line by line, and comes out so when it is saved."""
    if isinstance(value, dict):
        return {key: _joined(each) for key, each in value.items()}
    if isinstance(value, list):
        text = value and all(isinstance(each, str) for each in value)
        return "".join(value) if text else [_joined(each) for each in value]
    return value


def _new_digest() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=16)


def _says(file: Path, base: Base) -> bool:
    """Tell whether an ordinary file says what was put there once."""
    status = file.lstat()
    if not base.digest or not stat.S_ISREG(status.st_mode):
        return False
    alike = status.st_size == base.event[0] or file.name.endswith(NOTEBOOK)
    return alike and digest(file) == base.digest


def _same(one: Path, other: Path) -> bool:
    """Tell whether two regular files have the same contents."""
    first, second = one.lstat(), other.lstat()
    if not stat.S_ISREG(second.st_mode) or first.st_size != second.st_size:
        return False
    return filecmp.cmp(one, other, shallow=False)
