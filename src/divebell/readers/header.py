"""Find where a table begins among its first records: titles, the header, and header rows below it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice, pairwise

from divebell.errors import DivebellError
from divebell.readers.likeness import NUMBER, YEAR, column, is_label, kind_below, kind_of, likeness

MOST_COLUMNS = 1590
"""PostgreSQL allows 1,600; the loader adds a few of its own."""
_LOOK = 200
_TITLES = 30
_FEWEST = 3
_MOST = 0.8
_KEY = re.compile(r"(^|[\W_])(id|fid|key|code)$|ID$", re.IGNORECASE)
_MACHINE = re.compile(r'^\{"ImportId":|^\d+[sdn]$')
_WORD = re.compile(r"[^\W\d_]{2,}")

Rows = list[list[str]]


@dataclass(frozen=True)
class Header:
    """Where a table begins and what its columns are called."""

    names: tuple[str, ...]
    skip: int
    """Records above the first data record."""
    warnings: tuple[str, ...]
    words: int = 0
    """The most words in a value of the first column, as far as it was looked at."""


def find_header(records: Iterable[list[str]], skip_rows: int = 0, name: str = "the file") -> Header:
    """Find the header among the first records.

    It is the first record about as wide and as filled as most; what stands above it is a title. Raises
    DivebellError when there is no record at all, or more columns than PostgreSQL takes.
    """
    first = list(islice(records, skip_rows, skip_rows + _LOOK))
    if not any(map(_filled, first)):
        raise DivebellError(
            f"{name} holds no rows", next_step="commit the file with its content, or remove it"
        )
    at = _place(first)
    header = [cell.strip("\ufeff") for cell in first[at]]
    if len(header) > MOST_COLUMNS:
        raise DivebellError(
            f"{name} has {len(header):,} columns; a PostgreSQL table holds at most 1,600",
            next_step=f"split it into files of at most {MOST_COLUMNS:,} columns, or turn columns into rows",
        )
    words = _words(first[at + 1 :])
    if _looks_like_data(header, first[at + 1 :]):
        at = next(i for i, record in enumerate(first) if _filled(record) == _filled(first[at]))
        told = (
            *_titles(first[:at]),
            "the file has no header; its columns are called column_1, column_2, ...",
        )
        numbered = tuple(f"column_{i}" for i in range(1, len(header) + 1))
        return Header(numbered, skip_rows + at, told, words)
    names, more, warnings = _named(header, first, at)
    return Header(tuple(names), skip_rows + at + 1 + more, tuple(warnings), words)


def _named(header: list[str], first: Rows, at: int) -> tuple[list[str], int, list[str]]:
    """Give the columns' names, how many header rows more there are, and what to tell."""
    warnings, below = _titles(first[:at]), first[at + 1 :]
    header = _without_empty_tail(header, below)
    above = first[at - 1] if at else []
    if _are_groups(above, header):
        header = _combined(above, header)
        return header, 0, [*warnings[:-1], _joined(header)]
    if _is_short(header, below):
        told = (
            "the header has one name less than its rows have values; the first column is taken for row names"
        )
        return ["", *header], 0, [*warnings, told]
    if codes := _machine_rows(below):
        return header, codes, [*warnings, *map(_left_out, below[:codes])]
    sure = _second_header(header, below) if below and _filled(below[0]) else 0.0
    if sure < 1:
        maybe = (
            f"the first row may be a second header: '{', '.join(below[0])[:100]}'; it is kept" if sure else ""
        )
        return header, 0, [*warnings, *([maybe] if maybe else [])]
    if all(cell.strip() for cell in header):
        return header, 1, [*warnings, _left_out(below[0])]
    header = _combined(header, below[0])
    return header, 1, [*warnings, _joined(header)]


def _titles(above: Rows) -> list[str]:
    return [
        f"a title above the header was left out: '{' '.join(cell for cell in record if cell.strip())[:100]}'"
        for record in above
        if _filled(record)
    ]


def _left_out(record: list[str]) -> str:
    return f"a second header row was left out: '{', '.join(record)[:100]}'"


def _joined(header: list[str]) -> str:
    example = next((name for name in header if " / " in name), header[0])[:100]
    return f"two header rows were put together into names such as '{example}'"


def _filled(record: list[str]) -> int:
    return sum(1 for cell in record if cell.strip())


def _place(first: Rows) -> int:
    """Find the first record that may be the header, past lines of a key and its value."""
    filled = [record for record in first if _filled(record)]
    width = _usual(len(record) for record in filled)
    at = next((i for i, record in enumerate(first) if _is_header(record, width)), first.index(filled[0]))
    usual = _usual(map(_filled, filled))
    for later in range(at + 1, min(at + _TITLES, len(first) - _FEWEST)):
        if _filled(first[later - 1]) and not _is_key_line(first[later - 1], usual):
            break
        if _filled(first[later]) >= usual:
            return later if _names(first[later], first, at, later) else at
    return at


def _is_key_line(record: list[str], usual: int) -> bool:
    """Whether a record has fewer cells than usual, from the left without a gap."""
    count = _filled(record)
    return count < usual and _filled(record[:count]) == count


