"""When volunteers may sign in. Pure."""

from __future__ import annotations

from datetime import datetime

from divebell.event.model import Event

_SHOWN = "%A, %d %B, %H:%M"


def closed(event: Event, now: datetime) -> str | None:
    """Say why volunteers cannot sign in at `now`, a time with a zone; None while they can."""
    opens, closes = event.people.opens, event.people.closes
    if opens and now < opens.replace(tzinfo=event.zone):
        return f"The event opens on {_shown(opens, event)}. Please come back then."
    if closes and now >= closes.replace(tzinfo=event.zone):
        return f"The event closed on {_shown(closes, event)}."
    return None


def over(event: Event, now: datetime) -> bool:
    """Tell whether the event has closed for good."""
    closes = event.people.closes
    return closes is not None and now >= closes.replace(tzinfo=event.zone)


def _shown(moment: datetime, event: Event) -> str:
    return f"{moment:{_SHOWN}} ({event.timezone})"
