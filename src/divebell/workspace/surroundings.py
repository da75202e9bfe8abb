"""Where the programs of a notebook server keep what is theirs: apart from the home, which may be full."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from divebell.workspace.room import Level

_JUPYTER = Path(__file__).with_name("jupyter")


def private_folder(home: Path, temporary: Path) -> Path:
    """Make a folder nobody else can enter, anew for each start; what an earlier start left goes."""
    begin = f"notebook-{hashlib.sha256(bytes(home)).hexdigest()[:12]}-"
    for old in temporary.glob(f"{begin}*"):
        if old.lstat().st_uid == os.geteuid():
            shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=begin, dir=temporary))


def variables(home: Path, private: Path, level: Level, environment: Mapping[str, str]) -> dict[str, str]:
    """Give what a server needs to run, whatever state the home is in.

    Sockets, cookies and the like are always in the private folder. When the home is full, everything else
    that programs write by themselves goes there too, and lasts as long as the server.
    """
    jupyter = {
        "JUPYTER_CONFIG_PATH": str(_JUPYTER / "config"),
        "JUPYTER_PATH": str(_JUPYTER / "share"),
        "JUPYTER_RUNTIME_DIR": str(private / "runtime"),
        "XDG_RUNTIME_DIR": str(private),
    }
    if level is not Level.FULL:
        return jupyter
    own = environment.get("XDG_DATA_HOME", str(home / ".local" / "share"))
    return {
        **jupyter,
        "JUPYTER_PATH": f"{jupyter['JUPYTER_PATH']}:{own}/jupyter",
        "JUPYTER_DATA_DIR": str(private / "data"),
        "JUPYTERLAB_WORKSPACES_DIR": str(private / "workspaces"),
        "IPYTHONDIR": str(private / "ipython"),
        "MPLCONFIGDIR": str(private / "matplotlib"),
        "XDG_CACHE_HOME": str(private / "cache"),
        "HISTFILE": str(private / "bash_history"),
    }
