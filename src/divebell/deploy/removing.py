"""Take an event and everything of divebell away from a server; what was there before stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from divebell.deploy import ssh
from divebell.deploy.deploying import Watch, follow
from divebell.deploy.host import Host, forget
from divebell.deploy.kept import as_root
from divebell.deploy.lock import held
from divebell.deploy.log import Log
from divebell.deploy.playing import Play
from divebell.deploy.progress import Progress
from divebell.deploy.steps import REMOVAL
from divebell.errors import DivebellError
from divebell.event import State

LOOK = "look_left.sh"


@dataclass(frozen=True)
class There:
    """What of divebell is on a server."""

    homes: int
    servers: int
    database_mb: int
    last_backup: str
    """When the last backup was made; empty without any."""
    left: tuple[str, ...]
    """Everything that bears divebell's name, a line each."""

    @property
    def installed(self) -> bool:
        """Whether anything of divebell is there."""
        return bool(self.left)


def look_before_removal(host: Host, sockets: Path) -> There:
    """Ask a server what of divebell it has. Raises DivebellError when it cannot be reached or looked at."""
    script = files(__package__).joinpath(LOOK).read_text()
    done = ssh.run(host, as_root(script), sockets=sockets, seconds=120)
    if done.returncode:
        raise DivebellError(
            f"{host.name} could not be looked at: {done.stderr.decode(errors='replace').strip()}",
            next_step="sign in as root, or with an account whose sudo asks for no password",
        )
    return read_there(done.stdout.decode(errors="replace"))


def read_there(said: str) -> There:
    """Read what `look_left.sh` prints. Pure."""
    lines = [line.partition("=") for line in said.splitlines() if "=" in line]
    facts = {name: value for name, _, value in lines if name != "left"}
    left = tuple(value for name, _, value in lines if name == "left")
    number: Callable[[str], int] = lambda name: int(facts.get(name) or 0)  # noqa: E731
    return There(
        homes=number("homes"),
        servers=number("servers"),
        database_mb=number("database_mb"),
        last_backup=facts.get("last_backup", ""),
        left=left,
    )


def what_goes(host: Host, there: There, backups: str) -> list[str]:
    """Say what will be lost, and whether there is a backup at `backups`. Pure."""
    if not there.installed:
        return [f"There is nothing of divebell on {host.name}."]
    copies = (
        f"  Backups: in {backups}, the last one of {there.last_backup}; they stay there"
        if there.last_backup
        else "  Backups: NONE. On the server, divebell backup /srv/divebell/event makes one"
    )
    return [
        f"This goes from {host.name}, for good:",
        f"  {there.homes} homes of volunteers, {there.servers} of them with a server that runs",
        f"  {there.database_mb} MB of database: the event's data and volunteers' tables",
        "  divebell, its services, accounts, firewall rules and images, and the packages it installed",
        copies,
        "  Passwords and certificates stay beside the event file here (.divebell/server).",
    ]


def remove(host: Host, state: State, folder: Path, log: Log, watch: Watch) -> list[str]:
    """Take everything away; give what of it is left.

    Raises DivebellError with the reason when it fails.
    """
    with held(host, folder):
        play = Play(folder, host, "remove.yml", {})
        follow(play, Progress((REMOVAL,)), log, watch)
    left = look_before_removal(host, folder).left
    if not left:
        forget(state)
    return list(left)
