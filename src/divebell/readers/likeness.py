"""Whether a cell is like the values below it: a row of data, or a name for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from divebell.readers.texts import NA_IN_NUMBERS

NUMBER = re.compile(r"^\(?[-+]?[$€£]? ?-?[\d,]*\.?\d+\.?([eE][-+]?\d+)? ?[%€]?\)?$")
YEAR = re.compile(r"^(1[6-9]|2[01])\d\d$")
_DATE = re.compile(r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?$")
_SIGN = re.compile(r"^([<>≤≥~*†‡.–—+-]+|\([A-Za-z]{1,2}\)|[<>≤≥~].*|[A-Za-z] ?[<>≤≥] ?\d.*|[\d,.]+ ?[-+*])$")
_NO_VALUE = frozenset(
    {*(one.lower() for one in NA_IN_NUMBERS), "no data", "suppressed", "withheld", "redacted", "unknown",
     "not available", "not applicable", "not reported", "insufficient data", "confidential", "pending"}
)  # fmt: skip
_LABELS = frozenset(
    {"geography", "geographic area name", "geoid", "geo_id", "id", "name", "label", "code", "area", "unit",
     "units", "type", "response", "description"}
)  # fmt: skip
_MOST = 0.8


def kind_of(cell: str) -> str:
    """Say what a cell looks like: blank, missing (a sign or word for "no value"), number, date or text."""
    text = cell.strip()
    if not text:
        return "blank"
    if text.lower() in _NO_VALUE or _SIGN.match(text):
        return "missing"
    if NUMBER.match(text):
        return "number"
    return "date" if _DATE.match(text) else "text"


def column(rows: Sequence[Sequence[str]], at: int) -> list[str]:
    """Give the filled cells of a column."""
    return [cell for row in rows if len(row) > at and (cell := row[at].strip())]


def kind_below(values: Sequence[str]) -> str:
    """Say what most values of a column look like: number, date, code (text with digits), text or blank."""
    kinds = [kind_of(value) for value in values]
    for kind in ("number", "date"):
        if kind in kinds and kinds.count(kind) + kinds.count("missing") >= _MOST * len(kinds):
            return kind
    if not values:
        return "blank"
    return "code" if _share(any(map(str.isdigit, value)) for value in values) >= _MOST else "text"


def likeness(cell: str, values: Sequence[str]) -> int:
    """Compare a cell with the values below: 1 like them, -1 unlike them as a name is, 0 not to be told."""
    text, own, below = cell.strip(), kind_of(cell), kind_below(values)
    if own in {"blank", "missing"} or below == "blank":
        return 0
    if below in {"number", "date"}:
        if own == below:
            return 1 if own == "date" or _fits(text, values) else 0
        return 0 if own == "number" else -1
    if text in values or (
        re.search(r"\d", text) and _share(_shape(text) == _shape(v) for v in values) >= _MOST
    ):
        return 1
    return -1 if below == "code" and not re.search(r"\d", text) else 0


def is_label(cell: str) -> bool:
    """Whether a cell is a word that names a column in many files."""
    return cell.strip().lower() in _LABELS


def _share(which: Iterable[bool]) -> float:
    found = list(which)
    return sum(found) / len(found)


def _shape(text: str) -> str:
    return re.sub(r"\d+", "9", text)


def _fits(text: str, values: Sequence[str]) -> bool:
    """Whether a number is about as large as those below; years only among years."""
    if YEAR.match(text) and not all(map(YEAR.match, values)):
        return False
    numbers = sorted(float(number) for value in values if (number := _digits(value)))
    spread = numbers[-1] - numbers[0]
    return numbers[0] - spread <= float(_digits(text)) <= numbers[-1] + spread


def _digits(text: str) -> str:
    plain = re.sub(r"[^\d.eE+-]", "", text) if NUMBER.match(text) else ""
    return plain if re.fullmatch(r"[-+]{0,1}\d*\.?\d+\.?([eE][-+]?\d{1,2})?", plain) else ""
