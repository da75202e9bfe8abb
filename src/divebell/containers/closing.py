"""Put the firewall's rules into the kernel and take them out again: as root at once, else through the engine.

Whoever may use the Docker engine may do as root on this machine; so a container with the right to change the
network's rules does it for an ordinary user.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from divebell.containers.engine import connect
from divebell.containers.firewall import Chains, Reach, rules
from divebell.errors import DivebellError

Run = Callable[[list[str], str], bool]
"""Runs a command with a text as its input; tells whether it did what it was told."""

RESTORE = ("iptables-restore", "--wait", "10", "--noflush")


def close_in(reach: Reach, image: str) -> None:
    """Make the rules hold, whatever held before. Raises DivebellError when they cannot be made to."""
    with _runner(image) as run:
        if not run(list(RESTORE), rules(reach)):
            raise _refused("iptables-restore does not take the rules")
        for table, chain, *rule in reach.chains.jumps():
            if run(_iptables(table, "-C", chain, *rule), ""):
                continue
            if not run(_iptables(table, "-I", chain, "1", *rule), ""):
                raise _refused(f"iptables has no chain {chain}")


def holds(chains: Chains) -> bool:
    """Tell whether every rule that leads into the chains is there; for root alone."""
    return all(_run(_iptables(table, "-C", chain, *rule), "") for table, chain, *rule in chains.jumps())


def open_up(chains: Chains, image: str) -> None:
    """Take the rules out again; what is not there is not missed."""
    with _runner(image) as run:
        for table, chain, *rule in chains.jumps():
            while run(_iptables(table, "-D", chain, *rule), ""):
                pass
        for table, chain in chains.names():
            run(_iptables(table, "-F", chain), "")
            run(_iptables(table, "-X", chain), "")


def _iptables(table: str, *words: str) -> list[str]:
    return ["iptables", "--wait", "10", "-t", table, *words]


def _refused(reason: str) -> DivebellError:
    return DivebellError(
        f"containers cannot be closed in: {reason}",
        next_step="let the engine use iptables (its default), or write `runs_in: processes` in event.yaml",
    )


@contextmanager
def _runner(image: str) -> Iterator[Run]:
    if os.geteuid() == 0:
        yield _run
        return
    helper = connect().containers.run(
        image,
        ["sleep", "120"],
        entrypoint=[],
        user="0",
        network_mode="host",
        cap_drop=["ALL"],
        cap_add=["NET_ADMIN", "NET_RAW"],
        detach=True,
        remove=True,
    )
    try:
        yield lambda command, text: _run_inside(helper, command, text)
    finally:
        helper.kill()


def _run(command: list[str], text: str) -> bool:
    try:
        return (
            subprocess.run(command, input=text, text=True, capture_output=True, check=False).returncode == 0
        )
    except FileNotFoundError as error:
        raise DivebellError("iptables is not installed", next_step="apt-get install -y iptables") from error


def _run_inside(helper: Any, command: list[str], text: str) -> bool:
    feed = ["sh", "-c", 'printf %s "$TEXT" | "$@"', "sh", *command]
    return bool(helper.exec_run(feed, environment={"TEXT": text}).exit_code == 0)
