"""The secrets that people give an event, by the names `divebell secrets` knows them under. Pure."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from dataclasses import dataclass

from divebell.errors import DivebellError

SHORTEST_WEBHOOK_SECRET = 16


@dataclass(frozen=True)
class Given:
    """One of them."""

    name: str
    about: str
    reaches: str
    """The part that reads it."""
    lines: bool = False
    """Whether it is a text of several lines, which nobody types."""
    shown: bool = False
    """Whether it may be shown: another program has to be told it."""

    @property
    def field(self) -> str:
        """What it is called in `Secrets`."""
        return self.name.replace("-", "_")


GIVEN = (
    Given("repository-token", "opens the repository over https (TOKEN, or NAME:TOKEN)", "loader"),
    Given(
        "repository-key",
        "opens the repository over ssh: a private key, such as a deploy key",
        "loader",
        lines=True,
    ),
    Given("repository-hosts", "the keys by which ssh knows the repository's host", "loader", lines=True),
    Given("github-client-secret", "of the OAuth app with which people sign in", "hub"),
    Given("webhook-secret", "signs what a git host tells this event", "web", shown=True),
)

_KEY = re.compile(r"^-----BEGIN [A-Z ]*PRIVATE KEY-----\n.+\n-----END [A-Z ]*PRIVATE KEY-----$", re.DOTALL)
_HOST_LINE = re.compile(
    r"^(?:@cert-authority\s+)?\S+\s+(?:ssh-|ecdsa-|sk-)\S+\s+[A-Za-z0-9+/=]{40,}(?:\s.*)?$"
)


def given(name: str) -> Given:
    """Find one by its name. Raises DivebellError naming all."""
    for one in GIVEN:
        if one.name == name:
            return one
    raise DivebellError(f"found '{name}', expected one of {', '.join(one.name for one in GIVEN)}")


def checked(one: Given, text: str) -> str:
    """Give the value as it is kept. Raises DivebellError for what cannot be right, without repeating it."""
    value = text.replace("\r\n", "\n").strip()
    if one.name == "webhook-secret" and not value:
        return secrets.token_hex(32)
    if not value:
        raise DivebellError(
            f"nothing was given as {one.name}", next_step=f"divebell secrets remove {one.name}"
        )
    fault = _fault(one, value)
    if fault:
        raise DivebellError(f"this is no {one.name}: {fault}")
    return value + "\n" if one.lines else value


def _fault(one: Given, value: str) -> str | None:
    if not one.lines and (re.search(r"\s", value) or not value.isprintable()):
        return "expected one line without blanks"
    if one.name == "webhook-secret" and len(value) < SHORTEST_WEBHOOK_SECRET:
        return f"expected at least {SHORTEST_WEBHOOK_SECRET} characters; with nothing given a new one is made"
    if one.name == "repository-key":
        return _key_fault(value)
    if one.name == "repository-hosts":
        return _hosts_fault(value)
    return None


def _key_fault(value: str) -> str | None:
    if value.startswith(("ssh-", "ecdsa-")):
        return "found the public half, expected the private key (the file without .pub)"
    if not _KEY.match(value):
        return "expected a private key: a text from '-----BEGIN ... PRIVATE KEY-----' to its END"
    if "ENCRYPTED" in value or _has_passphrase(value):
        return "found a key with a passphrase, which nobody is there to type: ssh-keygen -p removes it"
    return None


def _has_passphrase(value: str) -> bool:
    """Tell it of a key in OpenSSH's own form, which names its cipher (PROTOCOL.key)."""
    try:
        raw = base64.b64decode("".join(value.splitlines()[1:-1]))
    except (binascii.Error, ValueError):
        return False
    magic = b"openssh-key-v1\0"
    return raw.startswith(magic) and raw[len(magic) + 4 :][:4] != b"none"


def _hosts_fault(value: str) -> str | None:
    for number, line in enumerate(value.splitlines(), 1):
        if line.strip() and not line.startswith("#") and not _HOST_LINE.match(line.strip()):
            return f"line {number} is not 'HOST TYPE KEY', as ssh-keyscan prints it"
    return None
