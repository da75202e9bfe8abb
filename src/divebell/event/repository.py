"""What may stand as `data.repository`: a folder, or a git address that carries no secret."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

_SSH_SHORT = re.compile(r"^(?:[A-Za-z0-9_][\w.-]*@)?[A-Za-z0-9][\w.-]*:(?!/{2})\S+$")
_HOST = re.compile(r"^[A-Za-z0-9][A-Za-z0-9.-]*$|^[0-9a-f:]+$")
_CREDENTIAL = (
    "found a name or password inside the address (not shown here); nothing secret belongs in the event file"
)
_EXPECTED = "expected an https:// or ssh:// address, or a folder on this machine"


def refusal(repository: str) -> str | None:
    """Say why `repository` cannot be used; None when it can. Never repeats a part that may be secret."""
    if not repository.isprintable() or repository != repository.strip() or repository.startswith("-"):
        return f"found blanks, a leading '-' or unprintable characters, {_EXPECTED}"
    if re.match(r"^\w[\w+.-]*::", repository):
        return f"found the transport '{repository.partition('::')[0]}::', {_EXPECTED}"
    if "://" in repository:
        return _address_refusal(repository)
    if _looks_like_ssh(repository):
        return _ssh_refusal(repository)
    if repository.startswith("~"):
        return "found a folder beginning with '~', expected a path relative to the event file, or a full one"
    return None


def is_folder(repository: str) -> bool:
    """Tell whether an accepted `data.repository` is a folder rather than an address."""
    return "://" not in repository and not _looks_like_ssh(repository)


def repository_folder(repository: str, event_file: Path) -> Path | None:
    """Give the folder `repository` names, seen from `event_file`; None when it is an address."""
    return event_file.resolve().parent / repository if is_folder(repository) else None


def _looks_like_ssh(repository: str) -> bool:
    """Follow git's own rule: a colon before the first slash means host:path."""
    return ":" in repository.partition("/")[0]


def _address_refusal(address: str) -> str | None:
    scheme = address.partition("://")[0]
    if scheme.lower() not in {"https", "ssh"}:
        return f"found '{scheme}://', {_EXPECTED}"
    return _remote_refusal(address)


def _remote_refusal(address: str) -> str | None:
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return f"found an address that cannot be read, {_EXPECTED}"
    if parts.password is not None or ("@" in parts.netloc and parts.scheme == "https"):
        return _CREDENTIAL
    if parts.query or parts.fragment:
        return "found '?' or '#' in the address (not shown here), expected an address without them"
    if not host or not _HOST.match(host) or not parts.path.strip("/"):
        return "found an address without host or path, expected one such as https://github.com/example/housing-loss"
    return f"found a user name that begins with '-', {_EXPECTED}" if parts.netloc.startswith("-") else None


def _ssh_refusal(address: str) -> str | None:
    if ":" in address.partition("@")[0] and "@" in address.partition("/")[0]:
        return _CREDENTIAL
    if not _SSH_SHORT.match(address):
        return f"found neither a folder nor an address git understands, {_EXPECTED}"
    return None
