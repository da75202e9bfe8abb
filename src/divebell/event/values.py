"""Rules for single values of the event file. Each raises an error that says what was found and expected."""

from __future__ import annotations

import codecs
import re
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from pydantic_core import PydanticCustomError

from divebell.event.problems import closest, did_you_mean
from divebell.event.repository import refusal

NAME_PATTERN = r"^[a-z][a-z0-9_]{1,30}$"
"""A person's name once normalised: the hub user, the database role and schema (prefixed), the author."""

RESERVED_NAMES = frozenset(
    {
        "admin",
        "administrator",
        "anonymous",
        "data",
        "divebell",
        "divebell_doctor",
        "event",
        "hub",
        "postgres",
        "public",
        "root",
        "system",
    }
)
"""Names nobody may take: services, database roles and words that look official."""

SIZE_PATTERN = r"^(\d+(?:\.\d+)?) ?(MB|GB)$"
TABLE_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
DATE_PATTERN = r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2})?$"
CRS_PATTERN = r"^[A-Za-z]{2,10}:[A-Za-z0-9]{1,20}$"
DURATION_PATTERN = r"^(\d+(?:\.\d+)?) ?(s|min|h)$"
IMAGE_PATTERN = (
    r"^[a-z0-9]+(?:[._/-][a-z0-9]+)*(?::\d+)?(?:/[a-z0-9._/-]+)?(?::[\w.-]{1,128})?(?:@sha256:[0-9a-f]{64})?$"
)
LEAST_MEMORY = 256 * 1024**2

_LOOSE_SIZE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(?:([mg])(?:i?b)?)?\s*$", re.IGNORECASE)
_LABEL = re.compile(r"^(?!-)[a-z0-9-]{1,63}(?<!-)$")
_BRANCH = re.compile(r"^(?![-/.])(?!.*(?:\.\.|//|@\{|/\.|\.lock(?:/|$)|[/.]$))[^\s~^:?*\[\\\x00-\x1f\x7f]+$")


def refuse(message: str) -> PydanticCustomError:
    """Make the error of a value; `message` says what was found and what was expected."""
    return PydanticCustomError("divebell", "{message}", {"message": message})


def one_line(value: str) -> str:
    """Check a title: something to read, on one line."""
    if not value or not value.isprintable():
        raise refuse(f"found {value!r}, expected text on one line")
    return value


def person_name(value: str) -> str:
    """Check the name of a person."""
    if not re.fullmatch(NAME_PATTERN, value):
        plain = re.sub(r"[^a-z0-9]+", "_", value.strip().casefold()).strip("_")
        hint = f"; did you mean '{plain}'?" if re.fullmatch(NAME_PATTERN, plain) else ""
        raise refuse(f"found {value!r}, expected 2 to 31 of a-z, 0-9 and _, beginning with a letter{hint}")
    if value in RESERVED_NAMES:
        raise refuse(f"found '{value}', which is reserved, expected another name")
    return value


def timezone(value: str) -> str:
    """Check that the IANA database has this time zone."""
    zones = _zones()
    if value in zones:
        return value
    by_city: dict[str, str] = {}
    for zone in sorted(zones, reverse=True):
        by_city[zone.rpartition("/")[2]] = zone
    close = closest(value, zones) or by_city.get(closest(value, by_city) or "")
    hint = f"; did you mean '{close}'?" if close else ""
    raise refuse(
        f"found {value!r}, expected a time zone of the IANA database, such as America/New_York{hint}"
    )


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def local_time(value: object) -> object:
    """Turn `2021-03-05 18:00` (seconds and `T` allowed) into a time without zone."""
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            raise refuse("found a time with a zone, expected one without; the zone goes in `timezone`")
        return value
    text = str(value).strip()
    if re.fullmatch(DATE_PATTERN, text):
        return _moment(text)
    raise refuse(f"found {_shown(value)}, expected {_time_advice(text)}")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise refuse(f"found '{text}', expected a time that exists ({error})") from error
    if not 1900 <= moment.year <= 2200:
        raise refuse(f"found '{text}', expected a year from 1900 to 2200")
    return moment


def _time_advice(text: str) -> str:
    if re.fullmatch(DATE_PATTERN[:-1] + r"(\.\d+)?\s*(Z|[A-Z]{2,5}|[-+]\d{1,2}:?\d{0,2})$", text):
        return "a time without offset; the zone goes in `timezone`"
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return f"a date and a time, such as {text} 18:00"
    return "a date and a time, such as 2021-03-05 18:00"


def exists_in(moment: datetime, zone: ZoneInfo) -> bool:
    """Tell whether clocks in `zone` ever show `moment` (they skip an hour in spring)."""
    there = moment.replace(tzinfo=zone)
    return there.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == moment


def size(value: object) -> str:
    """Check an amount of memory."""
    text = str(value)
    if not isinstance(value, str) or not re.fullmatch(SIZE_PATTERN, value):
        loose = _LOOSE_SIZE.match(text)
        hint = f"; did you mean '{loose[1]} {(loose[2] or 'G').upper()}B'?" if loose else ""
        raise refuse(f"found {_shown(value)}, expected a number and MB or GB, such as 2 GB{hint}")
    if size_bytes(value) < LEAST_MEMORY:
        raise refuse(f"found {value!r}, expected at least 256 MB")
    return value


def size_bytes(value: str) -> int:
    """Turn an accepted size into bytes (1 GB = 1024**3)."""
    amount, unit = value.replace("MB", " MB").replace("GB", " GB").split()
    return int(float(amount) * 1024 ** (2 if unit == "MB" else 3))


