"""`--on HOST`: run a command about the event on the server it was deployed to, and show what it says here."""

from __future__ import annotations

import argparse
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from divebell.deploy.host import Host, chosen_host, parse_host, ssh_command
from divebell.deploy.kept import as_root
from divebell.deploy.ssh import NO_CONNECTION, refusal
from divebell.errors import DivebellError
from divebell.event import State
from divebell.event.load import event_file

EVENT = "/srv/divebell/event"
"""Where the event is on a server."""


def add_on_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--on HOST`."""
    parser.add_argument(
        "--on",
        metavar="[USER@]HOST[:PORT]",
        help="ask the server that the event was deployed to, instead of this machine",
    )


def run_on(
    server: str,
    path: Path,
    words: Sequence[str],
    *,
    given: bytes | None = None,
    out: IO[bytes] | None = None,
) -> int:
    """Run `divebell WORDS` on the server as root; give its exit code.

    It reads `given`, else what we would; what it prints goes to `out`, else it is printed here.
    Raises DivebellError when the server cannot be reached, or has no divebell.
    """
    host = _host(server, path)
    command = ssh_command(host, as_root(remote(words)))
    try:
        done = subprocess.run(command, stdout=out, input=given, check=False)
    except FileNotFoundError as error:
        raise DivebellError(
            "ssh is not installed here", next_step="apt-get install openssh-client"
        ) from error
    if done.returncode == NO_CONNECTION:
        raise refusal(host, _why_not(host))
    if done.returncode == NOT_FOUND:
        raise DivebellError(f"no event was deployed to {host.name}", next_step=f"divebell deploy --to {host}")
    return done.returncode


NOT_FOUND = 127
"""What a shell ends with when there is no such command."""


def remote(words: Sequence[str]) -> str:
    """Give the script that runs divebell on the server. Pure."""
    return f"exec {shlex.join(['/usr/local/bin/divebell', *words])}"


def _why_not(host: Host) -> str:
    """Ask once more why there is no connection: the first time ssh said it to the terminal."""
    done = subprocess.run(ssh_command(host, "true"), capture_output=True, text=True, check=False)
    return done.stderr


def _host(server: str, path: Path) -> Host:
    file = event_file(path)
    if not file.is_file():
        return parse_host(server)
    return chosen_host(State.beside(file), server, None)
