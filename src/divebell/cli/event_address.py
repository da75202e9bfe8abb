"""The address of an event's server, as somebody writes it."""

from __future__ import annotations

from urllib.parse import urlsplit

from divebell.errors import DivebellError


def origin(address: str) -> str:
    """Give scheme and host of an event's address. Raises DivebellError when it is none."""
    try:
        parts = urlsplit(address.strip())
        good = parts.scheme in {"https", "http"} and parts.hostname and not parts.username
        _ = parts.port
    except ValueError:
        good = False
    if not good or not address.isprintable() or any(mark in address for mark in "'\"${} "):
        raise DivebellError(
            "the event's address cannot be read", next_step="write it such as https://dive.example.org"
        )
    return f"{parts.scheme}://{parts.netloc}"
