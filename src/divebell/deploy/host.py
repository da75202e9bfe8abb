"""The server as ssh knows it: who signs in where, and with which key."""

from __future__ import annotations

import json
import os
import re
import shlex
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from divebell.errors import DivebellError
from divebell.event import State
from divebell.event.state import write_private

SSH_PORT = 22
EXPECTED = "expected [USER@]HOST[:PORT], such as root@203.0.113.7"
_HOST = re.compile(
    r"(?:(?P<user>[a-z_][\w.-]*)@)?(?:\[(?P<six>[0-9a-fA-F:]+)\]|(?P<name>[A-Za-z0-9][\w.-]*))(?::(?P<port>\d+))?"
)
_OPTIONS = {
    "BatchMode": "yes",
    "ConnectTimeout": "15",
    "ServerAliveInterval": "15",
    "ServerAliveCountMax": "8",
    "StrictHostKeyChecking": "accept-new",
}


@dataclass(frozen=True)
class Host:
    """Where a server is reached. `user` and `identity` left out: what ssh itself would take."""

    name: str
    user: str | None = None
    port: int | None = None
    identity: str | None = None

    @property
    def destination(self) -> str:
        """What ssh is given."""
        return f"{self.user}@{self.name}" if self.user else self.name

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        user = f"{self.user}@" if self.user else ""
        return f"{user}{name}{f':{self.port}' if self.port else ''}"


def parse_host(text: str) -> Host:
    """Read `[USER@]HOST[:PORT]`. Raises DivebellError for anything else."""
    found = _HOST.fullmatch(text)
    port = int(found["port"]) if found and found["port"] else None
    if found is None or (port is not None and not 1 <= port <= 65535):
        raise DivebellError(f"found '{text}' as the server, {EXPECTED}")
    return Host(found["six"] or found["name"], found["user"], port)


def ssh_options(host: Host, sockets: Path | None = None) -> list[str]:
    """Give the options for ssh, those of ANSIBLE_SSH_ARGS first: the first value of an option counts.

    With `sockets`, a folder, all calls share one connection.
    """
    options = dict(_OPTIONS)
    if sockets is not None:
        options |= {"ControlMaster": "auto", "ControlPersist": "60s", "ControlPath": f"{sockets}/%C"}
    words = shlex.split(os.environ.get("ANSIBLE_SSH_ARGS", ""))
    for name, value in options.items():
        words += ["-o", f"{name}={value}"]
    if host.identity:
        words += ["-o", f"IdentityFile={host.identity}", "-o", "IdentitiesOnly=yes"]
    return words


def ssh_command(host: Host, script: str, sockets: Path | None = None) -> list[str]:
    """Give the command that runs `script` in a shell of the server."""
    port = ["-p", str(host.port)] if host.port else []
    return ["ssh", "-T", *ssh_options(host, sockets), *port, host.destination, script]


def remembered_file(state: State) -> Path:
    """Give where the server of an event is written down."""
    return state.folder / "deploy.json"


def remember(state: State, host: Host) -> None:
    """Write down where the event was deployed to."""
    state.folder.mkdir(mode=0o700, exist_ok=True)
    write_private(remembered_file(state), json.dumps(asdict(host), indent=2) + "\n")


def forget(state: State) -> None:
    """Forget where the event was deployed to."""
    remembered_file(state).unlink(missing_ok=True)


def remembered(state: State) -> Host | None:
    """Give where the event was deployed to last; None when it never was."""
    file = remembered_file(state)
    try:
        return Host(**json.loads(file.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise DivebellError(
            f"{file} is damaged: {error}", next_step="name the server again: divebell deploy --to USER@HOST"
        ) from error


def chosen_host(state: State, to: str | None, identity: Path | None) -> Host:
    """Give the server named by the caller, or the one that is remembered.

    Raises DivebellError when there is neither, or when the file with the key is not there.
    """
    last = remembered(state)
    key = str(identity.expanduser().resolve()) if identity else None
    if to is not None:
        host = _completed(parse_host(to), last)
    elif last is not None:
        host = last
    else:
        raise DivebellError(
            "this event has not been deployed yet, and no server is named",
            next_step="divebell deploy --to root@HOST",
        )
    host = replace(host, identity=key or host.identity)
    if host.identity and not Path(host.identity).is_file():
        raise DivebellError(f"there is no key at {host.identity}", next_step="name it with --identity FILE")
    return host


def _completed(host: Host, last: Host | None) -> Host:
    """Take what is not said of a server from the last time, if it is the same one."""
    if last is None or last.name != host.name:
        return host
    return Host(host.name, host.user or last.user, host.port or last.port, last.identity)
