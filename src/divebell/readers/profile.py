"""What all values of a text column have in common: the ground on which its type is decided."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from divebell.readers import moments

NA_IN_TEXT = ("NA", "N/A", "n/a", "#N/A", "NULL", "null", "NaN", "nan", "<NA>")
"""Spellings of "no value" that are taken as such in text columns too."""
NA_IN_NUMBERS = (
    *NA_IN_TEXT, "na", "None", "none", "Null", "-", "--", ".", "..", "?", "*", "missing", "Missing",
    "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!",
)  # fmt: skip
"""Spellings of "no value" between numbers, dates and yes/no values."""

_PLAIN = r"(0|[1-9]\d*)"
_DECIMAL = rf"({_PLAIN}(\.\d*)?|\.\d+)"
_GROUPED = r"[1-9]\d{0,2}(,\d{3}){1,3}(\.\d{1,3})?"
_AMOUNT = rf"({_GROUPED}|{_DECIMAL})"
_PATTERNS = {
    "int": rf"^-?{_PLAIN}$",
    "float": rf"^-?{_DECIMAL}([eE][-+]?\d{{1,3}})?$",
    "grouped": rf"^-?({_GROUPED}|{_DECIMAL})$",
    "money": rf"^(-?[$€£] ?-?{_AMOUNT}|-?{_AMOUNT} ?€|\([$€£] ?{_AMOUNT}\))$",
    "percent": rf"^-?({_GROUPED}|{_DECIMAL}) ?%$",
    "truth": r"^(?i:true|false)$",
    "yes": r"^(?i:yes|no)$",
    "y": r"^[YyNn]$",
}
KINDS = (*_PATTERNS, *moments.DATE_KINDS)

_SENTINEL = re.compile(
    r"^-?9{3,9}(\.0+)?$|^-(8{4,9}|6{4,9}|5{4,9}|3{4,9}|2{4,9}|888888888|666666666)(\.0+)?$"
)


@dataclass
class Profile:
    """What all values of one column have in common; grows batch by batch."""

    name: str
    kinds: set[str] = field(default_factory=lambda: set(KINDS))
    values: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    """Spellings of "no value" and how often each occurs."""
    numeric: int = 0
    first_other: str | None = None
    """The first value that is no number."""
    all_point_zero: bool = True
    only_short_codes: bool = True
    """Whether every value is two capital letters: NA may then be one of them."""
    lengths: set[int] = field(default_factory=set)
    symbols: set[str] = field(default_factory=set)
    distinct: set[str] = field(default_factory=set)
    """Lower-case values while they may be yes or no."""
    whole_digits: int = 0
    decimals: int = 0
    has_point: bool = False
    inexact: bool = False
    exponents: bool = False
    too_long: bool = False
    sentinels: Counter[str] = field(default_factory=Counter)
    least: float = float("inf")
    most: float = float("-inf")
    dates_alike: int = 0

    def see(self, column: pa.Array) -> None:
        """Take in one batch of values (strings, exactly as written)."""
        counted = pc.value_counts(pc.utf8_trim_whitespace(column))
        texts, counts = counted.field(0), counted.field(1)
        absent = pc.or_(pc.equal(texts, ""), pc.is_in(texts, value_set=pa.array(NA_IN_NUMBERS)))
        for text, count in zip(
            texts.filter(absent).to_pylist(), counts.filter(absent).to_pylist(), strict=True
        ):
            self.missing[text] += count
        present = pc.invert(absent)
        texts, counts = texts.filter(present), counts.filter(present)
        if len(texts):
            self.values += pc.sum(counts).as_py()
            self._narrow(texts)
            self._numbers(texts, counts)
            self._shapes(texts, counts)

    def _narrow(self, texts: pa.Array) -> None:
        start = texts.slice(0, 64)
        for kind in sorted(self.kinds):
            if not (_fits(start, kind) and (len(texts) <= 64 or _fits(texts, kind))):
                self.kinds.discard(kind)
        if self.kinds & {"yes", "y"}:
            self.distinct |= {text.lower() for text in texts.to_pylist()}
        if "money" in self.kinds:
            marks = pc.extract_regex(texts, r"(?P<mark>[$€£])").field(0)
            self.symbols |= set(pc.unique(marks).drop_null().to_pylist())
        if "grouped" in self.kinds and not self.has_point:
            self.has_point = bool(pc.any(pc.match_substring(texts, ".")).as_py())

    def _numbers(self, texts: pa.Array, counts: pa.Array) -> None:
        is_number = pc.match_substring_regex(texts, _PATTERNS["float"])
        numbers = texts.filter(is_number)
        if len(numbers) < len(texts) and self.first_other is None:
            self.first_other = texts.filter(pc.invert(is_number))[0].as_py()
        if not len(numbers):
            return
        self.numeric += pc.sum(counts.filter(is_number)).as_py()
        floats = numbers.cast(pa.float64())
        bounds = pc.min_max(floats).as_py()
        self.least, self.most = min(self.least, bounds["min"]), max(self.most, bounds["max"])
        marked = pc.match_substring_regex(texts, _SENTINEL.pattern)
        for text, count in zip(
            texts.filter(marked).to_pylist(), counts.filter(marked).to_pylist(), strict=True
        ):
            self.sentinels[text] += count
        if self.kinds & {"float", "int", "grouped"}:
            self._precision(numbers)

    def _precision(self, numbers: pa.Array) -> None:
        if not self.exponents:
            self.exponents = bool(pc.any(pc.match_substring_regex(numbers, "[eE]")).as_py())
        if self.all_point_zero:
            self.all_point_zero = bool(pc.all(pc.match_substring_regex(numbers, r"^-?\d+\.0*$")).as_py())
        bare = pc.utf8_ltrim(numbers, "-")
        length, point = pc.utf8_length(bare), pc.find_substring(bare, ".")
        whole = pc.if_else(pc.less(point, 0), length, point)
        part = pc.if_else(pc.less(point, 0), 0, pc.subtract(pc.subtract(length, point), 1))
        self.whole_digits = max(self.whole_digits, pc.max(whole).as_py())
        self.decimals = max(self.decimals, pc.max(part).as_py())
        self.too_long |= self.whole_digits > 18
        long = numbers.filter(pc.greater(pc.add(whole, part), 15))
        if len(long) and not self.inexact:
            differ = pc.not_equal(long.cast(pa.float64()).cast(pa.string()), long)
            self.inexact = not all(_survives(text) for text in long.filter(differ).to_pylist())

    def _shapes(self, texts: pa.Array, counts: pa.Array) -> None:
        if self.only_short_codes:
            self.only_short_codes = bool(pc.all(pc.match_substring_regex(texts, "^[A-Z]{2}$")).as_py())
        if len(self.lengths) < 2:
            self.lengths |= set(pc.unique(pc.utf8_length(texts)).to_pylist()[:2])
        if self.kinds & {"int", "float", "grouped"}:
            return
        dated = pc.match_substring_regex(texts, r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b")
        self.dates_alike += pc.sum(counts.filter(dated)).as_py() or 0


def _fits(texts: pa.Array, kind: str) -> bool:
    if kind in _PATTERNS:
        return bool(pc.all(pc.match_substring_regex(texts, _PATTERNS[kind])).as_py())
    if not pc.all(pc.match_substring_regex(texts, moments.DATE_KINDS[kind])).as_py():
        return False
    return bool(moments.parse(texts, kind).null_count == 0)


def _survives(text: str) -> bool:
    """Whether a double keeps every digit that was written."""
    number, written = float(text), Decimal(text)
    digits = len(written.as_tuple().digits)
    shortest, as_long = repr(number), f"{number:.{max(1, min(digits, 17))}g}"
    return written in {Decimal(shortest), Decimal(as_long)}
