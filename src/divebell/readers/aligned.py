"""Text whose columns are held apart by spaces: give it as text with a delimiter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from divebell.readers.encoding import Text

DELIMITER = "\x1f"
SUFFIXES = frozenset({".txt", ".dat", ".prn"})
_LOOK = 200
_FEWEST_LINES = 3

Cut = Callable[[str], list[str]]


@dataclass(frozen=True)
class Aligned(Text):
    """A text whose lines are cut at spaces; what it gives has `DELIMITER` there instead."""

    cut: Cut

    def lines(self) -> Iterator[str]:
        """Give the lines with a delimiter between their cells."""
        for line in super().lines():
            yield DELIMITER.join(map(_quoted, self.cut(line.rstrip("\r\n")))) + "\n"

    def utf8(self, size: int = 1 << 20) -> Iterator[bytes]:
        """Give the same as UTF-8 in pieces of some `size` bytes."""
        lines = self.lines()
        while piece := "".join(islice(lines, max(1, size // 64))):
            yield piece.encode()


def find_columns(text: Text, sample: str) -> Aligned | None:
    """See whether spaces cut all lines of a sample alike: runs of two, runs of any, or blank columns."""
    lines = [line.rstrip() for line in sample.splitlines()[: _LOOK + 1] if line.strip()][:_LOOK]
    if len(lines) < _FEWEST_LINES:
        return None
    for gap in (r"\s{2,}", r"\s+"):
        cut = _runs(gap)
        if len({len(cut(line)) for line in lines}) == 1 and len(cut(lines[0])) > 1:
            return _aligned(text, cut)
    starts = _starts(lines)
    return _aligned(text, _places(starts)) if len(starts) > 1 else None


def _aligned(text: Text, cut: Cut) -> Aligned:
    told = "the columns are held apart by spaces; check that each value stands in its own"
    return Aligned(text.path, text.encoding, (*text.warnings, told), cut)


def _runs(gap: str) -> Cut:
    pattern = re.compile(gap)
    return lambda line: pattern.split(line.strip()) if line.strip() else [""]


def _starts(lines: list[str]) -> list[int]:
    """Find where columns begin: after at least two places that are blank in every line, in full lines."""
    width = max(map(len, lines))
    full = [line.ljust(width) for line in lines]
    blank = [all(line[at] == " " for line in full) for at in range(width)]
    return [
        at for at in range(width) if not blank[at] and (at == 0 or (blank[at - 1] and blank[max(0, at - 2)]))
    ]


def _places(starts: list[int]) -> Cut:
    ends = [*starts[1:], None]
    return lambda line: [line[start:end].strip() for start, end in zip(starts, ends, strict=True)]


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if '"' in cell else cell
