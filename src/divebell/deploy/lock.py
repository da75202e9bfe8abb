"""One deployment at a time: a lock on the server, held as long as the connection that holds it."""

from __future__ import annotations

import getpass
import shlex
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from divebell.deploy import ssh
from divebell.deploy.host import Host, ssh_command
from divebell.deploy.kept import as_root
from divebell.errors import DivebellError

FILE = "/run/divebell-deploy.lock"
HELD, TAKEN = "held", "taken"
SECONDS_TO_LET_GO = 10


def script(who: str) -> str:
    """Give what holds the lock on the server until its input ends; it says `held`, or who has it. Pure."""
    return as_root(
        f"exec 9<>{FILE}; if flock -n 9; then echo {shlex.quote(who)} > {FILE}; echo {HELD}; "
        f'exec cat > /dev/null; else echo {TAKEN} "$(cat {FILE})"; fi'
    )


@contextmanager
def held(host: Host, sockets: Path) -> Iterator[None]:
    """Hold the lock for a `with`. Raises DivebellError when somebody else deploys there right now."""
    who = f"{getpass.getuser()} at {socket.gethostname()}"
    command = ssh_command(host, script(who), sockets)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            _require(host, process)
            yield
        finally:
            if process.stdin:
                process.stdin.close()
            _let_go(process)


def _require(host: Host, process: subprocess.Popen[str]) -> None:
    said = process.stdout.readline().strip() if process.stdout else ""
    if said == HELD:
        return
    word, _, who = said.partition(" ")
    if word == TAKEN:
        raise DivebellError(
            f"{who or 'somebody'} is deploying to {host.name} right now",
            next_step="wait until that has come to its end, then the same command again",
        )
    raise ssh.refusal(host, process.stderr.read() if process.stderr else "")


def _let_go(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(timeout=SECONDS_TO_LET_GO)
    except subprocess.TimeoutExpired:
        process.terminate()
