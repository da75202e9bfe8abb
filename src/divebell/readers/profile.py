"""What all values of a text column have in common: the ground on which its type is decided."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from divebell.readers import amounts, moments
from divebell.readers.texts import Bools, Ints, Strings, Texts

_PLAIN = r"(0|[1-9]\d*)"
_DECIMAL = rf"({_PLAIN}(\.\d*)?|\.\d+)"
_PATTERNS = {
    "int": rf"^-?{_PLAIN}$",
    "float": rf"^-?{_DECIMAL}([eE][-+]?\d{{1,3}})?$",
    **amounts.KINDS,
    "truth": r"^(?i:true|false)$",
    "yes": r"^(?i:yes|no)$",
    "y": r"^[YyNn]$",
}
KINDS = (*_PATTERNS, *moments.DATE_KINDS)
_NUMBERS = {"int": {"int", "float", "grouped", "comma"}, "float": {"float", "grouped", "comma"}}
"""The kinds that a plain number may fit."""
_WITH_POINTS = {"int", "float", *amounts.WITH_POINTS}

_WRITTEN = {
    kind: re.compile(pattern, re.ASCII) for kind, pattern in {**_PATTERNS, **moments.DATE_KINDS}.items()
}

_DATED = np.zeros(256, bool)
_DATED[list(b"0123456789ADFJMNOS")] = True
_BEGINS = np.zeros(256, bool)
_BEGINS[list(b"-.0123456789")] = True
_ENDS = np.zeros(256, bool)
_ENDS[list(b".0123456789")] = True
_LIKELY_FIRST = np.zeros(256, bool)
_LIKELY_FIRST[[*b"0123456789+-($", *range(128, 256)]] = True
_LIKELY_LAST = np.zeros(256, bool)
_LIKELY_LAST[[*b"0123456789.,-)$%", *range(128, 256)]] = True

_SENTINEL = re.compile(
    r"^-?9{3,9}(\.0+)?$|^-(8{4,9}|6{4,9}|5{4,9}|3{4,9}|2{4,9}|888888888|666666666)(\.0+)?$"
)


_CODE = re.compile(
    r"(^|_)(fips|statefp|countyfp|geo_?id|zip[45]?|zip_?codes?|zcta5?(ce)?|post_?codes?|postal(_?codes?)?|phone|telephone"
    r"|fax|ssn|ein|tin|npi|bbl|apn|tract|tractce|census_tract|block_?group|isbn|issn|ean|upc|gtin|naics|sic|huc|codes?)"
    r"(\d{0,2})(_|$)|(fips|geoid|zip|zipcode|postcode|tract|tractid)(\d{0,2})$"
)
_MEASURE = re.compile(
    r"(^|_)(count|counts|pop|population|total|rate|ratio|pct|percent|percentage|area|mean|median|avg|average|sum"
    r"|households?|income|density|share|calls|score|amount|price|value|units)(_|$)"
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
    marks: set[str] = field(default_factory=set)
    """What stands between digits or before them, while the values may be numbers."""
    comma_for_sure: bool = False
    """Whether a value can be nothing but a number with a decimal comma."""
    enclosed: int = 0
    """Values that begin with a parenthesis."""
    distinct: set[str] = field(default_factory=set)
    """Lower-case values while they may be yes or no."""
    whole_digits: int = 0
    decimals: int = 0
    inexact: bool = False
    exponents: bool = False
    too_long: bool = False
    sentinels: Counter[str] = field(default_factory=Counter)
    least: float = float("inf")
    most: float = float("-inf")
    alike: int = 0
    """Values that look like numbers, but are no plain ones."""
    dates_alike: int = 0
    first_undated: str | None = None
    """The first value that is no date of any kind."""

    @property
    def notation(self) -> str:
        """Whether decimals are set off by "point", "comma" or "either"; empty where neither fits."""
        points, commas = self.kinds & _WITH_POINTS, self.kinds & set(amounts.WITH_COMMAS)
        if points and commas:
            return "either" if self.marks & {".", ","} else "point"
        return "point" if points else "comma" if commas else ""

    def proves(self, delimiter: str) -> str:
        """Give the notation that this column proves for its file; empty where it proves none."""
        if self.kinds & _WITH_POINTS and self.kinds & set(amounts.WITH_COMMAS):
            return ""
        found = self.notation
        return "" if found == "comma" and not (delimiter == ";" or self.comma_for_sure) else found

    def see(self, column: Texts) -> None:
        """Take in one batch of values."""
        self.missing.update(column.missing)
        texts, counts = column.different
        if len(texts.values):
            self.values += len(column.present.values)
            self._narrow(column, texts.values)
            self._numbers(column, texts, counts)
            self._dates(texts, counts)
            self._shapes(texts)

    def joined(self, other: Profile) -> Profile:
        """Put two profiles of one column together."""
        return Profile(
            self.name,
            kinds=self.kinds & other.kinds,
            values=self.values + other.values,
            missing=self.missing + other.missing,
            numeric=self.numeric + other.numeric,
            first_other=self.first_other or other.first_other,
            all_point_zero=self.all_point_zero and other.all_point_zero,
            only_short_codes=self.only_short_codes and other.only_short_codes,
            lengths=self.lengths | other.lengths,
            symbols=self.symbols | other.symbols,
            distinct=self.distinct | other.distinct,
            whole_digits=max(self.whole_digits, other.whole_digits),
            decimals=max(self.decimals, other.decimals),
            marks=self.marks | other.marks,
            comma_for_sure=self.comma_for_sure or other.comma_for_sure,
            enclosed=self.enclosed + other.enclosed,
            inexact=self.inexact or other.inexact,
            exponents=self.exponents or other.exponents,
            too_long=self.too_long or other.too_long,
            sentinels=self.sentinels + other.sentinels,
            least=min(self.least, other.least),
            most=max(self.most, other.most),
            alike=self.alike + other.alike,
            dates_alike=self.dates_alike + other.dates_alike,
            first_undated=self.first_undated or other.first_undated,
        )

    def _narrow(self, column: Texts, texts: pa.Array) -> None:
        if column.number is not None:
            self.kinds &= _NUMBERS[column.number]
            if "comma" in self.kinds and column.number == "float" and _fit(texts, "comma") is None:
                self.kinds.discard("comma")
        elif self.kinds:
            first, start = texts[0].as_py(), texts.slice(0, 64)
            self.kinds = {kind for kind in self.kinds if _WRITTEN[kind].search(first)}
            self.kinds = {kind for kind in self.kinds if _fit(start, kind) is not None}
            for kind in sorted(self.kinds):
                made = _fit(texts, kind)
                if made is None:
                    self.kinds.discard(kind)
                elif texts is column.present.values:
                    column.made[kind] = made
        self._details(column, texts)

    def _details(self, column: Texts, texts: pa.Array) -> None:
        if self.kinds & {"yes", "y"}:
            self.distinct |= {text.lower() for text in texts.to_pylist()}
        if self.kinds & {"money", "comma money"}:
            marks = pc.extract_regex(texts, r"(?P<mark>[$€£])").field(0)
            self.symbols |= set(pc.unique(marks).drop_null().to_pylist())
        if not self.kinds & set(amounts.KINDS):
            return
        looked = "." if column.number is not None else amounts.MARKS
        self.marks |= {mark for mark in looked if mark not in self.marks and column.present.holds(mark)}
        if column.number is None:
            self._amounts(column.present)

    def _amounts(self, strings: Strings) -> None:
        """Look at numbers that are not written plainly."""
        texts = strings.values
        self.enclosed += int(np.count_nonzero(strings.first == ord("(")))
        if self.kinds & set(amounts.WITH_COMMAS) and not self.comma_for_sure:
            sure = pc.match_substring_regex(texts, amounts.COMMA_FOR_SURE)
            self.comma_for_sure = bool(pc.any(sure).as_py())
        if not self.inexact and (long := strings.lengths > 15).any():
            kind = next(kind for kind in amounts.KINDS if kind in self.kinds)
            self.inexact = not all(
                map(_survives, amounts.bare(texts.filter(pa.array(long)), kind).to_pylist())
            )

    def _numbers(self, column: Texts, strings: Strings, counts: Ints | None) -> None:
        if column.number is not None:
            self.numeric += len(column.present.values)
            self._range(column, column.present.values, None)
            return
        if self._coded:
            return
        texts, is_number = strings.values, _are_numbers(strings)
        if self.first_other is None and not is_number.all():
            self.first_other = texts[int(np.argmin(is_number))].as_py()
        if not is_number.all():
            alike = _look_like_numbers(strings) & ~is_number
            self.alike += int(alike.sum() if counts is None else counts[alike].sum())
        if is_number.any():
            self.numeric += int(is_number.sum() if counts is None else counts[is_number].sum())
            if self.kinds & set(_NUMBERS["int"]):
                numbers = Texts(texts.filter(pa.array(is_number)))
                self._range(numbers, numbers.values, None if counts is None else counts[is_number])

    @property
    def _coded(self) -> bool:
        """Whether the column is text with codes in it: how many of them look like numbers is no matter."""
        return not self.kinds and self.first_other is not None and is_coded(self.name, self.first_other)

    def _range(self, column: Texts, numbers: pa.Array, counts: Ints | None) -> None:
        if not self.kinds & set(_NUMBERS["int"]):
            return
        try:
            bounds = pc.min_max(column.ints if column.number == "int" else column.floats).as_py()
        except pa.ArrowInvalid:
            bounds = pc.min_max(column.floats).as_py()
        self.least, self.most = min(self.least, float(bounds["min"])), max(self.most, float(bounds["max"]))
        self._precision(column)
        if counts is not None:
            self._seen_sentinels(numbers, counts)
        elif len(at := _may_be_sentinels(column.present)):
            self._seen_sentinels(numbers.take(pa.array(at)), np.ones(len(at), np.int64))

    def _seen_sentinels(self, numbers: pa.Array, counts: Ints) -> None:
        marked = np.asarray(pc.match_substring_regex(numbers, _SENTINEL.pattern))
        for text, count in zip(numbers.filter(pa.array(marked)).to_pylist(), counts[marked], strict=True):
            self.sentinels[text] += int(count)

    def _precision(self, column: Texts) -> None:
        strings = column.present
        numbers = strings.values
        if not self.exponents:
            self.exponents = strings.holds("e") or strings.holds("E")
        if self.all_point_zero:
            self.all_point_zero = bool(pc.all(pc.match_substring_regex(numbers, r"^-?\d+\.0*$")).as_py())
        whole, part = _digits(strings)
        self.whole_digits = max(self.whole_digits, int(whole.max()))
        self.decimals = max(self.decimals, int(part.max()))
        self.too_long |= self.whole_digits > 18
        if not self.inexact and (long := whole + part > 15).any():
            kept = pa.array(long)
            texts, floats = numbers.filter(kept), column.floats.filter(kept)
            differ = pc.not_equal(floats.cast(pa.string()), texts)
            self.inexact = not all(_survives(text) for text in texts.filter(differ).to_pylist())

    def _shapes(self, strings: Strings) -> None:
        texts = strings.values
        if self.only_short_codes:
            self.only_short_codes = bool(
                (strings.lengths == 2).all() and pc.all(pc.match_substring_regex(texts, "^[A-Z]{2}$")).as_py()
            )
        if len(self.lengths) < 2:
            self.lengths |= set(pc.unique(_letters(strings)).to_pylist()[:2])

    def _dates(self, strings: Strings, counts: Ints | None) -> None:
        texts = strings.values
        if self.kinds & set(_NUMBERS["int"]):
            self.first_undated = self.first_undated or texts[0].as_py()
            return
        dated = _DATED[strings.first]
        if dated.any():
            near = texts.filter(pa.array(dated))
            dated[dated] = np.asarray(pc.match_substring_regex(near, moments.ALIKE))
        self.dates_alike += int(dated.sum() if counts is None else counts[dated].sum())
        if self.first_undated is None and not self.kinds & set(moments.DATE_KINDS):
            valid = dated.copy()
            valid[dated] = moments.is_moment(texts.filter(pa.array(dated)))
            if not valid.all():
                self.first_undated = texts[int(np.argmin(valid))].as_py()


def is_code_name(name: str) -> bool:
    """Whether a column's PostgreSQL name says that it holds codes, such as FIPS or telephone numbers."""
    return bool(_CODE.search(name)) and not _MEASURE.search(name)


