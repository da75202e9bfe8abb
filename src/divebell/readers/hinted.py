"""Read a column as the type that the event file gives it; what does not fit is counted and becomes NULL."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from divebell.event.model import ColumnType, DatasetHint
from divebell.readers import amounts, moments
from divebell.readers.texts import NA_IN_NUMBERS, Texts, masked

_AMOUNT = r"^\(?[-+]?[$€£]? ?[-+]?(\d+(,\d{3})*(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})? ?[%€]?\)?$"
_YES, _NO = pa.array(["true", "yes", "y", "t", "1"]), pa.array(["false", "no", "n", "f", "0"])
_WAYS = {
    ColumnType.DATE: ("us", "eu"),
    ColumnType.TIMESTAMP: ("us", "eu", "zoned us", "zoned eu"),
    ColumnType.NUMBER: ("point", "comma"),
    ColumnType.INTEGER: ("point", "comma"),
}
_SPOKEN = {"us": "month/day/year", "eu": "day/month/year"}


@dataclass(frozen=True)
class Told:
    """The type that a person gave a column, and the way its values are read as such."""

    type: ColumnType
    way: str = ""

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type of the column."""
        return {
            ColumnType.TEXT: pa.string(),
            ColumnType.INTEGER: pa.int64(),
            ColumnType.NUMBER: pa.float64(),
            ColumnType.BOOLEAN: pa.bool_(),
            ColumnType.DATE: pa.date32(),
            ColumnType.TIMESTAMP: pa.timestamp("us", "UTC" if self.way.startswith("zoned") else None),
        }[self.type]

    def read(self, texts: pa.Array) -> pa.Array:
        """Read trimmed strings; null where one does not fit."""
        if self.type in {ColumnType.DATE, ColumnType.TIMESTAMP}:
            return self._moments(texts)
        if self.type is ColumnType.BOOLEAN:
            lower = pc.utf8_lower(texts)
            yes, no = pc.is_in(lower, value_set=_YES), pc.is_in(lower, value_set=_NO)
            return pc.if_else(pc.or_(yes, no), yes, pa.scalar(None, pa.bool_()))
        return _numbers(texts, whole=self.type is ColumnType.INTEGER, commas=self.way == "comma")

    def _moments(self, texts: pa.Array) -> pa.Array:
        kinds = [
            kind
            for kind in moments.DATE_KINDS
            if not (kind[:2] in _SPOKEN and kind[:2] != self.way[-2:])
            and kind.endswith("zoned") == self.way.startswith("zoned")
        ]
        wanted = pa.timestamp("us", "UTC" if self.way.startswith("zoned") else None)
        found = pa.nulls(len(texts), wanted)
        for kind in kinds:
            if found.null_count:
                found = pc.coalesce(found, moments.parse(texts, kind).cast(wanted))
        if self.type is ColumnType.TIMESTAMP:
            return found
        days = found.cast(pa.date32(), safe=False)
        return pc.if_else(pc.equal(days.cast(pa.timestamp("us")), found), days, pa.scalar(None, pa.date32()))


def _numbers(texts: pa.Array, *, whole: bool, commas: bool = False) -> pa.Array:
    if commas:
        written = [pc.match_substring_regex(texts, pattern) for pattern in amounts.WITH_COMMAS.values()]
        fits = pc.or_(pc.or_(written[0], written[1]), written[2])
        texts = amounts.bare(pc.if_else(fits, texts, pa.scalar(None, pa.string())), "comma")
    kept = pc.if_else(pc.match_substring_regex(texts, _AMOUNT), texts, pa.scalar(None, pa.string()))
    bare = pc.replace_substring_regex(pc.replace_substring_regex(kept, r"^\(", "-"), r"[^0-9.eE\-]", "")
    if not whole:
        floats = bare.cast(pa.float64())
        return pc.if_else(pc.is_finite(floats), floats, pa.scalar(None, pa.float64()))
    plain = pc.replace_substring_regex(bare, r"\.0*$", "")
    fits = pc.match_substring_regex(plain, r"^-?\d{1,18}$")
    return pc.if_else(fits, plain, pa.scalar(None, pa.string())).cast(pa.int64())


@dataclass
class Profile:
    """How well all values of a column fit the type that it was given; grows batch by batch."""

    name: str
    type: ColumnType
    values: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    misfits: Counter[str] = field(default_factory=Counter)
    """By way of reading, how many values do not fit."""
    examples: dict[str, str] = field(default_factory=dict)

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways in which the values may be read."""
        return _WAYS.get(self.type, ("",))

    def see(self, column: Texts) -> None:
        """Take in one batch of values."""
        texts = column.present.values
        self.values += len(texts)
        self.missing.update(column.missing)
        for way in self.ways if self.type is not ColumnType.TEXT else ():
            if lost := (read := Told(self.type, way).read(texts)).null_count:
                self.misfits[way] += lost
                self.examples.setdefault(way, texts.filter(pc.is_null(read))[0].as_py())

    def joined(self, other: Profile) -> Profile:
        """Put two profiles of one column together."""
        return Profile(
            self.name,
            self.type,
            self.values + other.values,
            self.missing + other.missing,
            self.misfits + other.misfits,
            {**other.examples, **self.examples},
        )

    def told(self) -> Told:
        """Choose the way of reading that fits most values."""
        return Told(self.type, min(self.ways, key=lambda way: self.misfits[way]))

    def notes(self) -> list[tuple[str, str]]:
        """Say what was lost or assumed."""
        told, notes = self.told(), []
        if lost := self.misfits[told.way]:
            sentence = f"values that are no {told.type} were left empty (NULL), since the event file says so"
            notes.append((sentence, f"{lost:,}, such as '{self.examples[told.way][:40]}'"))
        other = {"us": "eu", "eu": "us"}.get(told.way, "")
        if told.way == "comma":
            notes.append(("decimal commas were read: 1.234,50 is 1234.50", ""))
        if other and self.misfits["zoned us"] + self.misfits[other] and self.misfits[other] != lost:
            notes.append((f"the dates were read as {_SPOKEN[told.way]}, which fits most values", ""))
        return notes


def hinted_type(hint: DatasetHint, name: str, original: str) -> ColumnType | None:
    """Give the type that the event file gives a column, by its header or its PostgreSQL name."""
    if original in hint.text or name in hint.text:
        return ColumnType.TEXT
    return hint.types.get(original, hint.types.get(name))


def convert(column: Texts, told: Told) -> pa.Array:
    """Turn a batch of text into the given type; missing values and those that do not fit become null."""
    if told.type is ColumnType.TEXT:
        return column.without(("",), trimmed=False)
    return told.read(masked(column.trimmed.values, column.where(("", *NA_IN_NUMBERS))))