def duration(value: object) -> str:
    """Check a length of time."""
    if not isinstance(value, str) or not re.fullmatch(DURATION_PATTERN, value):
        raise refuse(f"found {_shown(value)}, expected a number and s, min or h, such as 15 min")
    if duration_seconds(value) < 1:
        raise refuse(f"found {value!r}, expected at least 1 s")
    return value


def duration_seconds(value: str) -> float:
    """Turn an accepted length of time into seconds."""
    found = re.fullmatch(DURATION_PATTERN, value)
    if found is None:
        raise ValueError(value)
    return float(found[1]) * {"s": 1, "min": 60, "h": 3600}[found[2]]


def email(value: str) -> str:
    """Check an address for mail."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
        raise refuse(f"found {value!r}, expected an address for mail, such as maria@example.org")
    return value


def https_address(value: str) -> str:
    """Check the address of a service that is reached over HTTPS."""
    if not re.fullmatch(r"https://[A-Za-z0-9.-]+(?::\d+)?(?:/[\w./~-]*)?", value):
        raise refuse(f"found {value!r}, expected an address that begins with https://")
    return value


def backup_store(value: str) -> str:
    """Check where backups go: a folder's absolute path, or an S3-compatible address as restic names it."""
    folder = value.startswith("/") and value != "/" and ".." not in value.split("/") and value.isprintable()
    if not (folder or re.fullmatch(r"s3:https?://[A-Za-z0-9.-]+(?::\d+)?/[\w./-]+", value)):
        raise refuse(
            f"found {value!r}, expected a folder such as /var/backups/divebell, or s3:https://HOST/BUCKET"
        )
    return value


def internet(value: object) -> object:
    """Let `true` and `false` stand for `all` and `none`."""
    return {True: "all", False: "none"}.get(value, value) if isinstance(value, bool) else value


def image(value: str) -> str:
    """Check the name of a container image."""
    if not re.fullmatch(IMAGE_PATTERN, value):
        raise refuse(f"found {value!r}, expected the name of an image, such as debian:12-slim")
    return value


def requirement(value: str) -> str:
    """Check a Python package as pip names it: a name, extras and versions; no address, no option."""
    pattern = (
        r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?(?:\[[\w.,\s-]*\])?(?:\s*(?:[<>=!~]=?|===)\s*[\w.*+!-]+\s*,?)*"
    )
    if not re.fullmatch(pattern, value):
        raise refuse(f"found {value!r}, expected a package with or without a version, such as lonboard>=0.10")
    return value


def table_name(value: str) -> str:
    """Check the name of a table."""
    if re.fullmatch(TABLE_PATTERN, value):
        return value
    plain = re.sub(r"[^a-z0-9]+", "_", value.casefold()).strip("_")
    hint = f"; did you mean '{plain}'?" if re.fullmatch(TABLE_PATTERN, plain) else ""
    raise refuse(f"found {value!r}, expected at most 63 of a-z, 0-9 and _, beginning with a letter{hint}")


def crs(value: object) -> object:
    """Check that a coordinate reference system is written AUTHORITY:CODE."""
    if isinstance(value, str) and re.fullmatch(CRS_PATTERN, value):
        return value
    text = str(value).strip()
    digits = re.fullmatch(r"(?i)(?:epsg)?[\s:]*(\d{4,6})", text)
    guess = (
        f"EPSG:{digits[1]}"
        if digits
        else {"wgs84": "EPSG:4326", "nad83": "EPSG:4269"}.get(re.sub(r"[\s_-]", "", text.casefold()))
    )
    hint = f"; did you mean '{guess}'?" if guess else ""
    raise refuse(f"found {_shown(value)}, expected AUTHORITY:CODE, such as EPSG:4269{hint}")


def encoding(value: str) -> str:
    """Check that Python can decode text of this encoding."""
    try:
        "".encode(value)
        codecs.lookup(value)
    except (LookupError, ValueError) as error:
        hint = did_you_mean(value, ("utf-8", "utf-16", "cp1252", "latin-1", "iso-8859-15", "mac-roman"))
        raise refuse(f"found {value!r}, expected a text encoding, such as cp1252{hint}") from error
    return value


def delimiter(value: str) -> str:
    """Check the character between two values."""
    if len(value) == 1 and value not in '\r\n"\0':
        return value
    raise refuse(f'found {value!r}, expected one character; a tab is written "\\t"')


def host_name(value: str) -> str:
    """Check a host name: no scheme, no port, no path."""
    labels = value.casefold().split(".")
    if len(value) <= 253 and all(map(_LABEL.match, labels)) and not labels[-1].isdigit():
        return value
    bare = re.sub(r"^\w+://", "", value.strip()).split("/")[0].rpartition("@")[2].split(":")[0]
    good = bare != value and bare and all(map(_LABEL.match, bare.casefold().split(".")))
    hint = f"; did you mean '{bare}'?" if good else ""
    raise refuse(f"found a value that is no host name, expected one such as dive.example.org{hint}")


def repository(value: str) -> str:
    """Check where the data comes from."""
    reason = refusal(value)
    if reason:
        raise refuse(reason)
    return value


def branch(value: str) -> str:
    """Check the name of a branch by git's own rules."""
    if not _BRANCH.match(value):
        raise refuse(f"found {value!r}, expected the name of a git branch, such as main")
    if value.partition("/")[0] == "shared":
        raise refuse(f"found {value!r}: branches shared/NAME are the volunteers' own, expected another")
    return value


def path_within(value: str) -> str:
    """Check a path within the repository."""
    parts = value.split("/")
    if (
        not value.isprintable()
        or "\\" in value
        or value.startswith("/")
        or ".." in parts
        or not value.strip()
    ):
        raise refuse(f"found {value!r}, expected a path within the repository, such as data/raw")
    return value


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value) if isinstance(value, str) else str(value)
