"""Name what this machine lacks, with the one command that installs it."""

from __future__ import annotations

import os
import shutil

from divebell.database.account import FIRST_UID, interpreter_paths, run_as
from divebell.database.binaries import find_binaries
from divebell.errors import DivebellError
from divebell.event import State

TOOLS = {"git": "git", "setpriv": "util-linux", "psql": "postgresql-client"}
"""Commands that an event needs, and the Debian package that brings each."""

TOOLS_AS_ROOT = {"bwrap": "bubblewrap"}


def check_machine() -> None:
    """Raise DivebellError that names everything missing on this machine and one command that installs it."""
    wanted = TOOLS | (TOOLS_AS_ROOT if os.geteuid() == 0 else {})
    packages = [package for tool, package in wanted.items() if shutil.which(tool) is None]
    missing = [tool for tool in wanted if shutil.which(tool) is None]
    try:
        find_binaries()
    except DivebellError:
        missing.append("PostgreSQL 15 or newer with PostGIS")
        packages += ["postgresql", "postgis", "postgresql-postgis"]
    if missing:
        sudo = "" if os.geteuid() == 0 else "sudo "
        raise DivebellError(
            f"this machine lacks: {', '.join(missing)}",
            next_step=f"{sudo}apt-get install -y {' '.join(packages)}",
        )


def check_accounts(state: State) -> None:
    """As root, raise DivebellError when a volunteer's account could not get at this Python and at a home."""
    run_as(FIRST_UID, FIRST_UID, ["true"], reachable=[*interpreter_paths(), state.homes])
