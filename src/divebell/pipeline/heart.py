"""The loader's heart: tells everyone each second that it lives, and what it does right now."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from divebell import notify
from divebell.database import connect
from divebell.errors import DivebellError
from divebell.event import State
from divebell.pipeline import catalogue

_BEAT_SECONDS = 1.0
_log = logging.getLogger(__name__)


@dataclass
class Status:
    """What the loader does right now; the heart tells it to everyone."""

    activity: str = "starting"
    detail: str = ""
    tell: Callable[[str], None] = field(default=lambda detail: _log.info("%s", detail))

    def say(self, activity: str, detail: str = "") -> None:
        """Change both at once."""
        if (activity, detail) != (self.activity, self.detail) and detail:
            self.tell(detail)
        self.activity, self.detail = activity, detail


@contextmanager
def beating(state: State, status: Status, role: str) -> Iterator[None]:
    """Tell the status each second from a thread and a connection of its own, however busy the caller is."""
    stop = threading.Event()
    heart = threading.Thread(target=_beat, args=(state, status, role, stop), name="heart", daemon=True)
    heart.start()
    try:
        yield
    finally:
        stop.set()
        heart.join(timeout=10)


def _beat(state: State, status: Status, role: str, stop: threading.Event) -> None:
    while not stop.is_set():
        notify.beat()
        try:
            with connect(state, role, autocommit=True) as connection:
                while not stop.is_set():
                    catalogue.beat(connection, status.activity, status.detail)
                    notify.beat()
                    stop.wait(_BEAT_SECONDS)
        except (DivebellError, psycopg.OperationalError):
            stop.wait(_BEAT_SECONDS)
