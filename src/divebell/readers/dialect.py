"""Find what separates the values of a text file, and split it without losing a record to a bad quote."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

DELIMITERS = (",", "\t", ";", "|")
LONGEST_RECORD = 2000
"""Lines that one quoted value may span before its quote counts as a slip."""
_ROWS = 4
_NUMBERED = re.compile(r"^\d+(\.\d+)?$")
_LINE_END = re.compile(r"\r\n|\r|\n")
_END = ["\x1edivebell-end-of-file"]

csv.field_size_limit(1 << 28)


@dataclass
class Slips:
    """What had to be put right while splitting; filled as the records go by."""

    quotes: list[int] = field(default_factory=list)
    """Lines whose quote is never closed; read as they stand."""
    lines: int = 0
    """Lines of the records given so far."""


class _RunawayQuoteError(Exception):
    pass


class _Lines:
    """Lines that can be taken back to where the present record began."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines: Iterator[str] = chain(lines, _END)
        self.held: list[str] = []

    def feed(self) -> Iterator[str]:
        for line in self._lines:
            self.held.append(line)
            if len(self.held) > LONGEST_RECORD:
                raise _RunawayQuoteError
            yield line

    def restart(self) -> str:
        """Give the record's first line and go back to its second."""
        first, *others = self.held
        self._lines = chain(others, self._lines)
        self.held = []
        return first


def find_delimiter(sample: str, suffix: str) -> str | None:
    """Choose the delimiter that cuts the sample most evenly; None when none does (one column).

    `suffix` only breaks ties: tabs first for .tsv.
    """
    order = sorted(DELIMITERS, key=lambda one: (one == "\t") != (suffix in {".tsv", ".tab"}))
    scores = {delimiter: _evenness(sample, delimiter) for delimiter in order}
    best = max(order, key=lambda delimiter: scores[delimiter])
    return best if scores[best][0] > 0 else None


def _evenness(sample: str, delimiter: str) -> tuple[float, int]:
    lines = sample.splitlines(keepends=True)
    if len(lines) > 2 and not sample.endswith(("\n", "\r")):
        lines.pop()
    widths = [len(record) for record in _plain_records(lines, delimiter) if any(record)][:500]
    counted = Counter(width for width in widths if width > 1)
    if not counted:
        return 0.0, 0
    width, often = max(counted.items(), key=lambda pair: (pair[1], pair[0]))
    first_wide = next(one for one in widths if one > 1)
    even = often / len(widths)
    return (even if first_wide == width else even / 2), width


def _plain_records(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=delimiter)


def records(
    lines: Iterable[str], delimiter: str, slips: Slips, width: int | None = None
) -> Iterator[list[str]]:
    """Split lines into records. A quote that is never closed costs its own line only, noted in `slips`.

    A quote closed only by another one some lines on, with rows of `width` cells between, is one of these.
    """
    source = _Lines(lines)
    while True:
        try:
            for record in csv.reader(source.feed(), delimiter=delimiter):
                if source.held[-1] == _END[0]:
                    if record == _END:
                        return
                    break
                if len(source.held) > 1 and swallows(record, source.held, delimiter, width):
                    break
                slips.lines += len(source.held)
                source.held.clear()
                yield record
        except _RunawayQuoteError:
            pass
        slips.lines += 1
        slips.quotes.append(slips.lines)
        yield next(csv.reader([source.restart()], delimiter=delimiter, quoting=csv.QUOTE_NONE))


def swallows(record: list[str], lines: list[str], delimiter: str, width: int | None) -> bool:
    """Whether the lines of one record are rather rows of their own: cut alike, and numbered or four at least.

    The first and the last line may have more delimiters, as other quoted values may stand in them.
    """
    if max(len(_LINE_END.findall(cell)) for cell in record) < len(lines) - 1:
        return False
    counts = [line.count(delimiter) + 1 for line in lines]
    usual = counts[1] if len(lines) > 2 else width or counts[0]
    if usual < max(2, width or 2) or min(counts) < usual or set(counts[1:-1]) - {usual}:
        return False
    firsts = [line.partition(delimiter)[0].strip() for line in (lines[0].lstrip('"'), *lines[1:])]
    numbered = all(map(_NUMBERED.match, firsts))
    return (numbered or usual > 2) and len(lines) >= (2 if numbered and usual > 2 else _ROWS)
