"""What a server does when it starts: `python -m divebell.local.boot FOLDER setup|migrate`, as root."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from divebell.database import prepare
from divebell.errors import DivebellError
from divebell.event import Ports, State, ensure_secrets, load_event
from divebell.local.ready import make_folders, make_ready

PATIENCE_SECONDS = 90.0
"""How long a server that recovers from a power cut may take until it lets anybody in."""


def set_up(folder: Path) -> None:
    """Put in place what is gone after a restart of the machine: firewall, network; and the rest if it is."""
    event, state = load_event(folder), State.beside(folder / "event.yaml")
    make_folders(state)
    try:
        ports = Ports.load(state)
    except FileNotFoundError:
        raise DivebellError("no ports have been chosen yet", next_step=f"divebell up {folder}") from None
    for change in make_ready(event, state, ports, ensure_secrets(event, state), print):
        print(change)


def migrate(folder: Path) -> None:
    """Bring the database to what this version of divebell needs, as soon as it lets us in."""
    event, state = load_event(folder), State.beside(folder / "event.yaml")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            taken = prepare(event, state)
        except DivebellError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            print("\n".join(taken) or "the database is as it should be")
            return


STEPS = {"setup": set_up, "migrate": migrate}


def main(arguments: list[str]) -> None:
    """Do one step."""
    if len(arguments) != 2 or arguments[1] not in STEPS:
        sys.exit(f"usage: python -m divebell.local.boot FOLDER {'|'.join(STEPS)}")
    try:
        STEPS[arguments[1]](Path(arguments[0]))
    except DivebellError as error:
        sys.exit(f"divebell: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
