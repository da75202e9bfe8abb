"""What the server is before anything is done to it, and whether an event can run there."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from packaging.version import Version

from divebell._version import __version__
from divebell.deploy import ssh
from divebell.deploy.host import Host
from divebell.errors import DivebellError
from divebell.event import Event

OLDEST = {"debian": (12, 0), "ubuntu": (24, 4)}
"""Ubuntu 22.04 has PostgreSQL 14, and a pre-release of Python 3.11 that pip leaves packages out for."""
ARCHITECTURES = ("x86_64", "aarch64")
LEAST_MEMORY = 3_500_000
"""In KB: a machine sold with 4 GB."""
LEAST_DISK = 12 * 1024**2
"""In KB: Debian's packages, divebell and the workspace image, and room for data."""
LEAST_DISK_PACKED = 18 * 1024**2
"""In KB: the same on Ubuntu, whose container engine keeps each image packed as well as unpacked."""
LEAST_DISK_LATER = 1024**2
OUR_WEB_SERVERS = {"nginx"}
GIGABYTE_IN_KB = 1024**2

SUDO = 'echo "$USER ALL=(ALL) NOPASSWD:ALL" | sudo tee /etc/sudoers.d/divebell-deploy'

PYTHON = ("python3", "python3-apt")
"""What Ansible needs on a server."""
INSTALL_PYTHON = (
    "export DEBIAN_FRONTEND=noninteractive; apt-get -o DPkg::Lock::Timeout=600 update -qq && "
    f"apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends {' '.join(PYTHON)} >/dev/null"
)


@dataclass(frozen=True)
class Server:
    """What a server says of itself."""

    os: str
    version: tuple[int, int]
    architecture: str
    memory_kb: int
    disk_kb: int
    systemd: bool
    python: bool
    """Whether Ansible finds what it needs."""
    root: str
    """`yes`: we are root; `sudo`: without a password; `password`: with one; `no`."""
    ssh_port: int
    web: tuple[str, ...]
    """Programs that listen on the ports of the web."""
    firewalled: bool
    """Whether a firewall of the machine's own keeps the web out."""
    digest: str
    """Of the divebell that is installed; empty where there is none."""
    divebell: str
    """The version of it; empty likewise."""
    event_file: str
    """The event file that is there; empty where there is none."""
    up: bool
    """Whether the event runs."""
    servers: int
    """Notebook servers that run."""

    @property
    def installed(self) -> bool:
        """Whether an event was deployed here before."""
        return bool(self.event_file)


def look(host: Host, sockets: Path) -> Server:
    """Ask the server what it is. Raises DivebellError when it cannot be reached."""
    done = ssh.run(host, files(__package__).joinpath("look.sh").read_text(), sockets=sockets, seconds=90)
    return read_facts(done.stdout.decode(errors="replace"))


def read_facts(said: str) -> Server:
    """Read what `look.sh` prints; lines that a login prints before it are left out. Pure."""
    facts = dict(line.partition("=")[::2] for line in said.splitlines() if "=" in line)
    return Server(
        os=facts.get("os", "unknown"),
        version=_version(facts.get("version", "")),
        architecture=facts.get("architecture", ""),
        memory_kb=_number(facts.get("memory_kb", "")),
        disk_kb=_number(facts.get("disk_kb", "")),
        systemd=facts.get("systemd") == "yes",
        python=bool(facts.get("python")) and facts.get("python_apt") == "yes",
        root=facts.get("root", "no"),
        ssh_port=_number(facts.get("ssh_port", "")) or 22,
        web=tuple(facts.get("web", "").split()),
        firewalled=facts.get("ufw") == "closed",
        digest=facts.get("digest", ""),
        divebell=facts.get("divebell", "").removeprefix("divebell-"),
        event_file=_decoded(facts.get("event", "")),
        up=facts.get("up") == "active",
        servers=_number(facts.get("servers", "")),
    )


def require_fit(server: Server, event: Event, host: Host) -> None:
    """Raise DivebellError with everything that keeps the event from running there."""
    found = list(misfits(server, event))
    if not found:
        return
    problems = "".join(f"\n  - {problem}" for problem, _ in found)
    steps = "\n  -> ".join(step for _, step in found)
    raise DivebellError(f"{host.name} cannot take the event:{problems}", next_step=steps)


def misfits(server: Server, event: Event) -> Iterator[tuple[str, str]]:
    """Give what is wrong with a server, each with what to do about it. Pure."""
    yield from _system_misfits(server)
    yield from _version_misfits(server)
    yield from _right_misfits(server)
    yield from _room_misfits(server, event)
    yield from _door_misfits(server)


def _version_misfits(server: Server) -> Iterator[tuple[str, str]]:
    """Give what is wrong with an older divebell for it: one that would not know the database it finds."""
    if server.divebell and Version(server.divebell) > Version(__version__):
        yield (
            f"it has divebell {server.divebell}, which is newer than this one ({__version__})",
            "bring divebell up to date here: pip install --upgrade 'divebell[all]'",
        )


def _system_misfits(server: Server) -> Iterator[tuple[str, str]]:
    oldest = OLDEST.get(server.os)
    version = f"{server.version[0]}.{server.version[1]:02}" if server.os == "ubuntu" else server.version[0]
    if oldest is None or server.version < oldest:
        why = f" {version}, whose Python and PostgreSQL are too old" if oldest else ""
        yield (
            f"it runs {server.os}{why}",
            "make a machine with Debian 12 or newer, or Ubuntu 24.04 or newer",
        )
    if server.architecture not in ARCHITECTURES:
        yield (
            f"its processor is of the kind {server.architecture or 'unknown'}",
            f"make a machine of the kind {' or '.join(ARCHITECTURES)}",
        )
    if not server.systemd:
        yield "it was not started by systemd", "make a whole machine, not a container without systemd"


def _right_misfits(server: Server) -> Iterator[tuple[str, str]]:
    if server.root == "password":
        yield (
            "this account's sudo asks for a password, which divebell does not know",
            f"sign in as root, or let the account use sudo without one while you deploy: {SUDO}",
        )
    elif server.root == "no":
        yield "this account is not root and there is no sudo", "sign in as root: --to root@HOST"


def _room_misfits(server: Server, event: Event) -> Iterator[tuple[str, str]]:
    if server.memory_kb < LEAST_MEMORY:
        yield f"it has {_gigabytes(server.memory_kb)} of memory", "make a machine with at least 4 GB"
    at_first = LEAST_DISK_PACKED if server.os == "ubuntu" else LEAST_DISK
    wanted = LEAST_DISK_LATER if server.installed else at_first + event.database.scratch_bytes // 1024
    if server.disk_kb < wanted:
        yield (
            f"{_gigabytes(server.disk_kb)} of its disk are free, and {_gigabytes(wanted)} are needed",
            "make a machine with a larger disk, or make room on this one",
        )


def _door_misfits(server: Server) -> Iterator[tuple[str, str]]:
    strangers = [name for name in server.web if name not in OUR_WEB_SERVERS]
    if strangers:
        yield (
            f"{' and '.join(strangers)} listens on port 80 or 443 already",
            "deploy to a machine without other sites, or stop it: systemctl disable --now NAME",
        )
    if server.firewalled:
        yield "its firewall (ufw) keeps the web out", "sudo ufw allow 80/tcp && sudo ufw allow 443/tcp"


def _gigabytes(kilobytes: int) -> str:
    return f"{kilobytes / GIGABYTE_IN_KB:.1f} GB"


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _version(text: str) -> tuple[int, int]:
    major, _, minor = text.strip('"').partition(".")
    return _number(major), _number(minor)


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
