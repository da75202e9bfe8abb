"""Tell systemd that a service lives; where nobody listens nothing is said (sd_notify(3))."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from contextlib import suppress

_BEATS = 3
"""How often a service is heard within the time after which systemd would start it anew."""


def tell(message: str, environment: Mapping[str, str] = os.environ) -> None:
    """Send one message, such as `WATCHDOG=1`, to the service manager, where it asked for any."""
    address = environment.get("NOTIFY_SOCKET")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect("\0" + address[1:] if address.startswith("@") else address)
        sender.send(message.encode())


def beat() -> None:
    """Say that this service lives."""
    tell("WATCHDOG=1")


def seconds_between_beats(environment: Mapping[str, str] = os.environ) -> float | None:
    """Give how often systemd is to hear of this service; None where it does not ask."""
    asked = environment.get("WATCHDOG_USEC", "")
    return int(asked) / 1_000_000 / _BEATS if asked.isdecimal() and environment.get("NOTIFY_SOCKET") else None


async def keep_beating() -> None:
    """Say so for as long as the event loop turns."""
    seconds = seconds_between_beats()
    while seconds is not None:
        beat()
        await asyncio.sleep(seconds)
