"""How volunteers sign in: one module a kind, chosen by `people.sign_in`."""

from __future__ import annotations

from typing import Any

from divebell.event import Event, Secrets
from divebell.event.model import SignIn
from divebell.hub.login import event_password
from divebell.hub.login.door import Connect, Door


def configure(c: Any, event: Event, known: Secrets, connect: Connect, proxy_proof: str) -> None:
    """Set the hub's sign-in as the event file says."""
    match event.people.sign_in:
        case SignIn.EVENT_PASSWORD:
            event_password.configure(c, Door(event, known, connect), proxy_proof)
