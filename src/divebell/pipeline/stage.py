"""Put one layer into a table of schema `stage`: typed, keyed, indexed, measured; nobody sees it there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pgpq
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from pgpq import encoders, schema
from psycopg import sql

from divebell.errors import DivebellError
from divebell.pipeline import columns, crs
from divebell.pipeline.catalogue import Connection, query, storable
from divebell.pipeline.names import column_names, index_name
from divebell.pipeline.shapes import Shape, shape
from divebell.pipeline.spool import SpooledLayer
from divebell.readers import GEOMETRY_COLUMN, Column

KEY = "row_id"
_ROWS_AT_ONCE = 20_000
_MOST_ROWS = 2**31 - 1
_CHECK_SECONDS = 600


@dataclass(frozen=True)
class Measures:
    """What was counted once a table was filled; None where it has no geometry."""

    rows: int
    null_geometries: int | None = None
    empty_geometries: int | None = None
    invalid_geometries: int | None = None
    bbox: list[float] | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attribute:
    """One column of a table: its name, the file's header and its PostgreSQL type."""

    name: str
    original: str
    sql: str


@dataclass(frozen=True)
class Staged:
    """A table in schema `stage`, called as it will be in `data`."""

    table: str
    attributes: tuple[Attribute, ...]
    measures: Measures
    geometry_type: str | None
    reference: crs.Reference
    warnings: tuple[str, ...]


def stage(connection: Connection, layer: SpooledLayer, table: str, file: str) -> Staged:
    """Build and fill the table within the transaction that is open on `connection`."""
    named = _named(layer)
    plan = columns.layout(named.columns, named.batches)
    found = shape(named.geometry.type, _geometries(named)) if named.geometry else None
    reference = crs.reference(connection, named.geometry) if named.geometry else crs.Reference()
    attributes = _attributes(plan)
    _create(connection, table, attributes, _geometry_sql(found, reference))
    rows, fixes = _fill(connection, table, named, plan)
    _finish(connection, table, found, reference)
    _comment(connection, table, attributes, _origin(file, layer))
    measures = _measure(connection, table, rows, reference) if found else Measures(rows)
    notes = (*layer.warnings, *fixes, *_layout_notes(plan), *_shape_notes(found), reference.warning)
    return Staged(
        table,
        attributes,
        measures,
        found.type if found else None,
        reference,
        tuple(storable(note) for note in (*notes, *measures.warnings) if note),
    )


def where(schema_name: str, table: str) -> sql.Identifier:
    """Name a table with its schema."""
    return sql.Identifier(schema_name, table)


def _named(layer: SpooledLayer) -> SpooledLayer:
    """Keep the file's columns apart from the key, the geometry, the overflow and PostgreSQL's own."""
    kept = {KEY, GEOMETRY_COLUMN, columns.OVERFLOW}
    names = column_names((column.name for column in layer.columns), kept)
    renamed = tuple(
        Column(name, column.original, column.type) for name, column in zip(names, layer.columns, strict=True)
    )
    return SpooledLayer(layer.name, renamed, layer.geometry, layer.warnings, layer.file)


def _geometries(layer: SpooledLayer) -> Iterator[pa.Array]:
    return (batch.column(batch.num_columns - 1) for batch in layer.batches())


def _attributes(plan: columns.Layout) -> tuple[Attribute, ...]:
    own = [Attribute(one.column.name, one.column.original, one.sql) for one in plan.targets]
    if plan.overflow:
        own.append(Attribute(columns.OVERFLOW, columns.OVERFLOW, "jsonb"))
    return tuple(Attribute(one.name, storable(one.original), one.sql) for one in own)


def _geometry_sql(found: Shape | None, reference: crs.Reference) -> str | None:
    if found is None:
        return None
    return "geometry" if found.mixed_dimensions else f"geometry({found.type},{reference.srid})"


