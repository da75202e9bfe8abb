"""Become a volunteer's notebook server: ``python -m divebell.workspace.start``, as that volunteer.

The hub starts this with an environment of its own making. The home is made ready first; whatever goes wrong
there is told in the log and never keeps the notebook from starting.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from divebell.workspace.home import prepare_home

_JUPYTER = Path(__file__).with_name("jupyter")


def main() -> NoReturn:
    """Prepare the home and become the server."""
    os.umask(0o077)
    home = Path(os.environ["HOME"])
    os.chdir(home)
    try:
        prepare_home(home, dict(os.environ))
    except Exception:  # noqa: BLE001 - a home in disorder must not keep its owner out
        traceback.print_exc()
    os.environ["JUPYTER_CONFIG_PATH"] = str(_JUPYTER / "config")
    os.environ["JUPYTER_PATH"] = str(_JUPYTER / "share")
    # -P: a file in the home that is called like a module must not become that module
    os.execv(sys.executable, [sys.executable, "-P", "-m", "jupyterhub.singleuser"])  # noqa: S606


if __name__ == "__main__":
    main()