def is_coded(name: str, example: str) -> bool:
    """Whether a column holds codes, by its PostgreSQL name or a value of it that is no number."""
    return is_code_name(name) or bool(re.match(r"0\d", example))


def _are_numbers(strings: Strings) -> Bools:
    """Mark the plain numbers; only what begins and ends like one is looked at closely."""
    texts = strings.values
    likely = _BEGINS[strings.first] & _ENDS[strings.at(-1)]
    if likely.all():
        return np.asarray(pc.match_substring_regex(texts, _PATTERNS["float"]))
    found = np.zeros(len(texts), bool)
    if likely.any():
        near = texts.filter(pa.array(likely))
        found[likely] = np.asarray(pc.match_substring_regex(near, _PATTERNS["float"]))
    return found


def _look_like_numbers(strings: Strings) -> Bools:
    """Mark what looks like numbers in whatever way they are written."""
    found = np.asarray(_LIKELY_FIRST[strings.first] & _LIKELY_LAST[strings.at(-1)])
    if found.any():
        near = strings.values.filter(pa.array(found))
        found[found] = np.asarray(pc.match_substring_regex(near, amounts.ALIKE))
    return found


def _may_be_sentinels(strings: Strings) -> Ints:
    """Find the numbers that begin like 999 or -888."""
    second = strings.at(1)
    nines = (strings.first == ord("9")) & (second == ord("9"))
    repeated = (strings.first == ord("-")) & (second >= ord("2")) & (second == strings.at(2))
    return np.flatnonzero(nines | repeated)