def _names(record: list[str], first: Rows, at: int, later: int) -> bool:
    """Whether a record is rather the header than the shorter ones above it."""
    alike = [likeness(cell, column(first[later + 1 :], i)) for i, cell in enumerate(record)]
    above = [line for line in first[at:later] if _filled(line)]
    if all(line[0].strip().endswith(":") for line in above):
        return 1 not in alike
    small = len(above) > 2 and -1 in [likeness(cell, column(above[1:], i)) for i, cell in enumerate(above[0])]
    return 1 not in alike and -1 in alike and not small


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


def _is_short(header: list[str], below: Rows) -> bool:
    """Whether all rows have one value more than the header has names, as a name of their own stands first.

    Values that hold a delimiter without being quoted well may look alike; a space or quotation mark tells.
    """
    rows = [record for record in below if _filled(record)]
    if len(rows) < _FEWEST or not all(cell.strip() for cell in header):
        return False
    keys, last = column(rows, 0), column(rows, len(header))
    longer = all(len(record) == len(header) + 1 for record in rows)
    cut = any(
        cell.startswith(" ") or '"' in cell or cell.endswith("\\") for record in rows for cell in record
    )
    own = bool(last) and len(set(keys)) == len(rows) and not _KEY.search(header[0].strip())
    return longer and own and not cut


def _machine_rows(below: Rows) -> int:
    """Count the rows up to one that only machines need: {"ImportId":"QID1"} (Qualtrics), 5s, 20d (USGS)."""
    for at, record in enumerate(below[:2]):
        if _filled(record) > 1 and all(map(_MACHINE.search, filter(str.strip, record))):
            return at + 1
    return 0


def _second_header(header: list[str], below: Rows) -> float:
    """Say whether the first row under the header is one more: 1 surely, 0.5 perhaps, 0 not.

    It has different words over nearly all columns of numbers or dates, and its first cell is no value either.
    """
    rows = [[cell.strip() for cell in record] for record in below if _filled(record)]
    top, rest = rows[0], rows[1:]
    if len(rest) < _FEWEST or any(kind_of(cell) in {"number", "date"} for cell in top):
        return 0
    kinds = [kind_below(column(rest, at)) for at in range(len(top))]
    if _only_options(top, rest, kinds):
        return 1
    cells = [cell for cell, kind in zip(top, kinds, strict=True) if kind in {"number", "date"}]
    words = [cell for cell in cells if kind_of(cell) == "text"]
    merged = not all(cell.strip() for cell in header)
    names = _combined(header, below[0]) if merged else words
    if len(words) < max(2, _MOST * len(cells)) or len(set(names)) < len(names):
        return 0
    return 1 if not top[0] or is_label(top[0]) or likeness(top[0], column(rest, 0)) < 0 else 0.5


def _only_options(top: list[str], rest: Rows, kinds: list[str]) -> bool:
    """Whether a row names a survey's answers: nothing over numbers and dates that each other row has."""
    keys = next((at for at, cell in enumerate(top) if cell), 0)
    always = all(len(column(rest, at)) == len(rest) for at in range(keys))
    return (
        keys > 1 and set(kinds[:keys]) <= {"number", "date"} and always and 2 * _filled(top) > len(top) - keys
    )


def _usual(counts: Iterable[int]) -> int:
    return max(Counter(counts).items(), key=lambda pair: (pair[1], pair[0]))[0]


def _is_header(record: list[str], width: int) -> bool:
    if all(NUMBER.match(cell.strip()) and not YEAR.match(cell.strip()) for cell in record if cell.strip()):
        return False
    named = _filled(record)
    if width == 1:
        return named == 1
    return len(record) >= max(2, 0.6 * width) and named >= max(min(2, width), 0.5 * min(width, len(record)))


def _looks_like_data(header: list[str], below: Rows) -> bool:
    """Whether the first record is rather a row like those below than their header."""
    plain = [cell.strip() for cell in header]
    if not below or len(plain) < 2:
        return False
    if all(map(NUMBER.match, plain)):
        return any("." in cell for cell in plain) and not all(map(YEAR.match, plain))
    rows = [row for record in below if (row := [cell.strip() for cell in record]) != plain and any(row)]
    if len(rows) < _FEWEST or _are_steps(plain):
        return False
    alike = [likeness(cell, column(rows, at)) for at, cell in enumerate(plain)]
    return -1 not in alike and alike.count(1) > 0.5 * _filled(plain)


def _are_steps(cells: list[str]) -> bool:
    """Whether neighbouring cells count up or are years, as the columns of a cross table do."""
    numbers = [float(cell) if re.fullmatch(r"\d+(\.\d+)?", cell) else None for cell in cells]
    steps = [b - a if a is not None and b is not None else None for a, b in pairwise(numbers)]
    if 1.0 in steps:
        return True
    return any(a is not None and a > 0 and a == b for a, b in pairwise(steps))


def _words(below: Rows) -> int:
    rows = [record for record in below if _filled(record) > 1]
    return max((count_words(cell) for cell in column(rows, 0)), default=0)


def count_words(text: str) -> int:
    """Count what is written in letters, two at least."""
    return len(_WORD.findall(text))


def _without_empty_tail(header: list[str], below: Rows) -> list[str]:
    """Take off nameless columns at the right end in which nothing stands (trailing delimiters)."""
    width = len(header)
    while (
        width > 1
        and not header[width - 1].strip()
        and not any(len(record) >= width and record[width - 1].strip() for record in below)
    ):
        width -= 1
    return header[:width]
