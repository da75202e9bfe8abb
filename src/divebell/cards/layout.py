"""Where cards and cut marks lie on a sheet of paper, in millimetres from its upper left corner. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

WIDTH, HEIGHT = 90.0, 62.0
"""Of one card: a little more than a business card, so that the QR code can be scanned at arm's length."""
COLUMNS, ROWS = 2, 4
MARK, GAP = 5.0, 1.5
"""Length of a cut mark, and its distance from the cards."""


@dataclass(frozen=True)
class Paper:
    """A sheet, upright."""

    name: str
    width: float
    height: float

    @property
    def left(self) -> float:
        """Where the cards begin."""
        return (self.width - COLUMNS * WIDTH) / 2

    @property
    def top(self) -> float:
        """Where the cards begin."""
        return (self.height - ROWS * HEIGHT) / 2


PAPERS = {"a4": Paper("A4", 210.0, 297.0), "letter": Paper("Letter", 215.9, 279.4)}


def corners(paper: Paper) -> Iterator[tuple[float, float]]:
    """Give the upper left corner of each card of a sheet, row by row."""
    for row in range(ROWS):
        for column in range(COLUMNS):
            yield paper.left + column * WIDTH, paper.top + row * HEIGHT


def cut_marks(paper: Paper) -> Iterator[tuple[float, float, float, float]]:
    """Give the lines outside of the cards that say where to cut: x1, y1, x2, y2."""
    right, bottom = paper.width - paper.left, paper.height - paper.top
    for column in range(COLUMNS + 1):
        x = paper.left + column * WIDTH
        yield x, paper.top - GAP - MARK, x, paper.top - GAP
        yield x, bottom + GAP, x, bottom + GAP + MARK
    for row in range(ROWS + 1):
        y = paper.top + row * HEIGHT
        yield paper.left - GAP - MARK, y, paper.left - GAP, y
        yield right + GAP, y, right + GAP + MARK, y


SHEET = COLUMNS * ROWS
"""Cards on one sheet."""
