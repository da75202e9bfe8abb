"""A batch of one column as text, and what can be told of all its values at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

NA_IN_TEXT = ("NA", "N/A", "n/a", "#N/A", "NULL", "null", "NaN", "nan", "<NA>")
"""Spellings of "no value" that are taken as such in text columns too."""
NA_IN_NUMBERS = (
    *NA_IN_TEXT, "na", "None", "none", "Null", "-", "--", ".", "..", "?", "*", "missing", "Missing",
    "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "n.a.", "N.A.", "n.a", "N.A", "–", "—",
    "$ -", "$-", "£ -", "£-", "€ -", "€-", "- €", "-€",
)  # fmt: skip
"""Spellings of "no value" between numbers, dates and yes/no values."""

_SEVERAL = 512
_FEW = 64
_DIGITS = b"0123456789"


def _longest_missing() -> Ints:
    longest = np.zeros(256, np.int64)
    for spelling in NA_IN_NUMBERS:
        written = spelling.encode()
        longest[written[0]] = max(longest[written[0]], len(written))
    return longest


_LONGEST_MISSING = _longest_missing()
"""By first byte, the length of the longest spelling of "no value"."""
_MAY_BE_SPACE = np.zeros(256, bool)
_MAY_BE_SPACE[[*range(9, 14), *range(28, 33), *range(128, 256)]] = True


class Strings:
    """The bytes of strings of which none is null."""

    def __init__(self, values: pa.Array) -> None:
        self.values = values
        _, offsets, data = values.buffers()
        count = len(values)
        empty = np.zeros(1, np.uint8)
        self.offsets: npt.NDArray[np.int32] = (
            np.frombuffer(offsets, np.int32)[values.offset : values.offset + count + 1]
            if count
            else np.zeros(1, np.int32)
        )
        self.data: Bytes = np.frombuffer(data, np.uint8) if data is not None and data.size else empty

    @cached_property
    def lengths(self) -> npt.NDArray[np.int32]:
        """Bytes of each value."""
        return np.diff(self.offsets)

    def holds(self, letter: str) -> bool:
        """Whether a character occurs in any value."""
        return letter.encode() in self.content

    def at(self, position: int) -> Bytes:
        """Give the byte of each value at `position`, from the end where negative; 0 where it is shorter."""
        edge, reach = (self.offsets[:-1], position + 1) if position >= 0 else (self.offsets[1:], -position)
        found = self.data.take(edge + np.int32(position), mode="clip")
        return found if len(found) and int(self.lengths.min()) >= reach else found * (self.lengths >= reach)

    @cached_property
    def first(self) -> Bytes:
        """The first byte of each value; 0 where it is empty."""
        return self.at(0)

    @cached_property
    def content(self) -> bytes:
        """All values in one."""
        return self.data[self.offsets[0] : self.offsets[-1]].tobytes()

    @cached_property
    def signs(self) -> bytes:
        """All that is no digit."""
        return self.content.translate(None, _DIGITS)


class Texts:
    """A batch of one column as text, exactly as written. It has no nulls; a missing value is an empty one."""

    def __init__(self, values: pa.Array) -> None:
        self.values = values
        self.made: dict[str, pa.Array] = {}
        """What was made of the values that are there, by kind, so that nothing is made twice."""

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def _written(self) -> Strings:
        return Strings(self.values)

    @cached_property
    def trimmed(self) -> Strings:
        """The values without white space around them."""
        edges = (self._written.first, self._written.at(-1))
        if not any(_MAY_BE_SPACE[edge].any() for edge in edges):
            return self._written
        return Strings(pc.utf8_trim_whitespace(self.values))

    @cached_property
    def _coded(self) -> tuple[pa.Array, npt.NDArray[np.int32]] | None:
        """The different values, and which of them stands where; None where there are too many."""
        values = self.trimmed.values
        start = values.slice(0, _SEVERAL)
        if len(pc.unique(start)) > min(_FEW, 1 + len(start) // 4):
            return None
        coded = values.dictionary_encode()
        return coded.dictionary, np.asarray(coded.indices)

    def blank(self) -> Bools:
        """Mark values in which nothing stands."""
        return np.asarray(self.trimmed.lengths == 0)

    def where(self, spellings: Sequence[str]) -> Bools | None:
        """Mark the values that are one of some spellings of "no value"; None when there are none."""
        wanted = pa.array(spellings, pa.string())
        if self._coded is not None:
            different, codes = self._coded
            marked = np.asarray(pc.is_in(different, value_set=wanted))
            return marked[codes] if marked.any() else None
        at = self._candidates
        if not len(at):
            return None
        inside = np.asarray(pc.is_in(self.trimmed.values.take(pa.array(at)), value_set=wanted))
        if not inside.any():
            return None
        found = np.zeros(len(self), bool)
        found[at[inside]] = True
        return found

    @cached_property
    def _candidates(self) -> Ints:
        return np.flatnonzero(self.trimmed.lengths <= _LONGEST_MISSING[self.trimmed.first])

    @cached_property
    def absent(self) -> Bools | None:
        """Where there is no value, as numbers spell that; None when there is one everywhere."""
        return self.where(("", *NA_IN_NUMBERS))

    @cached_property
    def missing(self) -> Counter[str]:
        """How "no value" is spelt, and how often."""
        if self.absent is None:
            return Counter()
        return _counted(self.trimmed.values.filter(pa.array(self.absent)))

    @cached_property
    def present(self) -> Strings:
        """The values that are there, trimmed."""
        if self.absent is None:
            return self.trimmed
        return Strings(self.trimmed.values.filter(pa.array(~self.absent)))

    @cached_property
    def different(self) -> tuple[Strings, Ints | None]:
        """The values that are there, and how often each occurs; all of them, and None, where most differ."""
        if self._coded is None:
            return self.present, None
        different, codes = self._coded
        often = np.bincount(codes, minlength=len(different))
        there = ~np.asarray(pc.is_in(different, value_set=pa.array(("", *NA_IN_NUMBERS))))
        return Strings(different.filter(pa.array(there))), often[there]

    @cached_property
    def floats(self) -> pa.Array:
        """The values that are there as doubles; ArrowInvalid where one is no number."""
        return self.present.values.cast(pa.float64())

    @cached_property
    def ints(self) -> pa.Array:
        """The values that are there as integers; ArrowInvalid where one is none."""
        return self.present.values.cast(pa.int64())

    @cached_property
    def number(self) -> str | None:
        """Whether all values are plain numbers, "int" or "float"; None where some are not or may not be."""
        strings = self.present
        if not len(strings.values) or strings.content[:_SEVERAL].translate(None, _DIGITS + b"-."):
            return None
        negative = strings.first == ord("-")
        if not _like_numbers(strings, negative):
            return None
        if not strings.holds("."):
            return "int" if int((strings.lengths - negative).min()) > 0 else None
        try:
            return "float" if len(self.floats) else None
        except pa.ArrowInvalid:
            return None

    def spread(self, found: pa.Array) -> pa.Array:
        """Put what was made of the values that are there in their rows; null elsewhere."""
        if self.absent is None:
            return found
        there = ~self.absent
        return found.take(pa.array(np.cumsum(there) - 1, mask=self.absent))

    def without(self, spellings: Sequence[str], *, trimmed: bool) -> pa.Array:
        """Give the values with null for some spellings of "no value"."""
        return masked(self.trimmed.values if trimmed else self.values, self.where(spellings))

    def each(self, spellings: Sequence[str], make: Callable[[pa.Array], pa.Array]) -> pa.Array:
        """Make something of the values without some spellings of "no value", once of each that differs."""
        if self._coded is None:
            return make(self.without(spellings, trimmed=True))
        different, codes = self._coded
        gone = np.asarray(pc.is_in(different, value_set=pa.array(spellings, pa.string())))
        return make(masked(different, gone)).take(pa.array(codes))


def _like_numbers(strings: Strings, negative: Bools) -> bool:
    """Whether there are only digits, points and leading signs, and no zero before another digit."""
    signs = strings.signs
    if signs.translate(None, b"-."):
        return False
    if np.count_nonzero(np.frombuffer(signs, np.uint8) == ord("-")) != np.count_nonzero(negative):
        return False
    some = bool(negative.any())
    zeros = (np.where(negative, strings.at(1), strings.first) if some else strings.first) == ord("0")
    if not zeros.any():
        return True
    after = np.where(negative, strings.at(2), strings.at(1)) if some else strings.at(1)
    return not (zeros & (after >= ord("0"))).any()


def masked(values: pa.Array, gone: Bools | None) -> pa.Array:
    """Make strings null where they are `gone`, without a copy of them."""
    if gone is None or not gone.any():
        return values
    kept = np.ones(values.offset + len(values), bool)
    kept[values.offset :] = ~gone
    _, offsets, data = values.buffers()
    bits = pa.py_buffer(np.packbits(kept, bitorder="little"))
    return pa.Array.from_buffers(
        pa.string(), len(values), [bits, offsets, data], null_count=int(gone.sum()), offset=values.offset
    )


def _counted(values: pa.Array) -> Counter[str]:
    found = pc.value_counts(values)
    return Counter(dict(zip(found.field(0).to_pylist(), found.field(1).to_pylist(), strict=True)))
