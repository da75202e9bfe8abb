"""Dates and times: only what can be read in one way is read, and then over all values at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_CLOCK = r"[T ](?P<h>\d{1,2}):(?P<n>\d{2})(?::(?P<s>\d{2})(?P<f>\.\d{1,6})?)?(?: ?(?P<p>[AaPp])\.?[Mm]\.?)?"
_ZONE = r" ?(?P<z>Z|UTC|[+-]\d{2}(?::?\d{2})?)"
_ISO = r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})"
_BIG = r"(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})"
_US = r"(?P<m>\d{1,2})[/-](?P<d>\d{1,2})[/-](?P<y>\d{4})"
_EU = r"(?P<d>\d{1,2})[/-](?P<m>\d{1,2})[/-](?P<y>\d{4})"
_DOT = r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})"

DATE_KINDS = {
    "iso date": f"^{_ISO}$",
    "big date": f"^{_BIG}$",
    "dot date": f"^{_DOT}$",
    "us date": f"^{_US}$",
    "eu date": f"^{_EU}$",
    "iso time": f"^{_ISO}{_CLOCK}$",
    "zoned time": f"^{_ISO}{_CLOCK}{_ZONE}$",
    "big time": f"^{_BIG}{_CLOCK}$",
    "dot time": f"^{_DOT}{_CLOCK}$",
    "us time": f"^{_US}{_CLOCK}$",
    "eu time": f"^{_EU}{_CLOCK}$",
}
"""How each kind is written. Two kinds that fit the same column make it ambiguous, and it stays text."""

_DAYS = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_Ints = npt.NDArray[np.int64]


def type_of(kind: str) -> pa.DataType:
    """Give the Arrow type that a kind of date or time becomes."""
    if kind.endswith("date"):
        return pa.date32()
    return pa.timestamp("us", "UTC") if kind == "zoned time" else pa.timestamp("us")


def parse(values: pa.Array, kind: str) -> pa.Array:
    """Read strings as `kind`; null where a value is null, written otherwise, or no day of the calendar."""
    found = pc.extract_regex(values, DATE_KINDS[kind])
    parts = {found.type.field(i).name: found.field(i) for i in range(found.type.num_fields)}
    whole = {name: _ints(parts[name]) for name in ("y", "m", "d", "h", "n", "s") if name in parts}
    usable = np.asarray(found.is_valid()) & _on_calendar(whole)
    days = _days(whole, usable)
    if kind.endswith("date"):
        return pa.array(days.astype("datetime64[D]"), pa.date32(), mask=~usable)
    hours, in_clock = _hours(whole, parts)
    usable &= in_clock
    micros = days.astype("datetime64[us]").astype(np.int64)
    micros += ((hours * 60 + whole["n"]) * 60 + whole["s"]) * 1_000_000 + _fraction(parts["f"])
    if kind == "zoned time":
        micros -= _offset_minutes(parts["z"]) * 60_000_000
    return pa.array(micros.astype("datetime64[us]"), type_of(kind), mask=~usable)


def _ints(texts: pa.Array) -> _Ints:
    filled = pc.if_else(pc.equal(pc.fill_null(texts, ""), ""), "0", pc.fill_null(texts, "0"))
    return np.asarray(filled.cast(pa.int64()))


def _on_calendar(whole: dict[str, _Ints]) -> npt.NDArray[np.bool_]:
    year, month, day = whole["y"], whole["m"], whole["d"]
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    longest = _DAYS[np.clip(month, 0, 12)] - ((month == 2) & ~leap)
    return np.asarray((year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= longest))


def _days(whole: dict[str, _Ints], usable: npt.NDArray[np.bool_]) -> npt.NDArray[np.datetime64]:
    year = np.where(usable, whole["y"], 1970) - 1970
    month = np.where(usable, whole["m"], 1) - 1
    day = np.where(usable, whole["d"], 1) - 1
    months = (year * 12 + month).astype("datetime64[M]")
    return np.asarray(months.astype("datetime64[D]") + day)


def _hours(whole: dict[str, _Ints], parts: dict[str, pa.Array]) -> tuple[_Ints, npt.NDArray[np.bool_]]:
    half = np.asarray(pc.utf8_lower(pc.fill_null(parts["p"], "")).to_numpy(zero_copy_only=False), dtype="U1")
    hours = whole["h"]
    twelve = half != ""
    fits = np.where(twelve, (hours >= 1) & (hours <= 12), hours <= 23)
    turned = np.where(twelve, hours % 12 + np.where(half == "p", 12, 0), hours)
    return turned, fits & (whole["n"] <= 59) & (whole["s"] <= 59)


def _fraction(texts: pa.Array) -> _Ints:
    digits = pc.utf8_rpad(pc.utf8_replace_slice(pc.fill_null(texts, ""), 0, 1, ""), 6, "0")
    return _ints(digits)


def _offset_minutes(zones: pa.Array) -> _Ints:
    digits = pc.replace_substring_regex(pc.fill_null(zones, ""), r"[^0-9]", "")
    padded = pc.utf8_rpad(digits, 4, "0")
    number = _ints(padded)
    sign = np.where(
        np.asarray(pc.starts_with(pc.fill_null(zones, ""), "-").to_numpy(zero_copy_only=False)), -1, 1
    )
    return np.asarray(sign * (number // 100 * 60 + number % 100))