def _create(
    connection: Connection, table: str, attributes: tuple[Attribute, ...], geometry: str | None
) -> None:
    parts = [sql.SQL("{} integer").format(sql.Identifier(KEY))]
    parts += [sql.SQL("{} {}").format(sql.Identifier(one.name), _type(one.sql)) for one in attributes]
    if geometry:
        parts.append(sql.SQL("{} {}").format(sql.Identifier(GEOMETRY_COLUMN), _type(geometry)))
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(where("stage", table)))
    connection.execute(
        sql.SQL("CREATE TABLE {} ({})").format(where("stage", table), sql.SQL(", ").join(parts))
    )


def _type(name: str) -> sql.SQL:
    """Types come from the constants in `columns` and `shapes`, never from a file."""
    return sql.SQL(name)


def _fill(
    connection: Connection, table: str, layer: SpooledLayer, plan: columns.Layout
) -> tuple[int, tuple[str, ...]]:
    """Send the rows as binary COPY; give their number and what had to be repaired."""
    fields = [pa.field(KEY, pa.int32()), *(pa.field(one.column.name, one.arrow) for one in plan.targets)]
    if plan.overflow:
        fields.append(pa.field(columns.OVERFLOW, pa.string()))
    if layer.geometry:
        fields.append(pa.field(GEOMETRY_COLUMN, pa.binary()))
    sent = pa.schema(fields)
    encoder = _encoder(sent)
    rows = repaired = 0
    with (
        connection.cursor() as cursor,
        cursor.copy(sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(where("stage", table))) as copy,
    ):
        copy.write(encoder.write_header())
        for batch in layer.batches():
            if rows + batch.num_rows > _MOST_ROWS:
                raise DivebellError("it has more than 2,147,483,647 rows")
            arrays, fixes = _arrays(batch, plan, with_geometry=layer.geometry is not None)
            numbers = pa.array(range(rows + 1, rows + batch.num_rows + 1), pa.int32())
            ready = pa.record_batch([numbers, *arrays], schema=sent)
            for start in range(0, ready.num_rows, _ROWS_AT_ONCE):
                copy.write(encoder.write_batch(ready.slice(start, _ROWS_AT_ONCE)))
            rows, repaired = rows + batch.num_rows, repaired + fixes
        copy.write(encoder.finish())
    note = f"NUL characters were taken out of {repaired:,} text values: PostgreSQL does not store them"
    return rows, (note,) if repaired else ()


def _encoder(sent: pa.Schema) -> pgpq.ArrowToPostgresBinaryEncoder:
    builders = {field.name: pgpq.ArrowToPostgresBinaryEncoder.infer_encoder(field) for field in sent}
    if columns.OVERFLOW in builders:
        field = sent.field(columns.OVERFLOW)
        builders[columns.OVERFLOW] = encoders.StringEncoderBuilder.new_with_output(field, schema.Jsonb())
    return pgpq.ArrowToPostgresBinaryEncoder.new_with_encoders(sent, builders)


def _arrays(
    batch: pa.RecordBatch, plan: columns.Layout, *, with_geometry: bool
) -> tuple[list[pa.Array], int]:
    arrays, repaired = [], 0
    for number, one in enumerate(plan.targets):
        array = batch.column(number)
        array = array if array.type == one.arrow else array.cast(one.arrow)
        if pa.types.is_string(one.arrow) and (count := _nul_values(array)):
            array, repaired = pc.replace_substring(array, "\0", ""), repaired + count
        arrays.append(array)
    if plan.overflow:
        arrays.append(columns.overflow_json(batch, len(plan.targets), plan.overflow))
    if with_geometry:
        arrays.append(batch.column(batch.num_columns - 1))
    return arrays, repaired


def _nul_values(array: pa.Array) -> int:
    """Count the values with a NUL character; the whole buffer, looked at first, hardly ever has one."""
    data = array.buffers()[2]
    if data is None or np.frombuffer(data, dtype=np.uint8).all():
        return 0
    return int(pc.sum(pc.match_substring(array, "\0")).as_py() or 0)


