"""What the hub's pages know of the event."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from divebell.event import Event


def page_variables(event: Event, portal: str) -> dict[str, Any]:
    """Give the variables of every page."""
    return {
        "event_name": event.name,
        "event_organisation": event.organisation or "",
        "ambassadors": " or ".join(event.people.ambassadors) or "whoever runs the event",
        "portal": portal,
        "event_style": Markup(Path(__file__).with_name("templates").joinpath("event.css").read_text()),  # noqa: S704
    }
