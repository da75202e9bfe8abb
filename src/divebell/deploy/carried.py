"""What opens the repository goes along to the server, where the server has nothing of its own."""

from __future__ import annotations

from pathlib import Path

from divebell.deploy import ssh
from divebell.deploy.host import Host
from divebell.deploy.kept import as_root
from divebell.event import Secrets, State, load_secrets
from divebell.event.given import GIVEN, Given

CARRIED = tuple(one for one in GIVEN if not one.shown)
"""The webhook's secret is made on each machine: the git host is told that of the server."""


def carry(host: Host, state: State, there: Secrets, sockets: Path) -> tuple[list[str], list[str]]:
    """Set on the server what is set here and not there; give the names, and what is to be said besides."""
    try:
        here = load_secrets(state)
    except FileNotFoundError:
        return [], []
    missing, others = compare(here, there)
    told, carried = [_differs(one, host) for one in others], []
    for one in missing:
        done = ssh.run(
            host, as_root(command(one)), sockets=sockets, stdin=str(getattr(here, one.field)).encode()
        )
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            told.append(
                f"{one.name} could not be set on the server: {said[-1] if said else 'it said nothing'}"
            )
        else:
            carried.append(one.name)
    return carried, told


def has_any(state: State) -> bool:
    """Tell whether anything is set here that might have to go along."""
    try:
        here = load_secrets(state)
    except FileNotFoundError:
        return False
    return any(getattr(here, one.field) for one in CARRIED)


def compare(here: Secrets, there: Secrets) -> tuple[list[Given], list[Given]]:
    """Say what is set here alone, and what is set otherwise there. Pure."""
    ours = [one for one in CARRIED if getattr(here, one.field)]
    missing = [one for one in ours if not getattr(there, one.field)]
    others = [one for one in ours if getattr(there, one.field) not in {"", getattr(here, one.field)}]
    return missing, others


def command(one: Given) -> str:
    """Give the script that sets one on the server, from standard input. Pure."""
    return f"exec /usr/local/bin/divebell secrets set {one.name} /srv/divebell/event"


def _differs(one: Given, host: Host) -> str:
    return (
        f"{one.name} is another one here than on the server, which keeps its own: "
        f"divebell secrets set {one.name} --on {host}"
    )
