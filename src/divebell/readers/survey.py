"""What all values of a text table say: its columns, its points, and what to tell of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from divebell.event.model import ColumnType, DatasetHint
from divebell.readers import dialect, grid, hinted, points, values
from divebell.readers.model import GEOMETRY_COLUMN, Column, Geometry
from divebell.readers.names import column_names
from divebell.readers.notes import together
from divebell.readers.placing import Places, place, surveys
from divebell.readers.profile import Profile
from divebell.readers.texts import Texts

_SURPLUS = "extra_values"


@dataclass
class Survey:
    """What was seen of a table so far; grows batch by batch."""

    path: Path
    header: grid.Header
    hint: DatasetHint
    delimiter: str = ","
    rows: int = 0
    repairs: grid.Repairs = field(default_factory=grid.Repairs)
    slips: dialect.Slips = field(default_factory=dialect.Slips)
    names: tuple[str, ...] = field(init=False)
    renamed: tuple[str, ...] = field(init=False)
    profiles: list[Profile | hinted.Profile] = field(init=False)
    places: list[points.Survey] = field(init=False)

    def __post_init__(self) -> None:
        originals = self.header.names
        self.names, self.renamed = column_names(originals)
        self.profiles = [
            Profile(name) if told is None else hinted.Profile(name, told)
            for name, original in zip(self.names, originals, strict=True)
            for told in (hinted.hinted_type(self.hint, name, original),)
        ]
        self.places = surveys(self.path, self.names, originals, self.hint)

    def see(self, columns: Sequence[Texts]) -> None:
        """Take in one batch; a column beyond the header's holds surplus values."""
        self.rows += len(columns[0])
        for profile, column in zip(self.profiles, columns, strict=False):
            profile.see(column)
        for survey in self.places:
            survey.see(columns)

    def decide(self, sample: Survey | None = None) -> list[values.Decision]:
        """Decide each column's type from what was seen here, and in a sample if there is one."""
        profiles = self.profiles
        if sample is not None:
            profiles = [one.joined(other) for one, other in zip(profiles, sample.profiles, strict=True)]  # type: ignore[arg-type]
        written = values.notation(profiles, self.delimiter)
        decisions = [values.decide(profile, written) for profile in profiles]
        if self.repairs.long or (sample is not None and sample.repairs.long):
            surplus = hinted.Profile(_free(_SURPLUS, self.names), ColumnType.TEXT)
            decisions.append(values.decide(surplus))
        return decisions

    def place(self) -> tuple[Places | None, tuple[str, ...]]:
        """Decide where the points come from, and say so."""
        return place(self.places, self.header.names, self.hint)

    def describe(self) -> Description:
        """Describe the table as far as it was seen."""
        decisions = self.decide()
        places, told = self.place()
        originals = (*self.header.names, _SURPLUS)
        warnings = (
            *self.renamed,
            *_slip_warnings(self.slips),
            *self.repairs.sentences(),
            *(() if self.rows else ("the table has a header and no rows",)),
            *together((o, d.notes) for d, o in zip(decisions, originals, strict=False)),
            *told,
        )
        columns = tuple(
            Column(one.name, original, one.type) for one, original in zip(decisions, originals, strict=False)
        )
        return Description(columns, tuple(decisions), places, warnings)


@dataclass(frozen=True)
class Description:
    """A table's columns, how they are read, and what to tell."""

    columns: tuple[Column, ...]
    decisions: tuple[values.Decision, ...]
    places: Places | None
    warnings: tuple[str, ...]

    @property
    def geometry(self) -> Geometry | None:
        """What the geometry column holds."""
        return self.places.geometry if self.places else None

    def same_rows(self, decisions: Sequence[values.Decision]) -> bool:
        """Whether the columns are read in just the same way by other decisions."""
        return len(decisions) == len(self.decisions) and all(
            mine.reads_like(other) for mine, other in zip(self.decisions, decisions, strict=True)
        )

    def batch(
        self, columns: Sequence[Texts], first_row: int, decisions: Sequence[values.Decision]
    ) -> pa.RecordBatch:
        """Turn columns of text into typed ones, points included."""
        arrays = [values.convert(column, one) for column, one in zip(columns, decisions, strict=False)]
        arrays += [pa.nulls(len(columns[0]), one.type) for one in decisions[len(columns) :]]
        fields = [pa.field(one.name, one.type) for one in self.columns]
        if self.places:
            arrays.append(self.places.wkb(columns, first_row))
            fields.append(pa.field(GEOMETRY_COLUMN, pa.binary()))
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _free(name: str, taken: Sequence[str]) -> str:
    return name if name not in taken else _free(f"{name}_", taken)


def _slip_warnings(slips: dialect.Slips) -> tuple[str, ...]:
    if not slips.quotes:
        return ()
    where = ", ".join(f"{line:,}" for line in slips.quotes[:5])
    return (f"a quotation mark is never closed in line {where}; those lines were read as they stand",)
