"""A table that declares its types: its attributes, how each is read, and what its values lose by that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa

from divebell.event.model import ColumnType, DatasetHint
from divebell.readers import arrowtypes, geoarrow, hinted
from divebell.readers.arrowcolumns import texts
from divebell.readers.geoparquet import Places
from divebell.readers.names import column_names

Way: TypeAlias = pa.DataType | hinted.Told
"""How a column is read: as the type that follows from the declared one, or as a person says."""
_WIDE = pa.decimal128(20, 0)
"""Holds every uint64."""


@dataclass(frozen=True)
class Table:
    """What a file declares, and its rows."""

    path: Path
    hint: DatasetHint
    schema: pa.Schema
    declared: Places
    rows: Callable[[], Iterator[pa.RecordBatch]]

    @cached_property
    def attributes(self) -> tuple[int, ...]:
        """Positions of the columns that become attributes."""
        main = {self.declared.main.at} if self.declared.main else set()
        return tuple(at for at in range(len(self.schema)) if at not in main | self.declared.bounds)

    @cached_property
    def named(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of the attributes, and what to say about them."""
        return column_names(self.originals)

    @cached_property
    def originals(self) -> tuple[str, ...]:
        """Headers of the attributes."""
        return tuple(self.schema.names[at] for at in self.attributes)


class Attributes:
    """The attributes of a table while its rows go by."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._others = {one.at: one.encoding for one in table.declared.others}
        self._wide: set[int] = set()
        self._losses = {at: arrowtypes.Losses() for at in table.attributes}
        self._hinted: dict[int, hinted.Profile] = {}
        self._texts: set[int] = set()
        for at, name, original in zip(table.attributes, table.named[0], table.originals, strict=True):
            wanted = hinted.hinted_type(table.hint, name, original)
            if wanted is ColumnType.TEXT:
                self._texts.add(at)
            elif wanted is not None and hinted.Told(wanted).arrow != arrowtypes.target(
                table.schema.field(at).type
            ):
                self._hinted[at] = hinted.Profile(name, wanted)

    def ways(self) -> tuple[Way, ...]:
        """How each is read, by the values so far."""
        return tuple(map(self._way, self._table.attributes))

    def _way(self, at: int) -> Way:
        if at in self._hinted:
            return self._hinted[at].told()
        if at in self._others or at in self._texts:
            return pa.string()
        return _WIDE if at in self._wide else arrowtypes.target(self._table.schema.field(at).type)

    def read(self, batch: pa.RecordBatch, ways: Sequence[Way]) -> list[pa.Array]:
        """Read a batch, noting what is lost. Where values do not fit `ways`, `ways()` differs afterwards."""
        return [
            self._read(batch.column(at), at, way)
            for at, way in zip(self._table.attributes, ways, strict=True)
        ]

    def _read(self, array: pa.Array, at: int, way: Way) -> pa.Array:
        if at in self._others:
            return geoarrow.wkt(geoarrow.encode(array, self._others[at]))
        if isinstance(way, hinted.Told):
            column = texts(array)
            self._hinted[at].see(column)
            return hinted.convert(column, way)
        try:
            return arrowtypes.convert(array, way, self._losses[at])
        except pa.ArrowInvalid:
            self._wide.add(at)
            return array

    def notes(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Say of each column what its values lost."""
        return [
            (original, self._hinted[at].notes() if at in self._hinted else self._losses[at].notes())
            for at, original in zip(self._table.attributes, self._table.originals, strict=True)
        ]


def arrow(way: Way) -> pa.DataType:
    """Give the type of a column that is read so."""
    return way.arrow if isinstance(way, hinted.Told) else way
