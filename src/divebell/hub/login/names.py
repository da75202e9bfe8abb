"""What a person types as a name, made into the one name they have everywhere."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from itertools import count

from divebell.event.model import NAME_PATTERN, RESERVED_NAMES

_NAME = re.compile(NAME_PATTERN)
_LONGEST = 31


class NameRefusedError(ValueError):
    """The typed name cannot be a person's name; the message says why, in words for that person."""


def person_name(typed: str) -> str:
    """Normalise a typed name (NFKC, outer blanks off, lower case) or raise NameRefusedError."""
    name = unicodedata.normalize("NFKC", typed).strip().lower()
    if not name:
        raise NameRefusedError("Please type a name.")
    if _NAME.fullmatch(name) is None:
        raise NameRefusedError(_why(name))
    if name in RESERVED_NAMES:
        raise NameRefusedError(f"The name '{name}' is kept for the event itself. Please choose another.")
    return name


def _why(name: str) -> str:
    rule = "A name begins with a letter and has 2 to 31 characters: a to z, digits and underscores."
    close = suggestion(name)
    return f"{rule} How about '{close}'?" if close else rule


def suggestion(name: str) -> str | None:
    """Give the nearest name that would be accepted, None where there is none."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    close = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_").lstrip("0123456789_")[:_LONGEST]
    return close if _NAME.fullmatch(close) and close not in RESERVED_NAMES else None


def free_name(wanted: str, taken: Collection[str]) -> str:
    """Give a name like `wanted` that nobody has: `ana`, else `ana_2`; `person` where nothing fits."""
    base = suggestion(wanted.strip().lower()) or suggestion(f"person_{wanted}") or "person"
    tails = ("" if number == 1 else f"_{number}" for number in count(1))
    names = (base[: _LONGEST - len(tail)] + tail for tail in tails)
    return next(name for name in names if name not in taken and name not in RESERVED_NAMES)
