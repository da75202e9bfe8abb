"""What a reader gives: layers of typed Arrow batches. No database and no git here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from divebell.event.model import DatasetHint

GEOMETRY_COLUMN = "geom"
"""The Arrow and PostgreSQL column of a layer's geometry: little-endian ISO WKB, NULL where there is none."""


class ContradictedError(Exception):
    """Raised by `Layer.batches`: a value does not fit the layer's description, which was read off a part."""


@dataclass(frozen=True)
class Column:
    """One attribute of a layer, geometry excluded."""

    name: str
    """A unique PostgreSQL name: at most 63 bytes, lower case, letters, digits and underscores."""
    original: str
    """The header exactly as the file has it."""
    type: pa.DataType
    """string, bool, int64, float64, decimal128, date32, timestamp("us") or timestamp("us", "UTC")."""


@dataclass(frozen=True)
class Geometry:
    """What a layer's geometry column holds."""

    type: str
    """Simple Features name: Point, MultiPolygon, ... ; Geometry when mixed beyond promotion."""
    crs: str | None
    """An authority code (EPSG:4326) where the file names one or a match is certain, else None."""
    crs_wkt: str | None = None
    """WKT2 of a CRS that has no authority code; None when `crs` is given or nothing is known."""


@dataclass(frozen=True)
class Layer:
    """One table's worth of a file, ready to be read as often as needed."""

    name: str | None
    """The layer within its file; None for formats that hold just one."""
    columns: tuple[Column, ...]
    geometry: Geometry | None
    warnings: tuple[str, ...]
    """Each repair and doubt, in words a volunteer understands."""
    batches: Callable[[], Iterator[pa.RecordBatch]]
    """Stream the rows: fields are `columns` in order, then `geom` (binary) if there is a geometry.

    Raises ContradictedError where the description was read off a part of the file and does not hold.
    """
    settle: Callable[[], Layer] | None = None
    """What all values say, once `batches` has ended or was contradicted; None where this is certain already.

    When `columns` or `geometry` differ from this layer's, its rows are to be read again from what is given;
    else they stand, and the warnings given are the full ones. What is given is certain.
    """

    def told(self, *more: str, name: str | None = None) -> Layer:
        """Give the layer with more warnings and, if given, another name, before and after it settles."""
        settle = self.settle
        return replace(
            self,
            name=self.name if name is None else name,
            warnings=(*self.warnings, *more),
            settle=None if settle is None else lambda: settle().told(*more, name=name),
        )

    def certain(self) -> Layer:
        """Read all of the layer if need be, and give what all its values say."""
        if self.settle is None:
            return self
        with suppress(ContradictedError):
            for _ in self.batches():
                pass
        return self.settle()


class Reader(Protocol):
    """Turns one file into layers. One module a format; the list is `READERS`."""

    name: str
    suffixes: tuple[str, ...]

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe the layers of the file at `path`.

        Raises DivebellError when the file is not what its name says, with the reason in words.
        """
        ...