def _digits(strings: Strings) -> tuple[Ints, Ints]:
    """Count the characters of plain numbers before and after the point, the sign apart."""
    length = strings.lengths - (strings.first == ord("-"))
    if not strings.holds("."):
        return length.astype(np.int64), np.zeros(len(length), np.int64)
    points = np.flatnonzero(strings.data[strings.offsets[0] : strings.offsets[-1]] == ord("."))
    points += int(strings.offsets[0])
    rows = np.searchsorted(strings.offsets, points, "right") - 1
    part = np.zeros(len(length), np.int64)
    part[rows] = strings.offsets[rows + 1] - points - 1
    pointed = np.zeros(len(length), np.int64)
    pointed[rows] = 1
    return length - part - pointed, part


def _letters(strings: Strings) -> pa.Array:
    ascii_only = not len(strings.data) or int(strings.data.max()) < 128
    return pa.array(strings.lengths) if ascii_only else pc.utf8_length(strings.values)


def _fit(texts: pa.Array, kind: str) -> pa.Array | None:
    """Give what is read when all texts are of a kind, moments or the texts themselves; None when not."""
    if kind in _PATTERNS:
        return texts if pc.all(pc.match_substring_regex(texts, _PATTERNS[kind])).as_py() else None
    moment = moments.parse(texts, kind)
    return None if moment.null_count else moment


def _survives(text: str) -> bool:
    """Whether a double keeps every digit that was written."""
    number, written = float(text), Decimal(text)
    digits = len(written.as_tuple().digits)
    shortest, as_long = repr(number), f"{number:.{max(1, min(digits, 17))}g}"
    return written in {Decimal(shortest), Decimal(as_long)}
