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
    def proxy_file(self) -> Path:
        """What the proxy is started with."""
        return self.proxy / "traefik.toml"

    @property
    def proxy_rules(self) -> Path:
        """The proxy's routes: the hub's, and the fixed ones beside them."""
        return self.proxy / "rules"

    @property
    def homes(self) -> Path:
        """Volunteers' home folders."""
        return self.folder / "homes"

    @property
    def containers_file(self) -> Path:
        """Where containers run, while notebook servers run in containers."""
        return self.folder / "containers.json"

    @property
    def service_file(self) -> Path:
        """There where the event runs as services of a server; `divebell deploy` puts it there."""
        return self.folder / "service.json"

    @property
    def credentials(self) -> Path:
        """What systemd hands to each part of a server: a file for each, with nothing of the others'."""
        return self.folder / "credentials"

    def credential(self, part: str) -> Path:
        """Give the file of secrets that systemd hands to one part."""
        return self.credentials / f"{part}.json"

    @property
    def certificate_file(self) -> Path:
        """How the certificate of an event on a server stands; no secret."""
        return self.folder / "certificate.json"

    @property
    def authority(self) -> Path:
        """The event's own authority for certificates: `authority.crt` is for everybody, the rest secret."""
        return self.folder / "authority"

    @property
    def scratch(self) -> Path:
        """The file that holds the file system for volunteers' tables, when divebell runs as root."""
        return self.folder / "scratch.img"

    @property
    def disks(self) -> Path:
        """The files that hold volunteers' homes, when divebell runs as root."""
        return self.folder / "disks"

    @property
    def shared(self) -> Path:
        """What volunteers show each other: a folder for each, as containers see it."""
        return self.folder / "shared"

    @property
    def rasters(self) -> Path:
        """The event's rasters as maps draw them: cloud-optimised GeoTIFFs, which the loader keeps."""
        return self.folder / "rasters"

    @property
    def repository(self) -> Path:
        """The bare mirror of the event's repository."""
        return self.folder / "repository.git"

    @property
    def backup(self) -> Path:
        """What a backup makes ready before it is copied away, and how the last one went."""
        return self.folder / "backup"

    @property
    def restore(self) -> Path:
        """What a restore brings, and what it puts aside until it has worked."""
        return self.folder / "restore"

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
    inside: int = 0
    """On the containers' gateway alone: what notebooks in containers reach of hub and web app."""
    packages: int = 0
    """On the containers' gateway alone: the way to the package index."""

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
        _write_changed(state.ports_file, json.dumps(asdict(self), indent=2) + "\n")


@dataclass(frozen=True)
class Containers:
    """Where the notebook servers of one event run while they run in containers. `divebell up` writes it."""

    network: str
    """The name of the event's own bridge network."""
    bridge: str
    """The network's interface on this machine."""
    gateway: str
    """This machine's address in that network: there containers find PostgreSQL, hub and web app."""
    subnet: str
    """The network's addresses, such as 172.18.0.0/16."""
    image: str
    """The workspace image's name and tag."""

    @classmethod
    def load(cls, state: State) -> Containers | None:
        """Read what `divebell up` wrote; None while notebook servers run as processes."""
        try:
            return cls(**json.loads(state.containers_file.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise DivebellError(
                f"{state.containers_file} is damaged: {error}", next_step="divebell up writes it anew"
            ) from error

    def save(self, state: State) -> None:
        """Write it beside the event."""
        _write_changed(state.containers_file, json.dumps(asdict(self), indent=2) + "\n")


@dataclass(frozen=True)
class Service:
    """How an event runs as services of a server. `divebell deploy` writes it."""

    address: str
    """Where people open the event, such as https://dive.example.org/."""

    @classmethod
    def load(cls, state: State) -> Service | None:
        """Read what `divebell deploy` wrote; None on a laptop, where `divebell up` runs the event."""
        try:
            return cls(**json.loads(state.service_file.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise DivebellError(
                f"{state.service_file} is damaged: {error}", next_step="divebell deploy writes it anew"
            ) from error

    def save(self, state: State) -> None:
        """Write it beside the event."""
        _write_changed(state.service_file, json.dumps(asdict(self), indent=2) + "\n")


def _write_changed(path: Path, text: str) -> None:
    """Leave a file alone that says this already: on a server others have been let read it."""
    if not path.exists() or path.read_text() != text:
        write_private(path, text)


def write_private(path: Path, text: str, *, group: int | None = None) -> None:
    """Write a file that only its owner, and a group, may read; whole or not at all, even on a power cut."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    # nobody's link is followed: on a server the folder of the proxy's rules belongs to the hub
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        if group is not None:
            os.fchown(descriptor, -1, group)
            os.fchmod(descriptor, 0o640)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
