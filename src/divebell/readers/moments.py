"""Dates and times: only what can be read in one way is read, and then over all values at once."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from divebell.readers.texts import Strings

_CLOCK = r"[T ](?P<h>\d{1,2}):(?P<n>\d{2})(?::(?P<s>\d{2})(?P<f>\.\d{1,6})?)?(?: ?(?P<p>[AaPp])\.?[Mm]\.?)?"
_ZONE = r" ?(?P<z>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)"
_ISO = r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})"
_BIG = r"(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})"
_US = r"(?P<m>\d{1,2})[/-](?P<d>\d{1,2})[/-](?P<y>\d{4})"
_EU = r"(?P<d>\d{1,2})[/-](?P<m>\d{1,2})[/-](?P<y>\d{4})"
_DOT = r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})"
_MONTHS = (
    *("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_DAY_MONTH = r"(?P<d>\d{1,2})[- ](?P<b>[A-Za-z]{3,9})[- ](?P<y>\d{4})"
_MONTH_DAY = r"(?P<b>[A-Za-z]{3,9})\.? (?P<d>\d{1,2}),? (?P<y>\d{4})"

_DAYS_WRITTEN = {
    "iso": _ISO, "big": _BIG, "dot": _DOT, "us": _US, "eu": _EU, "named": _DAY_MONTH, "spelt": _MONTH_DAY,
}  # fmt: skip
DATE_KINDS = {
    f"{way} {form}": f"^{day}{rest}$"
    for form, rest in (("date", ""), ("time", _CLOCK), ("zoned", _CLOCK + _ZONE))
    for way, day in _DAYS_WRITTEN.items()
}
"""How each kind is written. Two kinds that fit the same column make it ambiguous, and it stays text."""
ALIKE = (
    r"^(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b|\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{4}\b"
    r"|[A-Z][a-z]{2,8}\.? \d{1,2}, \d{4}\b)"
)
"""What looks like a date or a time of one, in whatever way it is written."""

_DAYS = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_Ints = npt.NDArray[np.int64]
_Bools = npt.NDArray[np.bool_]


def type_of(kind: str) -> pa.DataType:
    """Give the Arrow type that a kind of date or time becomes."""
    if kind.endswith("date"):
        return pa.date32()
    return pa.timestamp("us", "UTC") if kind.endswith("zoned") else pa.timestamp("us")


@dataclass
class _Parts:
    """What stands at each place of all values."""

    whole: dict[str, _Ints]
    """y, m, d, h, n and s; 0 where there is none."""
    matched: _Bools
    afternoon: _Ints | None = None
    """0 for am, 1 for pm, -1 for neither."""
    micros: _Ints | None = None
    offset: _Ints | None = None
    """Minutes east of Greenwich."""


def parse(values: pa.Array, kind: str) -> pa.Array:
    """Read strings as `kind`; null where a value is null, written otherwise, or no day of the calendar."""
    parts = _aligned(values, kind) or _matched(values, kind)
    usable = parts.matched & _on_calendar(parts.whole)
    days = _days(parts.whole, usable)
    if kind.endswith("date"):
        return pa.array(days.astype("datetime64[D]"), pa.date32(), mask=~usable)
    hours, in_clock = _hours(parts)
    usable &= in_clock
    micros = days.astype("datetime64[us]").astype(np.int64)
    micros += ((hours * 60 + parts.whole["n"]) * 60 + parts.whole["s"]) * 1_000_000
    if parts.micros is not None:
        micros += parts.micros
    if parts.offset is not None:
        micros -= parts.offset * 60_000_000
    return pa.array(micros.astype("datetime64[us]"), type_of(kind), mask=~usable)


def is_moment(values: pa.Array) -> _Bools:
    """Mark the strings that are a date or a time of any kind."""
    found = np.zeros(len(values), bool)
    for kind in DATE_KINDS:
        found |= np.asarray(parse(values, kind).is_valid())
    return found


def _matched(values: pa.Array, kind: str) -> _Parts:
    """Take each value apart by itself."""
    found = pc.extract_regex(values, DATE_KINDS[kind])
    parts = {found.type.field(i).name: found.field(i) for i in range(found.type.num_fields)}
    texts = {name: pc.fill_null(part, "") for name, part in parts.items()}
    whole = {name: _ints(texts[name]) for name in "ymdhns" if name in texts}
    if "b" in texts:
        at = pc.index_in(pc.utf8_lower(texts["b"]), pa.array(_MONTHS)).fill_null(-1)
        whole["m"] = np.where(np.asarray(at) < 0, 0, np.asarray(at) % 12 + 1).astype(np.int64)
    return _Parts(
        whole,
        np.asarray(found.is_valid()),
        _ints(pc.index_in(pc.utf8_lower(texts["p"]), pa.array(["a", "p"])).fill_null(-1).cast(pa.string()))
        if "p" in texts
        else None,
        _fraction(texts["f"]) if "f" in texts else None,
        _offset_minutes(texts["z"]) if "z" in texts else None,
    )


def _aligned(values: pa.Array, kind: str) -> _Parts | None:
    """Take values apart that all have their digits in the same places; None where they do not."""
    strings = Strings(values) if len(values) and not values.null_count else None
    if strings is None or int(strings.lengths.min()) != int(strings.lengths.max()):
        return None
    first = values[0].as_py()
    found = re.fullmatch(DATE_KINDS[kind], first, re.ASCII)
    if found is None or "b" in found.groupdict() or not first.isascii():
        return None
    start, stop = int(strings.offsets[0]), int(strings.offsets[-1])
    letters = strings.data[start:stop].reshape(len(values), len(first))
    spans = {name: found.span(name) for name, text in found.groupdict().items() if text is not None}
    half = spans.get("p", (-1, -1))[0]
    for at, letter in enumerate(first):
        column = letters[:, at]
        if letter.isdigit() and at not in range(*spans.get("z", (0, 0))):
            alike = int(column.min()) >= ord("0") and int(column.max()) <= ord("9")
        else:
            alike = bool(np.isin(column, list(b"aApP") if at == half else ord(letter)).all())
        if not alike:
            return None
    return _Parts(
        {name: _number(letters, spans.get(name, (0, 0))) for name in "ymdhns" if name in found.groupdict()},
        np.ones(len(values), bool),
        ((letters[:, half] | 32) == ord("p")).astype(np.int64) if half >= 0 else None,
        _number(letters, (spans["f"][0] + 1, spans["f"][1])) * 10 ** (7 - len(found["f"]))
        if "f" in spans
        else None,
        np.full(len(values), int(_offset_minutes(pa.array([found["z"]]))[0])) if "z" in spans else None,
    )


def _number(letters: npt.NDArray[np.uint8], span: tuple[int, int]) -> _Ints:
    number = np.zeros(len(letters), np.int64)
    for at in range(*span):
        number = number * 10 + (letters[:, at] - np.uint8(ord("0")))
    return number


def _ints(texts: pa.Array) -> _Ints:
    return np.asarray(pc.if_else(pc.equal(texts, ""), "0", texts).cast(pa.int64()))


def _on_calendar(whole: dict[str, _Ints]) -> _Bools:
    year, month, day = whole["y"], whole["m"], whole["d"]
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    longest = _DAYS[np.clip(month, 0, 12)] - ((month == 2) & ~leap)
    return np.asarray((year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= longest))


def _days(whole: dict[str, _Ints], usable: _Bools) -> npt.NDArray[np.datetime64]:
    year = np.where(usable, whole["y"], 1970) - 1970
    month = np.where(usable, whole["m"], 1) - 1
    day = np.where(usable, whole["d"], 1) - 1
    months = (year * 12 + month).astype("datetime64[M]")
    return np.asarray(months.astype("datetime64[D]") + day)


def _hours(parts: _Parts) -> tuple[_Ints, _Bools]:
    hours, in_hour = parts.whole["h"], (parts.whole["n"] <= 59) & (parts.whole["s"] <= 59)
    if parts.afternoon is None:
        return hours, in_hour & (hours <= 23)
    twelve = parts.afternoon >= 0
    fits = np.where(twelve, (hours >= 1) & (hours <= 12), hours <= 23)
    turned = np.where(twelve, hours % 12 + np.where(parts.afternoon == 1, 12, 0), hours)
    return turned, fits & in_hour


def _fraction(texts: pa.Array) -> _Ints:
    return _ints(pc.utf8_rpad(pc.utf8_replace_slice(texts, 0, 1, ""), 6, "0"))


def _offset_minutes(zones: pa.Array) -> _Ints:
    digits = pc.replace_substring_regex(zones, r"[^0-9]", "")
    number = _ints(pc.utf8_rpad(digits, 4, "0"))
    sign = np.where(np.asarray(pc.starts_with(zones, "-").to_numpy(zero_copy_only=False)), -1, 1)
    return np.asarray(sign * (number // 100 * 60 + number % 100))
