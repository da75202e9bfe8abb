"""The attributes of a layer that GDAL reads: declared types kept, a person's word obeyed, losses counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from divebell.event.model import ColumnType, DatasetHint
from divebell.readers import arrowtypes, hinted
from divebell.readers.model import Column
from divebell.readers.names import column_names
from divebell.readers.notes import together
from divebell.readers.texts import Texts


@dataclass(frozen=True)
class Field:
    """One attribute: where it stands in GDAL's batches, and what is known before its values are."""

    at: int
    name: str
    original: str
    declared: pa.DataType
    told: ColumnType | None
    """The type that a person gave it, where it is another than the declared one."""


def fields_of(
    schema: pa.Schema, chosen: Iterable[int], originals: Iterable[str], hint: DatasetHint
) -> tuple[tuple[Field, ...], tuple[str, ...]]:
    """Name the columns that stand at `chosen`; and a warning for each name that was repaired."""
    originals = tuple(originals)
    names, warnings = column_names(originals)
    fields = (
        Field(at, name, original, arrowtypes.target(schema.field(at).type), told)
        for at, name, original in zip(chosen, names, originals, strict=True)
        for told in (hinted.hinted_type(hint, name, original),)
    )
    return tuple(fields), warnings


@dataclass
class Attributes:
    """What the values of all attributes lost or showed; grows batch by batch."""

    fields: tuple[Field, ...]
    losses: dict[int, arrowtypes.Losses] = field(default_factory=dict)
    profiles: dict[int, hinted.Profile] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin a count for each attribute."""
        self.losses = {one.at: arrowtypes.Losses() for one in self.fields}
        self.profiles = {
            one.at: hinted.Profile(one.name, one.told)
            for one in self.fields
            if one.told not in {None, ColumnType.TEXT}
        }

    def convert(self, batch: pa.RecordBatch, told: tuple[hinted.Told | None, ...] | None) -> list[pa.Array]:
        """Give the batch's columns, and count what is lost; without `told` only count."""
        ways = told or (None,) * len(self.fields)
        return [
            self._convert(batch.column(one.at), one, way) for one, way in zip(self.fields, ways, strict=True)
        ]

    def _convert(self, array: pa.Array, one: Field, told: hinted.Told | None) -> pa.Array:
        losses = self.losses[one.at]
        if one.told is None:
            return arrowtypes.convert(array, one.declared, losses)
        text = arrowtypes.convert(array, pa.string(), losses)
        if one.told is ColumnType.TEXT:
            return text
        texts = Texts(pc.fill_null(text, ""))
        self.profiles[one.at].see(texts)
        return hinted.convert(texts, told) if told else text

    def told(self) -> tuple[hinted.Told | None, ...]:
        """Give the way to read each attribute that a person gave a type."""
        return tuple(
            self.profiles[one.at].told()
            if one.at in self.profiles
            else (hinted.Told(one.told) if one.told else None)
            for one in self.fields
        )

    def columns(self) -> tuple[Column, ...]:
        """Give the columns of the layer."""
        return tuple(
            Column(one.name, one.original, one.declared if told is None else told.arrow)
            for one, told in zip(self.fields, self.told(), strict=True)
        )

    def warnings(self) -> tuple[str, ...]:
        """Say what was lost."""
        notes = []
        for one in self.fields:
            more = self.profiles[one.at].notes() if one.at in self.profiles else []
            notes.append((one.original, [*self.losses[one.at].notes(), *more]))
        return together(notes)
