"""Find the columns of an .xlsx sheet whose numbers are shown as codes: 2101 as 02101."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO
from xml.parsers import expat

from divebell.readers.sheetparts import Code, walk, width

_REFERENCE = re.compile(r"([A-Za-z]{1,3})(\d{1,7})")
_LONGEST_NUMBER = 64
_MOST_PLAIN = 1_000
_CELL, _VALUE, _ROW = ({name, f"x:{name}"} for name in ("c", "v", "row"))
"""Elements as programs write them: without a prefix, or with that of Microsoft's own library."""


@dataclass(frozen=True)
class ShownColumn:
    """A column that is read as it is shown."""

    code: Code
    plain: frozenset[int]
    """The rows whose number stands there as it is, such as a total."""


@dataclass
class CodeColumn:
    """What the numbers of one column are shown as."""

    lengths: dict[Code, tuple[int, int]] = field(default_factory=dict)
    """The fewest and the most digits that each format is used for."""
    count: int = 0
    """How many numbers such formats show."""
    plain: list[int] = field(default_factory=list)
    """The first rows with other numbers."""
    plain_count: int = 0
    example: str = ""
    """A code as it is shown, one with zeros in front where there is one."""

    def see(self, row: int, number: float, code: Code | None) -> None:
        """Take in a cell."""
        if code is None or not number.is_integer() or not 0 <= number < 2**53:
            self.plain_count += 1
            if len(self.plain) < _MOST_PLAIN:
                self.plain.append(row)
            return
        self.count += 1
        length = len(str(int(number)))
        least, most = self.lengths.get(code, (length, length))
        if not least <= length <= most or code not in self.lengths:
            self.lengths[code] = (min(least, length), max(most, length))
        if not self.example.startswith("0"):
            shown = code.shown(number)
            self.example = shown if shown.startswith("0") else self.example or shown

    def decide(self, first_row: int) -> ShownColumn | None:
        """Give how the numbers from a row on are shown; None when most are plain, or it cannot be told."""
        plain = frozenset(row for row in self.plain if row >= first_row)
        if self.plain_count > len(self.plain) or len(plain) >= self.count:
            return None
        code = self._one_code()
        return ShownColumn(code, plain) if code else None

    def _one_code(self) -> Code | None:
        """Put several formats together where the length of a number tells which of them it has."""
        if len(self.lengths) == 1:
            return next(iter(self.lengths))
        patterns: list[str] = []
        for code, (least, most) in sorted(self.lengths.items(), key=lambda one: width(one[0].patterns[0])):
            above = width(patterns[-1]) if patterns else 0
            if len(code.patterns) > 1 or least <= above or most > width(code.patterns[0]):
                return None
            patterns.append(code.patterns[0])
        return Code(tuple(patterns))


def code_columns(sheet: IO[bytes], codes: Mapping[int, Code]) -> dict[int, CodeColumn]:
    """Find the columns with codes in a sheet's XML, by their number from 0. Odd XML gives none."""
    cells = _Cells(codes)
    try:
        walk(sheet, cells.start, cells.end, cells.text)
    except expat.ExpatError:
        return {}
    return {at: column for at, column in cells.columns.items() if column.lengths}


class _Cells:
    """Takes the elements of a sheet; keeps what the numbers of each column are shown as."""

    def __init__(self, codes: Mapping[int, Code]) -> None:
        self.columns: dict[int, CodeColumn] = {}
        self._codes = codes
        self._row = self._column = -1
        self._reference = ""
        self._code: Code | None = None
        self._is_number = False
        self._value: str | None = None

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name in _CELL:
            self._column += 1
            self._reference = attributes.get("r", "")
            style = attributes.get("s", "0")
            self._code = self._codes.get(int(style)) if style.isdigit() else None
            self._is_number = attributes.get("t", "n") == "n"
        elif name in _VALUE:
            self._value = "" if self._is_number else None
        elif name in _ROW:
            number = attributes.get("r", "")
            self._row = int(number) - 1 if number.isdigit() else self._row + 1
            self._column = -1

    def _place(self) -> None:
        if place := _REFERENCE.fullmatch(self._reference):
            self._row, self._column = int(place[2]) - 1, column_number(place[1].encode()) - 1

    def text(self, data: str) -> None:
        if self._value is not None and len(self._value) < _LONGEST_NUMBER:
            self._value += data

    def end(self, name: str) -> None:
        if self._value is not None and name in _VALUE:
            value, self._value = self._value, None
            try:
                number = float(value)
            except ValueError:
                return
            self._place()
            self.columns.setdefault(self._column, CodeColumn()).see(self._row, number, self._code)


def column_number(letters: Iterable[int]) -> int:
    """Give the number of a column from its letters, A being 1."""
    number = 0
    for letter in letters:
        number = number * 26 + (letter & 0xDF) - 64
    return number
