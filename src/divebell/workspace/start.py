"""Become a volunteer's notebook server: ``python -m divebell.workspace.start``, as that volunteer.

The hub starts this with an environment of its own making. The home is made ready first; whatever goes wrong
there is told in the log and never keeps the notebook from starting.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from divebell.workspace import full_page, git_settings, own_copy
from divebell.workspace.beside import beside, done_within
from divebell.workspace.home import prepare_home
from divebell.workspace.room import Room
from divebell.workspace.surroundings import private_folder, variables

SERVER = "divebell.workspace.server"
_HOME_SECONDS = 30.0
"""How long the start waits for a home in disorder: a pipe in place of a file holds its reader forever."""
_COPY_SECONDS = 1.0
"""How long the start waits for the copy of the repository; a larger one goes on beside the server."""


def main() -> NoReturn:
    """Prepare the home and become the server."""
    prepare()
    # -P: a file in the home that is called like a module must not become that module
    os.execv(sys.executable, [sys.executable, "-P", "-m", SERVER])  # noqa: S606


def prepare() -> None:
    """Make the home ready, and this process's environment what the server is to find."""
    os.umask(0o022)  # the home is closed to others as a whole; what is in ~/public they may read
    home = Path(os.environ["HOME"])
    with contextlib.suppress(OSError):
        home.chmod(0o700)  # its owner may have shut it, and would be kept out
    os.chdir(home)
    os.environ.update(settle(home, dict(os.environ)))


def settle(home: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Make the home ready; give what the server is to find in its environment besides."""
    private = private_folder(home, Path(tempfile.gettempdir()))
    copying = beside(lambda: own_copy.follow(Path(environment["DIVEBELL_CHECKOUT"]), home))
    # in a process of its own, whatever happens to it: a home in disorder must not keep its owner out
    if not done_within(beside(lambda: prepare_home(home, environment), nice=0), _HOME_SECONDS):
        print(f"the home of {home.name} takes too long to be made ready", file=sys.stderr)
    done_within(copying, _COPY_SECONDS)
    room = Room.of(home)
    return {
        **variables(home, private, room.level, environment),
        **git_settings.prepare(private, environment),
        **full_page.show(home, private, room, environment),
    }


if __name__ == "__main__":
    main()