def _finish(connection: Connection, table: str, found: Shape | None, reference: crs.Reference) -> None:
    target, key = where("stage", table), sql.Identifier(index_name(table, KEY))
    if found and found.mixed_dimensions:
        force = {"Z": "ST_Force3DZ", "M": "ST_Force3DM", "ZM": "ST_Force4D"}[found.dimensions]
        connection.execute(
            sql.SQL("ALTER TABLE {} ALTER COLUMN geom TYPE {} USING ST_SetSRID({}(geom), {})").format(
                target, _type(f"geometry({found.type},{reference.srid})"), _type(force), reference.srid
            )
        )
    connection.execute(
        sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} PRIMARY KEY ({})").format(target, key, sql.Identifier(KEY))
    )
    if found:
        name = sql.Identifier(index_name(table, GEOMETRY_COLUMN))
        connection.execute(sql.SQL("CREATE INDEX {} ON {} USING gist (geom)").format(name, target))
    connection.execute(sql.SQL("ANALYZE {}").format(target))


def _comment(connection: Connection, table: str, attributes: tuple[Attribute, ...], origin: str) -> None:
    target = where("stage", table)
    connection.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(target, sql.Literal(origin)))
    with connection.pipeline():
        for one in attributes:
            place = sql.Identifier("stage", table, one.name)
            connection.execute(sql.SQL("COMMENT ON COLUMN {} IS {}").format(place, sql.Literal(one.original)))


def _origin(file: str, layer: SpooledLayer) -> str:
    return file if layer.name is None else storable(f"{file} [{layer.name}]")


def _measure(connection: Connection, table: str, rows: int, reference: crs.Reference) -> Measures:
    geographic = reference.projected is not None and reference.projected.is_geographic
    text = sql.SQL(query("measure")).format(table=where("stage", table))
    reach = {"x": 540, "y": 90} if geographic else {"x": 1e9, "y": 1e9}
    row: Any = connection.execute(text, reach).fetchone()
    nulls, empty, *extent, outside = row
    invalid, notes = _invalid(connection, table)
    if outside:
        what = "geometry lies" if outside == 1 else "geometries lie"
        notes.append(
            f"{outside:,} {what} outside the world or without end, and is left out of the bounding box"
        )
    bbox = None
    if reference.projected is not None and extent[0] is not None:
        bbox = crs.bounds(tuple(extent), reference.projected)
    return Measures(rows, nulls, empty, invalid, bbox, tuple(notes))


def _invalid(connection: Connection, table: str) -> tuple[int | None, list[str]]:
    try:
        with connection.transaction():
            connection.execute("SET LOCAL client_min_messages = error")
            connection.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(f"{_CHECK_SECONDS}s"))
            text = sql.SQL("SELECT count(*) FROM {} WHERE NOT ST_IsValid(geom)").format(where("stage", table))
            row: Any = connection.execute(text).fetchone()
            connection.execute("SET LOCAL statement_timeout = DEFAULT")
            connection.execute("SET LOCAL client_min_messages = DEFAULT")
    except (psycopg.errors.QueryCanceled, psycopg.errors.InternalError_) as error:
        return None, [f"whether its geometries are valid could not be checked: {error.diag.message_primary}"]
    count = int(row[0])
    what = "geometry is" if count == 1 else "geometries are"
    note = (
        f"{count:,} {what} invalid (such as an outline that crosses itself); ST_MakeValid(geom) repairs them"
    )
    return count, [note] if count else []


def _layout_notes(plan: columns.Layout) -> list[str]:
    if not plan.overflow:
        return []
    first = plan.overflow[0].original
    note = (
        f"{len(plan.overflow):,} columns, from '{first}' on, do not fit into a row of PostgreSQL and share "
        f"the column '{columns.OVERFLOW}': {columns.OVERFLOW} ->> 'name' gives one of them"
    )
    return [note]


def _shape_notes(found: Shape | None) -> list[str]:
    if found is None or not found.mixed_dimensions:
        return []
    return ["only some of its geometries have a third or fourth coordinate; for the others it is 0"]
