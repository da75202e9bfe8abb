"""The folder beside the event file that holds everything a running event keeps."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from divebell.errors import DivebellError

STATE_FOLDER = ".divebell"
STATE_VARIABLE = "DIVEBELL_STATE"
"""Every process of an event carries this variable; its value is the state folder's path."""

NOTEBOOK_PORTS = 200
"""How many consecutive ports are kept for notebook servers."""


@dataclass(frozen=True)
class State:
    """Paths within one event's state folder. Nothing is created by asking for a path."""

    folder: Path

    @classmethod
    def beside(cls, event_file: Path) -> State:
        """Give the state of the event whose file is `event_file`."""
        return cls(event_file.resolve().parent / STATE_FOLDER)

    @property
    def event_file(self) -> Path:
        """The event file this state belongs to."""
        return self.folder.parent / "event.yaml"

    @property
    def secrets_file(self) -> Path:
        """Passwords, tokens and keys; readable by its owner only."""
        return self.folder / "secrets.json"

    @property
    def ports_file(self) -> Path:
        """The loopback ports `divebell up` chose."""
        return self.folder / "ports.json"

    @property
    def logs(self) -> Path:
        """A log file for each part."""
        return self.folder / "logs"

    @property
    def run(self) -> Path:
        """Sockets and PID files; may be emptied whenever nothing runs."""
        return self.folder / "run"

    @property
    def postgres(self) -> Path:
        """The cluster: `data` (PGDATA) and `socket` below it belong to the server's account."""
        return self.folder / "postgres"

    @property
    def hub(self) -> Path:
        """JupyterHub's own database and runtime files."""
        return self.folder / "hub"

    @property
    def proxy(self) -> Path:
        """The proxy's configuration and routes."""
        return self.folder / "proxy"

    @property
    def homes(self) -> Path:
        """Volunteers' home folders."""
        return self.folder / "homes"

    @property
    def repository(self) -> Path:
        """The bare mirror of the event's repository."""
        return self.folder / "repository.git"

    @property
    def checkout(self) -> Path:
        """The repository at the commit last loaded, for reading."""
        return self.folder / "checkout"


@dataclass(frozen=True)
class Ports:
    """Loopback ports of one running event; `proxy` is the one people open."""

    proxy: int
    proxy_api: int
    hub: int
    web: int
    postgres: int
    notebooks: int
    """First of `NOTEBOOK_PORTS` consecutive ports."""
    supervisor: int = 0

    @classmethod
    def load(cls, state: State) -> Ports:
        """Read the ports that `divebell up` chose. Raises FileNotFoundError before the first `up`."""
        try:
            return cls(**json.loads(state.ports_file.read_text()))
        except (ValueError, TypeError) as error:
            raise DivebellError(
                f"{state.ports_file} is damaged: {error}",
                next_step="delete that file: divebell up then chooses new ports",
            ) from error

    def save(self, state: State) -> None:
        """Write the ports beside the event."""
        write_private(state.ports_file, json.dumps(asdict(self), indent=2) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all, even when the power fails."""
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
