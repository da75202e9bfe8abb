"""Cells that are merged over several rows: each of the rows gets the value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

Span = tuple[int, int, int]
"""The first and last row of merged cells, and their first column; from 0."""


class Merges:
    """The merged cells of a sheet."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._from: dict[int, list[Span]] = {}
        for span in spans:
            if span[1] > span[0]:
                self._from.setdefault(span[0], []).append(span)

    def filled(
        self, rows: Iterable[tuple[int, list[Any]]], left: int, counts: Counter[int]
    ) -> Iterator[list[Any]]:
        """Give numbered rows with the values of merged cells in each row that holds something else too.

        Rows begin with the column `left`; `counts` gets how many cells of each were filled.
        """
        open_: dict[int, tuple[int, Any]] = {}
        for number, row in rows:
            if open_:
                open_ = {at: one for at, one in open_.items() if one[0] >= number}
                if open_ and any(_holds(cell) for cell in row):
                    for at, (_, value) in open_.items():
                        if not _holds(row[at]):
                            row[at] = value
                            counts[at] += 1
            for _, bottom, column in self._from.get(number, ()):
                if 0 <= column - left < len(row) and _holds(row[column - left]):
                    open_[column - left] = (bottom, row[column - left])
            yield row


def _holds(cell: Any) -> bool:
    return cell is not None and (not isinstance(cell, str) or cell.strip() != "")
