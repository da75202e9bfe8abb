"""What a reading process tells the loader, frame by frame, over a pipe.

For each layer: a `Table`, rows, `Copied`; rows of fixes if there are any, `Checked`. Where the rows
contradict the table, `Copied.stands` is false and the same layer begins again. The loader trusts none of it:
messages are checked against the types here, and rows by PostgreSQL.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

_HEAD = struct.Struct("<cII")
_MESSAGE, _ROWS = b"M", b"R"
_LONGEST_MESSAGE = 64 << 20
_LONGEST_ROWS = 1 << 30

SqlType = Literal[
    "text", "boolean", "smallint", "integer", "bigint", "real", "double precision", "numeric",
    "date", "timestamp", "timestamptz", "jsonb",
]  # fmt: skip
_BASES = (
    *("Geometry", "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"),
    *("GeometryCollection", "CircularString", "CompoundCurve", "CurvePolygon", "MultiCurve", "MultiSurface"),
    *("PolyhedralSurface", "TIN", "Triangle"),
)
GEOMETRY_TYPE = rf"^({'|'.join(_BASES)})(Z|M|ZM)?$"
_Count = Annotated[int, Field(ge=0)]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


class Attribute(_Message):
    """One column of a table: its name, the file's header and its PostgreSQL type."""

    name: Annotated[str, Field(min_length=1, max_length=63)]
    original: str
    sql: SqlType


class Spatial(_Message):
    """What a table's geometry column holds, as the reader says."""

    type: Annotated[str, Field(pattern=GEOMETRY_TYPE)]
    crs: str | None
    crs_wkt: str | None


class Opened(_Message):
    """The file's format, None where no reader takes it for data, and the names of its layers."""

    kind: Literal["opened"] = "opened"
    format: str | None
    layers: tuple[str | None, ...]


class Table(_Message):
    """How the rows that follow are to be stored."""

    kind: Literal["table"] = "table"
    layer: str | None
    columns: tuple[Attribute, ...]
    geometry: Spatial | None


class Copied(_Message):
    """All rows of a layer were sent; where they do not stand, the layer begins again without them."""

    kind: Literal["copied"] = "copied"
    stands: bool
    rows: _Count = 0
    nulls: tuple[_Count, ...] = ()
    """Missing values, column by column."""
    warnings: tuple[str, ...] = ()


class Checked(_Message):
    """What was found out about a layer's geometries; the rows before it, if any, are the fixes."""

    kind: Literal["checked"] = "checked"
    null: _Count | None = None
    empty: _Count | None = None
    invalid: _Count | None = None
    unchecked: _Count = 0
    types: tuple[str, ...] = ()
    extent: tuple[float, float, float, float] | None = None
    """Least x and y, most x and y, in the layer's own reference system."""
    type: Annotated[str, Field(pattern=GEOMETRY_TYPE)] | None = None
    """The type once repaired; wider than the table's where a repair made several parts of one."""
    warnings: tuple[str, ...] = ()


class Band(_Message):
    """What one band holds, found on at most a million of its pixels; None where it holds nothing."""

    name: str
    type: str
    low: float | None
    high: float | None
    mean: float | None
    middle: tuple[float, float] | None
    """The values that 2 % and 98 % of the pixels do not exceed."""
    valid: Annotated[float, Field(ge=0, le=1)]
    """The share of pixels that hold something."""
    counts: Annotated[tuple[_Count, ...], Field(max_length=64)]
    """Pixels in as many equally wide classes from `low` to `high`."""


class Raster(_Message):
    """A raster made ready to be drawn; the file itself follows in pieces."""

    kind: Literal["raster"] = "raster"
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]
    crs: str
    bounds: tuple[float, float, float, float]
    """West, south, east, north in EPSG:4326; west is more than east where it crosses the antimeridian."""
    drawn: Literal["rgb", "palette", "classes", "ramp"]
    colours: dict[int, tuple[int, int, int, int]] = {}
    """Red, green, blue and opacity of each value, where the file or its few values say so."""
    channels: Annotated[tuple[_Count, ...], Field(max_length=4)] = ()
    """Where `drawn` is rgb: the bands that are red, green, blue, and opacity if there is one."""
    nodata: float | None
    bands: Annotated[tuple[Band, ...], Field(min_length=1, max_length=64)]
    zoom: Annotated[int, Field(ge=0, le=24)]
    """The zoom whose pixels are about as large as its own."""


class Failed(_Message):
    """Why the file cannot be read."""

    kind: Literal["failed"] = "failed"
    error: str
    next_step: str | None = None
    passing: bool = False
    """Whether the same file may well be readable the next time."""


class Done(_Message):
    """Nothing follows."""

    kind: Literal["done"] = "done"


Message = Opened | Table | Copied | Checked | Raster | Failed | Done
_ADAPTER: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="kind")])


@dataclass(frozen=True)
class Rows:
    """A piece of a binary COPY stream and how many rows end in it."""

    count: int
    data: bytes


class Sender:
    """The end that tells."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def say(self, message: Message) -> None:
        """Send a message."""
        text = message.model_dump_json()
        self._send(_MESSAGE, 0, text.encode("utf-8", "backslashreplace"))

    def rows(self, count: int, data: bytes) -> None:
        """Send a piece of a COPY stream."""
        self._send(_ROWS, count, data)

    def _send(self, kind: bytes, count: int, data: bytes) -> None:
        self._write(_HEAD.pack(kind, count, len(data)))
        self._write(data)

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(self._descriptor, left) :]


def receive(source: BinaryIO) -> Iterator[Message | Rows]:
    """Give what comes, until the other end is closed.

    Raises ValueError where that is not what `Sender` sends, and EOFError where it is cut off.
    """
    while head := source.read(_HEAD.size):
        if len(head) < _HEAD.size:
            raise EOFError
        kind, count, length = _HEAD.unpack(head)
        if kind not in {_MESSAGE, _ROWS} or length > (
            _LONGEST_MESSAGE if kind == _MESSAGE else _LONGEST_ROWS
        ):
            raise ValueError("no such frame")
        data = source.read(length)
        if len(data) < length:
            raise EOFError
        yield Rows(count, data) if kind == _ROWS else _ADAPTER.validate_json(data)
