"""What the formats that GDAL reads share: declared types, geometry checks, names and reference system."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import gdal, shapes
from divebell.readers.crs import UNKNOWN, Reference, identify, is_geographic
from divebell.readers.grid import MOST_COLUMNS
from divebell.readers.model import GEOMETRY_COLUMN, Column, Geometry, Layer
from divebell.readers.names import column_names


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


@dataclass(frozen=True)
class _Field:
    """One attribute: its position in GDAL's batches and its column."""

    at: int
    column: Column


@dataclass
class _Seen:
    rows: int = 0
    counted: bool = True
    """Whether feature numbers only count the rows."""


def declared(crs: str | None, _survey: shapes.Survey) -> Reference:
    """Take the reference system that the file declares."""
    return identify(crs) if crs else UNKNOWN


def read_layer(request: Request, hint: DatasetHint) -> Layer:
    """Describe one layer after a pass over all of it. Raises DivebellError when it cannot be read."""
    described = gdal.describe(request.source, request.format)
    survey, seen, said = shapes.Survey(empty_points=not request.json), _Seen(), list[str]()
    for batch in _whole(request, said):
        _look(batch, described, survey, seen)
    fields, warnings = _fields(request, described, seen, hint)
    geometry, decided, told = _geometry(request, described, survey, hint)
    return Layer(
        name=request.layer,
        columns=tuple(one.column for one in fields),
        geometry=geometry,
        warnings=(
            *request.warnings,
            *warnings,
            *told,
            *(() if seen.rows else ("the layer has no rows",)),
            *(f"the reader of this format says: {one[:200]}" for one in _telling(said)),
        ),
        batches=lambda: _batches(request, described, fields, decided),
    )


def _whole(request: Request, said: list[str] | None) -> Iterator[pa.RecordBatch]:
    try:
        yield from gdal.stream(request.source, said)
    except gdal.FAILURES as error:
        raise gdal.unreadable(request.source.path, request.format, error) from error


def _look(batch: pa.RecordBatch, described: gdal.Description, survey: shapes.Survey, seen: _Seen) -> None:
    if described.geometry_field is not None:
        survey.see(_wkb(batch, described.geometry_field))
    if seen.counted and batch.num_rows:
        numbers = batch.column(gdal.FID)
        counting = pa.array(range(seen.rows, seen.rows + batch.num_rows), pa.int64())
        seen.counted = bool(pc.all(pc.equal(numbers, counting)).as_py())
    seen.rows += batch.num_rows


def _fields(
    request: Request, described: gdal.Description, seen: _Seen, hint: DatasetHint
) -> tuple[tuple[_Field, ...], tuple[str, ...]]:
    names = list(described.schema.names)
    chosen = [at for at, name in enumerate(names) if at != gdal.FID and name != described.geometry_field]
    originals = [names[at] for at in chosen]
    if request.json and not seen.counted and "id" not in originals:
        chosen, originals = [gdal.FID, *chosen], ["id", *originals]
    if len(originals) > MOST_COLUMNS:
        raise DivebellError(
            f"{request.source.path.name} has {len(originals):,} columns; PostgreSQL takes at most 1,600",
            next_step=f"split it into layers of at most {MOST_COLUMNS:,} columns",
        )
    spelt, warnings = column_names(originals)
    fields = tuple(
        _Field(
            at,
            Column(name, original, _target(described.schema.field(at).type, {name, original} & {*hint.text})),
        )
        for at, name, original in zip(chosen, spelt, originals, strict=True)
    )
    return fields, warnings


def _geometry(
    request: Request, described: gdal.Description, survey: shapes.Survey, hint: DatasetHint
) -> tuple[Geometry | None, shapes.Plan | None, tuple[str, ...]]:
    if described.geometry_field is None:
        return None, None, ()
    reference = identify(hint.crs) if hint.crs else request.reference(described.crs, survey)
    degrees = reference.code is not None and is_geographic(reference.code) and survey.looks_like_degrees
    decided = shapes.plan(survey, degrees=degrees)
    told = (*reference.warnings, *shapes.warnings_of(survey, decided))
    return Geometry(decided.type, reference.code, reference.wkt), decided, told


def _target(declared_type: pa.DataType, hinted_text: set[str]) -> pa.DataType:
    kind = declared_type.storage_type if isinstance(declared_type, pa.BaseExtensionType) else declared_type
    if hinted_text:
        return pa.string()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", "UTC") if kind.tz else pa.timestamp("us")
    targets = (
        (pa.types.is_boolean, pa.bool_()),
        (pa.types.is_integer, pa.int64()),
        (pa.types.is_floating, pa.float64()),
        (pa.types.is_date, pa.date32()),
    )
    return next((target for fits, target in targets if fits(kind)), pa.string())


def _convert(array: pa.Array, target: pa.DataType) -> pa.Array:
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return _valid_text(array)
    if array.type == target:
        return array
    if pa.types.is_nested(array.type):
        return pa.array([None if one is None else json.dumps(one) for one in array.to_pylist()], pa.string())
    if pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type):
        return pa.array([None if one is None else one.hex() for one in array.to_pylist()], pa.string())
    return array.cast(target)


def _valid_text(array: pa.Array) -> pa.Array:
    """Make sure that text is UTF-8 and free of NUL, which PostgreSQL refuses."""
    raw = array.cast(pa.binary())
    try:
        text = raw.cast(pa.string())
    except pa.ArrowInvalid:
        text = pa.array([None if one is None else one.decode(errors="replace") for one in raw.to_pylist()])
    return pc.replace_substring(text, "\x00", "")


def _batches(
    request: Request, described: gdal.Description, fields: tuple[_Field, ...], decided: shapes.Plan | None
) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([pa.field(one.column.name, one.column.type) for one in fields])
    if decided is not None:
        schema = schema.append(pa.field(GEOMETRY_COLUMN, pa.binary()))
    first = 1
    for batch in _whole(request, None):
        arrays = [_convert(batch.column(one.at), one.column.type) for one in fields]
        if decided is not None and described.geometry_field is not None:
            arrays.append(shapes.apply(_wkb(batch, described.geometry_field), decided, first))
        if arrays:
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        first += batch.num_rows


def _wkb(batch: pa.RecordBatch, name: str) -> pa.Array:
    column = batch.column(name)
    return (column.storage if isinstance(column, pa.ExtensionArray) else column).cast(pa.binary())


def _telling(said: list[str]) -> list[str]:
    """Leave out what GDAL says of things that divebell decides itself."""
    quiet = ("More than one layer found", "Measured (M)", "organizePolygons")
    return [one for one in dict.fromkeys(said) if not any(word in one for word in quiet)][:5]
