"""One layer of a file that GDAL reads: what is asked of it, and its rows as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import gdal, shapes
from divebell.readers.attributes import Field, fields_of
from divebell.readers.crs import Reference
from divebell.readers.grid import MOST_COLUMNS


class Repair(Protocol):
    """What a format's own reader puts right in what GDAL gives."""

    def schema(self, schema: pa.Schema) -> pa.Schema:
        """Give the schema of repaired batches."""
        ...

    def batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Repair one batch."""
        ...


@dataclass(frozen=True)
class Request:
    """One layer to read, and what its format knows better than GDAL."""

    source: gdal.Source
    format: str
    layer: str | None
    reference: Callable[[str | None, shapes.Survey], Reference]
    """From the reference system GDAL found, and all geometries, to what is certain."""
    json: bool = False
    """Whether the file is JSON: GDAL's feature numbers may be its ids, and its empty points are NaN."""
    warnings: tuple[str, ...] = ()
    skips: bool = False
    """Whether GDAL can skip rows without reading them."""
    repair: Repair | None = None


@dataclass(frozen=True)
class Opened:
    """A layer and all that is known of it before its rows are read."""

    request: Request
    described: gdal.Description
    hint: DatasetHint

    def rows(self, said: list[str] | None, most: int = 1 << 16, **part: object) -> Iterator[pa.RecordBatch]:
        """Read all rows, or those of a part, at most `most` at once."""
        at_once = min(self.described.at_once, most)
        try:
            for batch in gdal.stream(self.request.source, said, batch_size=at_once, **part):
                yield self.request.repair.batch(batch) if self.request.repair else batch
        except gdal.FAILURES as error:
            raise gdal.unreadable(self.request.source.path, self.request.format, error) from error

    def wkb(self, batch: pa.RecordBatch) -> pa.Array | None:
        """Give the geometries of a batch."""
        if self.described.geometry_field is None:
            return None
        column = batch.column(self.described.geometry_field)
        return (column.storage if isinstance(column, pa.ExtensionArray) else column).cast(pa.binary())

    def fields(self, *, numbered: bool) -> tuple[tuple[Field, ...], tuple[str, ...]]:
        """Name the attributes; with `numbered`, the feature numbers are one."""
        schema = self.described.schema
        chosen = [
            at
            for at, name in enumerate(schema.names)
            if at != gdal.FID and name != self.described.geometry_field
        ]
        originals = [schema.names[at] for at in chosen]
        if numbered and "id" not in originals:
            chosen, originals = [gdal.FID, *chosen], ["id", *originals]
        if len(originals) > MOST_COLUMNS:
            raise DivebellError(
                f"{self.request.source.path.name} has {len(originals):,} columns; "
                "PostgreSQL takes at most 1,600",
                next_step=f"split it into layers of at most {MOST_COLUMNS:,} columns",
            )
        return fields_of(schema, chosen, originals, self.hint)
