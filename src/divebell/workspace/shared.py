"""What volunteers show each other as files: `~/public` is one's own, `~/everyone` holds everybody's."""

from __future__ import annotations

import os
import stat
from pathlib import Path

PUBLIC = "public"
EVERYONE = "everyone"
_README = """\
# public

What you put here everybody at the event can read, and nobody but you can change. Others find it as
`~/everyone/{name}/`.
"""


def ensure_public(home: Path, name: str) -> None:
    """Make the folder whose contents everybody may read, and let them read what is in it."""
    folder = home / PUBLIC
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        return
    folder.mkdir(mode=0o755, exist_ok=True)
    if not any(folder.iterdir()):
        (folder / "README.md").write_text(_README.format(name=name))
    let_others_read(folder)


def let_others_read(folder: Path) -> None:
    """Open a folder and all in it to everybody's eyes: files moved here bring their closed modes along."""
    for root, _, names in os.walk(folder):
        _open(Path(root), stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH)
        for name in names:
            file = Path(root, name)
            if not file.is_symlink():
                _open(file, stat.S_IRGRP | stat.S_IROTH)


def _open(path: Path, bits: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & bits != bits:
        path.chmod(mode | bits)
