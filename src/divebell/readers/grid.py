"""From records to a table: title rows, header, ragged and blank rows, footers."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from divebell.errors import DivebellError
from divebell.readers.texts import NA_IN_NUMBERS, Texts

MOST_COLUMNS = 1590
"""PostgreSQL allows 1,600; the loader adds a few of its own."""
_LOOK = 200
_NUMBER = re.compile(r"^-?[\d,]*\.?\d+%?$")
_YEAR = re.compile(r"^(1[6-9]|2[01])\d\d$")
_FOOTNOTE = re.compile(
    r"^(source|sources|note|notes|\*|†|©|data (from|source)|generated|downloaded|last updated)", re.IGNORECASE
)


@dataclass(frozen=True)
class Header:
    """Where a table begins and what its columns are called."""

    names: tuple[str, ...]
    skip: int
    """Records above the first data record."""
    warnings: tuple[str, ...]


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


def find_header(records: Iterable[list[str]], skip_rows: int = 0, name: str = "the file") -> Header:
    """Find the header among the first records.

    It is the first record about as wide as most; what stands above it is a title. Raises DivebellError when
    there is no record at all, or more columns than PostgreSQL takes.
    """
    first = list(islice(records, skip_rows, skip_rows + _LOOK))
    filled = [record for record in first if any(cell.strip() for cell in record)]
    if not filled:
        raise DivebellError(
            f"{name} holds no rows", next_step="commit the file with its content, or remove it"
        )
    width = _usual_width(filled)
    at = next((i for i, record in enumerate(first) if _is_header(record, width)), first.index(filled[0]))
    header = [cell.strip("\ufeff") for cell in first[at]]
    if len(header) > MOST_COLUMNS:
        raise DivebellError(
            f"{name} has {len(header):,} columns; a PostgreSQL table holds at most 1,600",
            next_step=f"split it into files of at most {MOST_COLUMNS:,} columns, or turn columns into rows",
        )
    warnings = [
        f"a title above the header was left out: '{' '.join(cell for cell in record if cell.strip())[:100]}'"
        for record in first[:at]
        if any(cell.strip() for cell in record)
    ]
    if _looks_like_data(header, first[at + 1 :]):
        warnings.append("the file has no header; its columns are called column_1, column_2, ...")
        return Header(
            tuple(f"column_{i}" for i in range(1, len(header) + 1)), skip_rows + at, tuple(warnings)
        )
    below = first[at + 1 :]
    header = _without_empty_tail(header, below)
    skip = skip_rows + at + 1
    above = first[at - 1] if at else []
    if _are_groups(above, header):
        warnings[-1:] = []
        header = _combined(above, header)
        warnings.append(f"two header rows were put together into names such as '{_example(header)}'")
    elif below and any(cell.strip() for cell in below[0]) and _second_header(header, below):
        skip += 1
        if all(cell.strip() for cell in header):
            warnings.append(f"a second header row was left out: '{', '.join(below[0])[:100]}'")
        else:
            header = _combined(header, below[0])
            warnings.append(f"two header rows were put together into names such as '{_example(header)}'")
    return Header(tuple(header), skip, tuple(warnings))


def _are_groups(above: list[str], header: list[str]) -> bool:
    """Whether the row above the header names groups of columns, such as 2010,,2011, over Male,Female."""
    named = [cell.strip() for cell in above if cell.strip()]
    names = [cell.strip() for cell in header if cell.strip()]
    doubled = len(set(names)) < len(names)
    return len(named) > 1 and doubled and len(set(_combined(above, header))) == len(header)


def _combined(upper: list[str], lower: list[str]) -> list[str]:
    """Put two header rows together; a blank cell in the upper one belongs to the group on its left."""
    names, group = [], ""
    for at, cell in enumerate(lower):
        group = (upper[at].strip() if at < len(upper) else "") or group
        name = cell.strip()
        names.append(" / ".join(dict.fromkeys(one for one in (group, name) if one)))
    return names


def _example(header: list[str]) -> str:
    return next((name for name in header if " / " in name), header[0])[:100]


def _second_header(header: list[str], below: list[list[str]]) -> bool:
    """Whether the first row under the header is one more: different words over columns of numbers."""
    rows = [[cell.strip() for cell in record] for record in below if any(cell.strip() for cell in record)]
    if len(rows) < 4 or any(_NUMBER.match(cell) for cell in rows[0]):
        return False
    numeric = [
        at
        for at in range(len(rows[0]))
        if (values := [row[at] for row in rows[1:] if len(row) > at and row[at]])
        and all(map(_NUMBER.match, values))
    ]
    words = [rows[0][at] for at in numeric]
    merged = not all(cell.strip() for cell in header)
    names = _combined(header, below[0]) if merged else words
    return len(words) > 1 and len(set(names)) == len(names) and not {"", *NA_IN_NUMBERS} & set(words)


def _usual_width(filled: list[list[str]]) -> int:
    counted = Counter(len(record) for record in filled)
    return max(counted.items(), key=lambda pair: (pair[1], pair[0]))[0]


def _is_header(record: list[str], width: int) -> bool:
    if all(_NUMBER.match(cell.strip()) and not _YEAR.match(cell.strip()) for cell in record if cell.strip()):
        return False
    named = sum(1 for cell in record if cell.strip())
    if width == 1:
        return named == 1
    return len(record) >= max(2, 0.6 * width) and named >= max(min(2, width), 0.5 * min(width, len(record)))


def _looks_like_data(header: list[str], below: list[list[str]]) -> bool:
    if not below or len(header) < 2 or not all(_NUMBER.match(cell.strip()) for cell in header):
        return False
    plain = [cell.strip() for cell in header]
    years = all(_YEAR.match(cell) for cell in plain)
    counting = plain in ([str(i) for i in range(len(plain))], [str(i + 1) for i in range(len(plain))])
    return not years and not counting and any("." in cell for cell in plain)


def _without_empty_tail(header: list[str], below: list[list[str]]) -> list[str]:
    """Take off nameless columns at the right end in which nothing stands (trailing delimiters)."""
    width = len(header)
    while (
        width > 1
        and not header[width - 1].strip()
        and not any(len(record) >= width and record[width - 1].strip() for record in below)
    ):
        width -= 1
    return header[:width]


class Rows:
    """Takes records one by one and gives the rows among them; fills `repairs`.

    Each row is as wide as the header plus one cell for surplus values. Cells are text, or what a spreadsheet
    holds; "" is an empty one.
    """

    def __init__(self, width: int, repairs: Repairs) -> None:
        self._width = width
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
        elif width > 2 and _is_note(record, not self.settled):
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
    found = Rows(len(header.names), repairs)
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


def _is_note(record: list[Any], after_gap: bool) -> bool:
    if not isinstance(record[0], str) or not all(_blank(cell) for cell in record[1:]):
        return False
    text = record[0].strip()
    return bool(_FOOTNOTE.match(text)) or ((after_gap or len(record) == 1) and not _NUMBER.match(text))


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
