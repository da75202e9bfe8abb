"""From records to rows: ragged and blank ones, and notes below the table."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from divebell.readers.header import MOST_COLUMNS, Header, count_words, find_header
from divebell.readers.texts import Texts

__all__ = [
    "MOST_COLUMNS",
    "Header",
    "Repairs",
    "Rows",
    "are_regular",
    "chunks",
    "find_header",
    "most_rows",
    "rows",
]

_FOOTNOTE = re.compile(
    r"^((sources?|notes?|data (from|source)|generated|downloaded|last updated)\b|[*†©])", re.IGNORECASE
)


@dataclass
class Repairs:
    """What was put right in the rows; filled while they go by."""

    blank: int = 0
    short: list[int] = field(default_factory=list)
    long: list[int] = field(default_factory=list)
    footers: list[str] = field(default_factory=list)

    def sentences(self) -> Iterator[str]:
        """Say what was repaired, in a volunteer's words. Rows count from 1 below the header."""
        if self.blank:
            yield f"{_count(self.blank, 'blank row was', 'blank rows were')} left out"
        if self.short:
            yield (
                f"{_count(len(self.short), 'row has', 'rows have')} too few values ({_rows(self.short)}); "
                f"the missing ones are empty (NULL)"
            )
        if self.long:
            yield (
                f"{_count(len(self.long), 'row has', 'rows have')} too many values ({_rows(self.long)}); "
                f"the surplus is kept in the column extra_values"
            )
        for footer in self.footers:
            yield f"a note below the table was left out: '{footer[:100]}'"


class Rows:
    """Takes records one by one and gives the rows among them; fills `repairs`.

    Each row is as wide as the header plus one cell for surplus values. Cells are text, or what a spreadsheet
    holds; "" is an empty one.
    """

    def __init__(self, header: Header, repairs: Repairs) -> None:
        self._width = len(header.names)
        self._words = header.words
        self._repairs = repairs
        self._tail: deque[list[Any]] = deque()
        self._blanks = self._number = 0

    @property
    def settled(self) -> bool:
        """Whether all that was taken so far is a row, and nothing waits for what follows."""
        return not self._blanks and not self._tail

    def skip(self, count: int) -> None:
        """Count rows that are known to need no repair."""
        self._number += count

    def take(self, record: list[Any]) -> Iterator[list[Any]]:
        """Take a record; give the rows that are certain now."""
        width = self._width
        if self.settled and _is_full(record, width):
            self._number += 1
            record.append("")
            yield record
        elif all(_blank(cell) for cell in record):
            self._blanks += 1
        elif width > 2 and _is_note(record, not self.settled, self._words):
            self._tail.append(record)
        else:
            yield from self._waiting()
            self._number += 1
            self._repairs.blank += self._blanks
            self._blanks = 0
            yield _fit(record, width, self._number, self._repairs)

    def _waiting(self) -> Iterator[list[Any]]:
        while self._tail:
            self._number += 1
            yield _fit(self._tail.popleft(), self._width, self._number, self._repairs)

    def end(self) -> None:
        """Take what still waits for notes below the table."""
        self._repairs.footers += [
            " ".join(str(cell) for cell in record if not _blank(cell)) for record in self._tail
        ]


def rows(records: Iterable[list[Any]], header: Header, repairs: Repairs) -> Iterator[list[Any]]:
    """Give the data rows among all records of a table, as `Rows` does."""
    found = Rows(header, repairs)
    for record in islice(records, header.skip, None):
        yield from found.take(record)
    found.end()


def are_regular(columns: Sequence[Texts]) -> bool:
    """Whether each row is one, whatever stands around it: not blank, and no note in its first cell only."""
    doubtful = columns[min(1, len(columns) - 1)].blank()
    others = columns[:1] if len(columns) == 2 else columns[2:]
    for column in others:
        if not doubtful.any():
            break
        doubtful = doubtful & column.blank()
    return not doubtful.any()


def _is_full(record: list[Any], width: int) -> bool:
    """Whether a row is as wide as the header and begins with two filled cells: nothing to repair."""
    return len(record) == width > 1 and bool(record[0] and record[1]) and str(record[1]).strip() != ""


def _blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _is_note(record: list[Any], after_gap: bool, usual: int) -> bool:
    """Whether a record may be a note: one begun as such, or after a gap a text unlike the first column's."""
    if not isinstance(record[0], str) or not all(_blank(cell) for cell in record[1:]):
        return False
    text = record[0].strip()
    words = count_words(text)
    longer = words > usual and (words > 2 or usual == 0)
    return bool(_FOOTNOTE.match(text)) or ((after_gap or len(record) == 1) and longer)


def _fit(record: list[Any], width: int, number: int, repairs: Repairs) -> list[Any]:
    surplus = record[width:]
    if len(record) < width:
        repairs.short.append(number)
        return record + [""] * (width - len(record)) + [""]
    if surplus and not all(_blank(cell) for cell in surplus):
        repairs.long.append(number)
        return [*record[:width], ", ".join(str(cell) for cell in surplus)]
    return [*record[:width], ""]


def most_rows(width: int) -> int:
    """Choose how many rows make a batch: some ten thousand, fewer when they are wide."""
    return max(500, min(50_000, 2_000_000 // max(1, width)))


def chunks(lines: Iterable[list[Any]], width: int) -> Iterator[list[list[Any]]]:
    """Give rows in lists of some ten thousand, fewer when they are wide."""
    size = most_rows(width)
    source = iter(lines)
    while chunk := list(islice(source, size)):
        yield chunk


def _count(number: int, one: str, many: str) -> str:
    return f"1 {one}" if number == 1 else f"{number:,} {many}"


def _rows(numbers: list[int]) -> str:
    shown = ", ".join(f"{number:,}" for number in numbers[:5])
    more = f" and {len(numbers) - 5:,} more" if len(numbers) > 5 else ""
    return f"row {shown}{more}" if len(numbers) == 1 else f"rows {shown}{more}"
