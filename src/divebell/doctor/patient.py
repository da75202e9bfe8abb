"""The running event as the checks see it, and what several of them share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from divebell.event import Containers, Event, Ports, Secrets, Service, State, load_event, load_secrets

T = TypeVar("T")


class Once:
    """Makes a thing when the first check asks for it, gives the same to all, and undoes it at the end.

    What could not be made is not tried again: every check that needs it hears why.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._locks: dict[object, threading.Lock] = {}
        self._made: dict[object, tuple[Any, Exception | None]] = {}
        self._guard = threading.Lock()

    def get(self, make: Callable[[], AbstractContextManager[T]], key: object) -> T:
        """Give what `make` made the first time it was asked for under this key."""
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._made:
                self._made[key] = self._make(make)
        made, error = self._made[key]
        if error is not None:
            raise error
        return cast("T", made)

    def _make(self, make: Callable[[], AbstractContextManager[T]]) -> tuple[T | None, Exception | None]:
        try:
            return self._stack.enter_context(make()), None
        except Exception as error:  # noqa: BLE001 - every check that asks is told
            return None, error

    def close(self) -> None:
        """Undo all of it; what is asked for afterwards is made anew."""
        self._made.clear()
        self._stack.close()


@dataclass(frozen=True)
class Patient:
    """One running event."""

    event: Event
    state: State
    ports: Ports
    secrets: Secrets = field(repr=False)
    containers: Containers | None
    processes: tuple[int, ...]
    """The processes of the event on this machine."""
    served: Service | None = None
    """How it runs as services of a server; None where `divebell up` runs it."""
    once: Once = field(default_factory=Once, repr=False)

    @classmethod
    def of(cls, state: State, processes: tuple[int, ...]) -> Patient:
        """Read what the event's state folder says."""
        return cls(
            load_event(state.event_file),
            state,
            Ports.load(state),
            load_secrets(state),
            Containers.load(state),
            processes,
            Service.load(state),
        )

    @property
    def base(self) -> str:
        """The event's address as browsers have it, without a slash at the end."""
        return self.served.address.rstrip("/") if self.served else f"http://127.0.0.1:{self.ports.proxy}"

    def shared(self, make: Callable[[Patient], AbstractContextManager[T]]) -> T:
        """Give what `make` gives for this event; it is made once and undone when all checks are done."""
        return self.once.get(lambda: make(self), make)
