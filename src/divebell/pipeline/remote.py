"""Reach a remote with the event's own credential: never in an argument list, on a disk, or in a message."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from divebell.errors import DivebellError
from divebell.event import State, load_secrets
from divebell.pipeline import git

ANY_NAME = "x-access-token"
"""The user name that goes with a token where the host does not care for it."""
_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$DIVEBELL_USER" "$DIVEBELL_TOKEN"; }; f'
)
"""git asks this for the name and password of one host, and of no other that it may be redirected to."""
_SSH = (
    *("ssh", "-F", "/dev/null", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "IdentitiesOnly=yes"),
    *("-o", "StrictHostKeyChecking=yes", "-o", "GlobalKnownHostsFile=/dev/null", "-o", "UpdateHostKeys=no"),
    *("-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3", "-o", "ForwardAgent=no"),
)


@dataclass(frozen=True)
class Credential:
    """What opens the remote; empty where it is open, or the account's own configuration opens it."""

    token: str = field(default="", repr=False)
    """For https; `NAME:TOKEN` where the host cares for the name."""
    key: str = field(default="", repr=False)
    """For ssh: a private key in OpenSSH form, without a passphrase."""
    hosts: str = ""
    """For ssh: the remote's host keys, as lines of a known_hosts file."""

    @classmethod
    def of(cls, state: State) -> Credential:
        """Read it as it is now; empty before the first `up`."""
        try:
            known = load_secrets(state)
        except FileNotFoundError:
            return cls()
        return cls(known.repository_token, known.repository_key, known.repository_hosts)

    def redact(self, text: str) -> str:
        """Take it out of a text, should it ever be in one."""
        for secret in (self.token, self.token.partition(":")[2]):
            text = text.replace(secret, "***") if secret else text
        return git.redact(text)


_HELP = (
    (
        "Host key verification failed",
        "the host's key is not among repository-hosts; where it was changed on purpose: {scan}",
    ),
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", "where the host's key was changed on purpose: {scan}"),
    ("Permission denied (publickey", "divebell secrets set repository-key < KEY, a deploy key that may read"),
    ("Authentication failed", "divebell secrets set repository-token: one that may read this repository"),
    ("could not read Username", "divebell secrets set repository-token: one that may read this repository"),
    (
        "ot found",
        "check data.repository in event.yaml; where it is private: divebell secrets set repository-token",
    ),
)
"""What helps, by what git or ssh says."""


def what_helps(words: str, address: str) -> str | None:
    """Say what to do about git's words; None where they say enough."""
    found = next((help_ for said, help_ in _HELP if said in words), None)
    return found.format(scan=_scan(address)) if found else None


def _scan(address: str) -> str:
    host, port = ssh_host(address)
    return (
        f"ssh-keyscan {f'-p {port} ' if port else ''}{host} > hosts; compare `ssh-keygen -lf hosts` with "
        f"what {host} publishes; then divebell secrets set repository-hosts < hosts"
    )


def needs_hosts(address: str) -> DivebellError:
    """Say that an ssh remote's host keys are missing, and how to get them."""
    host, _ = ssh_host(address)
    return DivebellError(
        f"the key of {host} is not known, so nobody can tell whether it is really {host} that answers",
        next_step=_scan(address),
    )


def ssh_host(address: str) -> tuple[str, int | None]:
    """Give host and port of an ssh address of either form."""
    if "://" in address:
        parts = urlsplit(address)
        return parts.hostname or "", parts.port
    return address.partition(":")[0].rpartition("@")[2], None


def is_ssh(address: str) -> bool:
    """Tell whether git reaches an address over ssh."""
    return address.startswith("ssh://") or ("://" not in address and not address.startswith("/"))


@contextmanager
def reaching(
    address: str, credential: Credential, settings: Path, inherited: Mapping[str, str] | None = None
) -> Iterator[dict[str, str]]:
    """Give the variables with which git reaches a remote, for as long as the block lasts.

    Raises DivebellError where a key is there and the host's is not.
    """
    env = git.environment(settings, network=True, inherited=inherited)
    with ExitStack() as stack:
        if is_ssh(address):
            if credential.key:
                if not credential.hosts.strip():
                    raise needs_hosts(address)
                key = stack.enter_context(_in_memory(credential.key))
                hosts = stack.enter_context(_in_memory(credential.hosts))
                env["GIT_SSH_COMMAND"] = shlex.join(ssh_command(key, hosts))
        elif credential.token:
            env |= with_token(address, credential.token)
        yield env


def ssh_command(key: str, hosts: str) -> list[str]:
    """Give the ssh that trusts the hosts in one file and offers the key in another, and no other."""
    return [*_SSH, "-i", key, "-o", f"UserKnownHostsFile={hosts}"]


def with_token(address: str, token: str) -> dict[str, str]:
    """Give the variables that make git sign in at the host of an https address, and at no other."""
    parts = urlsplit(address)
    host = f"{parts.scheme}://{parts.netloc}"
    name, colon, password = token.partition(":")
    settings = {
        "credential.helper": "",  # none of the account's own
        f"credential.{host}.helper": _HELPER,
        "http.proactiveAuth": "basic",  # from git 2.46 on: no first try without it
    }
    env = {"DIVEBELL_USER": name if colon else ANY_NAME, "DIVEBELL_TOKEN": password if colon else token}
    for number, (key, value) in enumerate(settings.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return env | {"GIT_CONFIG_COUNT": str(len(settings))}


@contextmanager
def _in_memory(text: str) -> Iterator[str]:
    """Give the path of a file that lies on no disk, that no other account can open, and that goes with us."""
    descriptor = os.memfd_create("divebell", os.MFD_CLOEXEC)
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, (text.rstrip("\n") + "\n").encode())
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        os.close(descriptor)
