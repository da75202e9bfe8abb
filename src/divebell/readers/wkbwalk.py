"""A walk through a batch of plain WKB, all values at once: where the coordinates lie among the bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_MOST_STEPS = 48
"""Rows with more rings and parts than this are left to others; it is cheaper then."""

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Spans:
    """Runs of coordinates within the batch's bytes, in order."""

    start: Ints
    count: Ints
    row: Ints
    kind: Ints
    """1 a point, 2 a line, 3 a ring."""
    width: Ints
    """Bytes of one vertex."""

    def by_width(self) -> Iterator[Spans]:
        """Divide them by the bytes of a vertex."""
        for width in np.unique(self.width):
            chosen = self.width == width
            yield Spans(*(getattr(self, name)[chosen] for name in ("start", "count", "row", "kind", "width")))


def spans_of(data: Bytes, start: Ints, end: Ints, codes: Ints) -> tuple[Spans, Ints]:
    """Find the coordinates of points, lines, polygons and multi ones that are little-endian ISO.

    Gives too the rows that are too intricate for this, or not as they should be.
    """
    there = (codes >= 0) & (codes % 1000 <= 6)
    rows = np.flatnonzero(there & (end - start >= 9))
    short = np.flatnonzero(there & (end - start < 9))
    if not len(rows):
        return Spans(*(np.zeros(0, np.int64) for _ in range(5))), short
    spans, failed = _Walker(data, start, end, codes, rows).walk()
    return spans, np.concatenate([failed, short])


def words(data: Bytes, order: str = "<") -> npt.NDArray[np.uint32]:
    """See a number of four bytes at every place."""
    return np.ndarray((max(len(data) - 3, 0),), f"{order}u4", data, strides=(1,))


class _Walker:
    """Steps through all plain geometries at once, one ring or part of each at a time."""

    def __init__(self, data: Bytes, start: Ints, end: Ints, codes: Ints, rows: Ints) -> None:
        self.data, self.words = data, words(data)
        kinds, self.row, self.end = codes[rows] % 1000, rows, end[rows]
        self.width = 8 * np.array([2, 3, 3, 4])[codes[rows] // 1000]
        many = kinds > 3
        self.child = np.where(many, kinds - 3, kinds)
        self.code = np.where(many, codes[rows] - 3, codes[rows])
        counted = np.where(kinds >= 3, self._number(start[rows] + 5), 0)
        self.parts = np.where(many, counted, 0)
        self.rings = np.where(kinds == 3, counted, (kinds < 3).astype(np.int64))
        self.at = start[rows] + np.where(kinds >= 3, 9, 5)
        self.failed: list[Ints] = []
        self.found: list[tuple[Ints, ...]] = []

    def walk(self) -> tuple[Spans, Ints]:
        """Give the runs of coordinates, and the rows that are too intricate or not as they should be."""
        for _ in range(_MOST_STEPS):
            self._keep(self.at <= self.end)
            self._open()
            self._ring()
            over = (self.rings == 0) & (self.parts == 0)
            self.failed.append(self.row[over & (self.at != self.end)])
            self._only(~over)
            if not len(self.row):
                break
        self.failed.append(self.row)
        parts = [np.concatenate(one) for one in zip(*self.found, strict=True)]
        if len(self.found) > 1:
            order = np.argsort(parts[0], kind="stable")
            parts = [one[order] for one in parts]
        return Spans(*parts), np.concatenate(self.failed)

    def _number(self, at: Ints) -> Ints:
        return self.words[np.minimum(at, len(self.words) - 1)].astype(np.int64)

    def _keep(self, good: Bools) -> None:
        if not good.all():
            self.failed.append(self.row[~good])
            self._only(good)

    def _only(self, chosen: Bools) -> None:
        for name in ("row", "end", "width", "child", "code", "parts", "rings", "at"):
            setattr(self, name, getattr(self, name)[chosen])

    def _open(self) -> None:
        """Enter the next part of those that are between two."""
        opening = (self.rings == 0) & (self.parts > 0)
        if not opening.any():
            return
        at = np.minimum(self.at, len(self.words) - 2)
        fits = (self.at + 5 <= self.end) & (self.data[at] == 1) & (self._number(at + 1) == self.code)
        self._keep(~opening | fits)
        opening = (self.rings == 0) & (self.parts > 0)
        polygon = opening & (self.child == 3)
        self.rings = np.where(polygon, self._number(self.at + 5), np.where(opening, 1, self.rings))
        self.at = self.at + np.where(opening, np.where(polygon, 9, 5), 0)
        self.parts = self.parts - opening

    def _ring(self) -> None:
        """Pass over the next run of coordinates."""
        point = self.child == 1
        inside = self.rings > 0
        count = np.where(point, 1, self._number(self.at))
        begin = self.at + np.where(point, 0, 4)
        stop = begin + count * self.width
        good = ~inside | (stop <= self.end)
        taken = inside & good & (count > 0)
        self.found.append((begin[taken], count[taken], self.row[taken], self.child[taken], self.width[taken]))
        self.at = np.where(inside, stop, self.at)
        self.rings = self.rings - inside
        self._keep(good)
