"""What a request for features asks for, read from its parameters. Pure: no table is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from math import isfinite

from divebell.tiles.boxes import Box
from divebell.tiles.layers import Field, Layer

DEFAULT_LIMIT = 100
LARGEST_LIMIT = 10_000
LONGEST_VALUE = 1000
OWN = ("bbox", "datetime", "limit", "f", "after")
"""Parameters that mean something here; a column of such a name cannot be filtered by."""
MOMENTS = ("date", "timestamp without time zone", "timestamp with time zone")
FILTERABLE = frozenset(
    {
        "smallint",
        "integer",
        "bigint",
        "real",
        "double precision",
        "numeric",
        "text",
        "character varying",
        "boolean",
        "uuid",
        *MOMENTS,
    }
)


class Wrong(ValueError):  # noqa: N818 - its words are for whoever asked
    """A parameter that cannot be right."""


@dataclass(frozen=True)
class Interval:
    """From one moment to another, both included; None is open."""

    since: datetime | None
    until: datetime | None


@dataclass(frozen=True)
class Asked:
    """Which features of a layer, and how many."""

    boxes: tuple[Box, ...] | None = None
    """Any of these, in longitudes and latitudes; None: everywhere."""
    interval: Interval | None = None
    equal: tuple[tuple[Field, str], ...] = ()
    limit: int = DEFAULT_LIMIT
    after: str | None = None
    """Where the page before ended."""


def read(parameters: Iterable[tuple[str, str]], layer: Layer) -> Asked:
    """Read the parameters of a request for a layer's features. Raises Wrong."""
    given: dict[str, str] = {}
    for name, value in parameters:
        if name in given:
            raise Wrong(f"'{name}' is given twice.")
        given[name] = value
    json_only(given.pop("f", "json"))
    moment, box, count = given.pop("datetime", None), given.pop("bbox", None), given.pop("limit", None)
    return Asked(
        boxes=None if box is None else boxes(box),
        interval=None if moment is None else interval(moment),
        limit=DEFAULT_LIMIT if count is None else limit(count),
        after=given.pop("after", None),
        equal=tuple((_filterable(name, layer), _short(name, value)) for name, value in given.items()),
    )


def filterable(layer: Layer) -> list[Field]:
    """Give the columns that a request can filter by."""
    return [field for field in layer.fields if field.type in FILTERABLE and field.name not in OWN]


def moment_field(layer: Layer) -> Field | None:
    """Give the column that `datetime` filters by: the first that holds dates or times."""
    return next((field for field in layer.fields if field.type in MOMENTS), None)


def json_only(form: str) -> None:
    """Refuse any other form. Raises Wrong."""
    if form != "json":
        raise Wrong("Only f=json is given.")


def boxes(text: str) -> tuple[Box, ...]:
    """Read a bbox: west, south, east, north (heights between them are passed over).

    West of more than east crosses the antimeridian and becomes two boxes. Raises Wrong.
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in {4, 6} or not all(map(isfinite, numbers)):
        raise Wrong("Expected bbox to be west,south,east,north in degrees.")
    west, south, east, north = numbers if len(numbers) == 4 else (*numbers[:2], *numbers[3:5])
    if south > north:
        raise Wrong(f"Expected bbox to begin in the south: {south:g} is north of {north:g}.")
    if south > 90 or north < -90:
        return ()
    return tuple((a, max(south, -90.0), b, min(north, 90.0)) for a, b in _stretches(west, east))


def interval(text: str) -> Interval:
    """Read a moment, or two with a slash between them, of which one may be open (`..`). Raises Wrong."""
    first, slash, last = text.partition("/")
    if not slash:
        return Interval(_moment(first, late=False), _moment(first, late=True))
    since = None if first in {"", ".."} else _moment(first, late=False)
    until = None if last in {"", ".."} else _moment(last, late=True)
    if since is None and until is None and ".." not in text:
        raise Wrong("Expected datetime to say when.")
    if since and until and since > until:
        raise Wrong("Expected datetime to begin before it ends.")
    return Interval(since, until)


def limit(text: str) -> int:
    """Read how many features are wanted; more than the most is the most. Raises Wrong."""
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        raise Wrong(f"Expected limit to be a whole number from 1 to {LARGEST_LIMIT}.")
    return min(int(text[:9]), LARGEST_LIMIT)


def _stretches(west: float, east: float) -> list[tuple[float, float]]:
    """Give the stretches of longitude within -180 to 180 that lie from west to east."""
    if east - west >= 360:
        return [(-180.0, 180.0)]
    if -180 <= west <= east <= 180:
        return [(west, east)]
    west, east = _wrapped(west), _wrapped(east)
    return [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]


def _wrapped(longitude: float) -> float:
    return longitude if -180 <= longitude <= 180 else (longitude + 180) % 360 - 180


def _moment(text: str, *, late: bool) -> datetime:
    """Read a date and time, or a day: its first moment, or its last."""
    try:
        if len(text) == len("2026-11-27"):
            clock = time.max if late else time.min
            return datetime.combine(date.fromisoformat(text), clock, tzinfo=UTC)
        found = datetime.fromisoformat(text.replace("t", "T").replace("z", "Z").replace(" ", "+"))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Wrong(
            f"Expected datetime to be like 2026-11-27T18:00:00Z, a day, or two with a slash, not {text!r}."
        ) from None


def _filterable(name: str, layer: Layer) -> Field:
    found = next((field for field in filterable(layer) if field.name == name), None)
    if found is None:
        raise Wrong(f"There is no parameter '{name}', and no column of that name that can be filtered by.")
    return found


def _short(name: str, value: str) -> str:
    if len(value) > LONGEST_VALUE or "\0" in value:
        raise Wrong(f"The value of '{name}' cannot be in any table.")
    return value
