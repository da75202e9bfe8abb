"""Run something on the server, and say in words why that cannot be."""

from __future__ import annotations

import subprocess
from pathlib import Path

from divebell.deploy.host import SSH_PORT, Host, ssh_command
from divebell.errors import DivebellError

NO_CONNECTION = 255
"""What ssh ends with when it did not come in, ssh(1)."""


def run(
    host: Host, script: str, *, sockets: Path | None = None, stdin: bytes = b"", seconds: float = 600
) -> subprocess.CompletedProcess[bytes]:
    """Run a shell script on the server and give what it said.

    Raises DivebellError when the server cannot be reached.
    """
    command = ssh_command(host, script, sockets)
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=seconds)
    except FileNotFoundError as error:
        raise DivebellError(
            "ssh is not installed here", next_step="apt-get install openssh-client"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise DivebellError(
            f"{host.name} did not answer within {seconds:.0f} s", next_step="see whether it is overloaded"
        ) from error
    if done.returncode == NO_CONNECTION:
        raise refusal(host, done.stderr.decode(errors="replace"))
    return done


def refusal(host: Host, said: str) -> DivebellError:
    """Say what ssh's last words mean and what to do. Pure."""
    lines = [line for line in said.strip().splitlines() if not line.startswith("Warning: Permanently added")]
    last = lines[-1] if lines else "ssh said nothing"
    for words, message, next_step in _REASONS:
        if words in said:
            return DivebellError(
                message.format(host=host.name), next_step=next_step.format(host=host, key=_known_name(host))
            )
    return DivebellError(f"{host.name} cannot be reached: {last}", next_step=f"see whether ssh {host} works")


def _known_name(host: Host) -> str:
    """Give the name under which ssh remembers the server's key."""
    return f"'[{host.name}]:{host.port}'" if host.port not in {None, SSH_PORT} else host.name


_REASONS = (
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "{host} shows another key than last time: either it was set up anew, or somebody else answers there",
        "if you set it up anew: ssh-keygen -R {key}, then the same again; if not, stop here and find out",
    ),
    (
        "Host key verification failed",
        "{host}'s key is not the one that is known, and was not accepted",
        "compare it with what your provider shows, then: ssh {host}",
    ),
    (
        "Permission denied",
        "{host} does not let this account in",
        "name the account and its key: --to USER@{host.name} --identity FILE; see whether ssh {host} works",
    ),
    (
        "Could not resolve hostname",
        "there is no machine of the name {host}",
        "see whether the name is right, or use the machine's address",
    ),
    (
        "Connection refused",
        "{host} is there, but nothing listens for ssh",
        "wait a minute if it has just been made; name the port if it is another: --to USER@HOST:PORT",
    ),
    (
        "timed out",
        "{host} does not answer",
        "see whether it runs, and whether your provider's firewall lets port 22 through (80 and 443 too)",
    ),
    (
        "No route to host",
        "there is no way to {host}",
        "see whether it runs and whether this machine is online",
    ),
    (
        "UNPROTECTED PRIVATE KEY FILE",
        "the key for {host} can be read by other people of this machine, and ssh does not use it",
        "chmod 600 the file",
    ),
)
