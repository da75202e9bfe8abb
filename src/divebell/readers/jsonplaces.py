"""Where JSON records without geometry keep coordinates; members may turn up row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from divebell.event.model import DatasetHint
from divebell.readers import points
from divebell.readers.names import column_names
from divebell.readers.placing import Places, place
from divebell.readers.records import as_texts
from divebell.readers.texts import Texts


class Members(Sequence[Texts]):
    """A run of records as columns of text, each made only when it is asked for."""

    def __init__(self, values: Mapping[str, list[Any]], keys: Sequence[str], rows: int) -> None:
        self._values = values
        self._keys = keys
        self._rows = rows
        self._made: dict[int, Texts] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, number: int) -> Texts:  # type: ignore[override]  # never asked for a slice
        if number not in self._made:
            values = self._values.get(self._keys[number]) or [None] * self._rows
            self._made[number] = as_texts(values)
        return self._made[number]


@dataclass
class Located:
    """What the coordinates among the members have in common; grows run by run."""

    hint: DatasetHint
    keys: list[str] = field(default_factory=list)
    rows: int = 0
    surveys: list[points.Survey] = field(default_factory=list)
    lacking: str | None = None
    """A member that the event file names and no record has had so far."""

    def see(self, values: Mapping[str, list[Any]], rows: int) -> None:
        """Take in a run of records."""
        if len(values) > len(self.keys):
            self._find(list(values))
        columns = Members(values, self.keys, rows)
        for survey in self.surveys:
            survey.see(columns)
        self.rows += rows

    def _find(self, keys: list[str]) -> None:
        """Look for places among more members than before; those known already keep what was seen."""
        self.keys, self.lacking = keys, None
        known = {one.source: one for one in self.surveys}
        try:
            sources = points.find_sources(column_names(keys)[0], keys, self.hint.points)
        except KeyError as error:
            self.lacking, sources = error.args[0], []
        self.surveys = [known.get(one) or points.Survey(one, rows=self.rows) for one in sources]

    def place(self) -> tuple[Places | None, tuple[str, ...]]:
        """Choose where the points come from, and say so."""
        if self.lacking is not None:
            told = f"no record has '{self.lacking}', where the event file says its coordinates are"
            return None, (f"{told}; there are no points",)
        return place(self.surveys, self.keys, self.hint)
