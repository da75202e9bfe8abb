"""Times as people say them: in the event's zone, and how far away."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

_STEPS = ((86400, "day"), (3600, "hour"), (60, "minute"))


def placed(moment: datetime, zone: ZoneInfo) -> datetime:
    """Give a moment in the event's zone; one without a zone was meant in it."""
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)


def written(moment: datetime) -> str:
    """Write a moment out: Friday 5 March 2021, 18:00 EST."""
    return f"{moment:%A} {moment.day} {moment:%B %Y, %H:%M} {moment.tzname() or ''}".rstrip()


def span(starts: datetime | None, ends: datetime | None) -> str | None:
    """Write both ends of an event; on one day the second is only a time."""
    if starts is None:
        return f"until {written(ends)}" if ends else None
    if ends is None:
        return f"from {written(starts)}"
    if starts.date() == ends.date():
        return f"{written(starts)} to {ends:%H:%M}"
    return f"{written(starts)} to {written(ends)}"


def phase(starts: datetime | None, ends: datetime | None, now: datetime) -> str | None:
    """Say where in the event `now` is: starts in 3 days, ends in 2 hours, ended 5 days ago."""
    if starts is not None and now < starts:
        return f"starts in {length(starts - now)}"
    if ends is not None:
        return f"ends in {length(ends - now)}" if now < ends else f"ended {length(now - ends)} ago"
    return None if starts is None else f"began {length(now - starts)} ago"


def length(time: timedelta) -> str:
    """Say how long, in the largest unit that fits, two for hours: 3 days, 2 hours 5 minutes."""
    seconds = int(time.total_seconds())
    for size, unit in _STEPS:
        count = seconds // size
        if count:
            rest = (seconds % size) // 60 if unit == "hour" else 0
            return _count(count, unit) + (f" {_count(rest, 'minute')}" if rest and count < 12 else "")
    return "less than a minute"


def ago(moment: datetime, now: datetime) -> str:
    """Say how long ago."""
    return f"{length(max(now - moment, timedelta()))} ago"


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
