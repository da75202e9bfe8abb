"""The event for a part that runs on while its file may change."""

from __future__ import annotations

from divebell.errors import DivebellError
from divebell.event.load import load_event
from divebell.event.model import Event
from divebell.event.state import State


class Latest:
    """Gives the event as its file says now. The file is read again only when it has changed."""

    def __init__(self, state: State) -> None:
        self._file = state.event_file
        self._stamp: tuple[int, int] | None = None
        self._event: Event | None = None

    def event(self) -> Event:
        """Give the event, the same object while the file is the same. Raises DivebellError without one."""
        try:
            facts = self._file.stat()
        except FileNotFoundError:
            raise DivebellError(f"there is no event file {self._file}", next_step="divebell init") from None
        stamp = (facts.st_mtime_ns, facts.st_size)
        if self._event is None or stamp != self._stamp:
            self._event, self._stamp = load_event(self._file), stamp
        return self._event
