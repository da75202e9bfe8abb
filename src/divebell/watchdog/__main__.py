"""Watch over the database of the event in a folder: `python -m divebell.watchdog FOLDER`."""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import psycopg

from divebell import notify
from divebell.database import connect
from divebell.database.scratch import keep_ballast
from divebell.errors import DivebellError
from divebell.event import Service, State
from divebell.watchdog.watch import Watch, tidy

EVERY_SECONDS = 1.0
BALLAST_EVERY_SECONDS = 60.0

Round = Callable[[], object]


def main(folder: Path) -> None:
    """Watch until told to stop; the database may come and go."""
    state = State.beside(folder / "event.yaml")
    threading.Thread(target=_tidy_forever, args=(state,), daemon=True).start()
    _forever(state, lambda connection: Watch(connection, state.postgres).round, told=notify.beat)


def _tidy_forever(state: State) -> None:
    """Tidy up; where that breaks, end all of the watchdog with it, which is then started anew."""
    try:
        _forever(state, _tidying(state))
    except BaseException:  # noqa: BLE001 - a thread that is gone would be missed by nobody
        traceback.print_exc()
        os._exit(1)


def _tidying(state: State) -> Callable[[psycopg.Connection], Round]:
    """Give what moves tables: on a connection of its own, because a large one takes its time."""

    def begin(connection: psycopg.Connection) -> Round:
        due = time.monotonic()

        def once() -> None:
            nonlocal due
            tidy(connection)
            if time.monotonic() >= due:
                due = time.monotonic() + BALLAST_EVERY_SECONDS
                if Service.load(state) is None:  # there it takes root, which the helper for homes is
                    keep_ballast(state)

        return once

    return begin


def _forever(
    state: State, begin: Callable[[psycopg.Connection], Round], told: Callable[[], None] = lambda: None
) -> None:
    """Do one round after the other; connect anew whenever the database was away. Each round is `told`."""
    said = ""
    while True:
        told()
        try:
            with connect(state, "event_watchdog", autocommit=True) as connection:
                once = begin(connection)
                while True:
                    once()
                    told()
                    said = ""
                    time.sleep(EVERY_SECONDS)
        except (DivebellError, psycopg.Error) as error:
            if str(error) != said:
                said = str(error)
                print(f"watchdog: {said}", file=sys.stderr, flush=True)
            time.sleep(EVERY_SECONDS)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m divebell.watchdog FOLDER")
    main(Path(sys.argv[1]))
