"""Put one layer into a table of schema `stage`: typed, keyed, indexed, repaired; nobody sees it there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from psycopg import sql

from divebell.errors import DivebellError
from divebell.pipeline import crs
from divebell.pipeline.catalogue import Connection, storable
from divebell.pipeline.names import index_name
from divebell.pipeline.reading.encode import KEY
from divebell.pipeline.reading.frames import Attribute, Checked, Copied, Message, Rows, Spatial, Table
from divebell.readers import GEOMETRY_COLUMN, Geometry

Told = Iterator[Message | Rows]
_Expected = TypeVar("_Expected")
_WORTH_A_SECOND_CONNECTION = 100_000
"""Rows from which on the key's index is built beside the geometry's."""


@dataclass(frozen=True)
class Bench:
    """What every table of one file is staged with."""

    connection: Connection
    file: str
    told: Told
    counted: Callable[[int], None]
    """Hears how many rows of a table have arrived."""
    beside: Callable[[], Connection]
    """Gives a second connection of the loader."""


@dataclass(frozen=True)
class Staged:
    """A table in schema `stage`, called as it will be in `data`, and what was found about it."""

    table: str
    layer: str | None
    attributes: tuple[Attribute, ...]
    nulls: tuple[int, ...]
    rows: int
    geometry_type: str | None = None
    reference: crs.Reference = field(default_factory=crs.Reference)
    checked: Checked = field(default_factory=Checked)
    fixed: bool = False
    """Whether `fixes` names a table that holds something."""
    bbox: list[float] | None = None
    warnings: tuple[str, ...] = ()


class _BegunAgainError(Exception):
    """The rows so far contradict what the file was taken for."""


def where(schema_name: str, table: str) -> sql.Identifier:
    """Name a table with its schema."""
    return sql.Identifier(schema_name, table)


def expect(told: Told, kind: type[_Expected]) -> _Expected:
    """Give the next thing told. Raises DivebellError when it is something else."""
    found = next(told, None)
    if not isinstance(found, kind):
        raise DivebellError("what the reading process told of it makes no sense")
    return found


def fixes(table: str) -> sql.Identifier:
    """Name the table of `stage` with the repaired geometries of a table and what they were."""
    return where("stage", index_name(table, "fixes"))


def stage(bench: Bench, table: str) -> Staged:
    """Build, fill, index and repair the table of the next layer. Other connections can see it in `stage`."""
    described, copied, reference = _filled(bench, table)
    connection, spatial = bench.connection, described.geometry
    _index(bench, table, copied.rows, spatial=spatial is not None)
    checked, fixed = _checked(bench, table, spatial, reference)
    connection.execute(sql.SQL("ANALYZE {}").format(where("stage", table)))
    attributes = tuple(
        Attribute(name=one.name, original=storable(one.original), sql=one.sql) for one in described.columns
    )
    _comment(connection, table, attributes, _origin(bench.file, described.layer))
    bbox = None
    if checked.extent is not None and reference.projected is not None:
        bbox = crs.bounds(checked.extent, reference.projected)
    notes = (*copied.warnings, reference.warning, *checked.warnings)
    return Staged(
        table=table,
        layer=described.layer,
        attributes=attributes,
        nulls=copied.nulls,
        rows=copied.rows,
        geometry_type=checked.type or (spatial.type if spatial else None),
        reference=reference,
        checked=checked,
        fixed=fixed,
        bbox=bbox,
        warnings=tuple(storable(note) for note in notes if note),
    )


def _filled(bench: Bench, table: str) -> tuple[Table, Copied, crs.Reference]:
    """Fill the table, once more when its rows turn out not to be what the first of them promised."""
    while True:
        described = expect(bench.told, Table)
        spatial = described.geometry
        reference = crs.Reference()
        if spatial:
            reference = crs.reference(bench.connection, Geometry(spatial.type, spatial.crs, spatial.crs_wkt))
        try:
            with bench.connection.transaction():
                _create(bench.connection, table, described, reference)
                return described, _copied(bench, table), reference
        except _BegunAgainError:
            continue


def _create(connection: Connection, table: str, described: Table, reference: crs.Reference) -> None:
    parts = [sql.SQL("{} integer NOT NULL").format(sql.Identifier(KEY))]
    parts += [sql.SQL("{} {}").format(sql.Identifier(one.name), _type(one.sql)) for one in described.columns]
    if described.geometry:
        kind = _type(f"geometry({described.geometry.type},{reference.srid})")
        parts.append(sql.SQL("{} {}").format(sql.Identifier(GEOMETRY_COLUMN), kind))
    target = where("stage", table)
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(target))
    connection.execute(sql.SQL("CREATE TABLE {} ({})").format(target, sql.SQL(", ").join(parts)))


def _type(name: str) -> sql.SQL:
    """Types were checked against the lists in `frames`."""
    return sql.SQL(name)


def _copied(bench: Bench, table: str) -> Copied:
    """Pass the rows on. FREEZE: nobody can see the table yet, so no row has to be marked later."""
    text = sql.SQL("COPY {} FROM STDIN (FORMAT binary, FREEZE)").format(where("stage", table))
    rows = 0
    with bench.connection.cursor() as cursor, cursor.copy(text) as copy:
        for frame in bench.told:
            match frame:
                case Rows():
                    copy.write(frame.data)
                    rows += frame.count
                    bench.counted(rows)
                case Copied(stands=True):
                    return frame
                case Copied():
                    raise _BegunAgainError
                case _:
                    break
    raise DivebellError("what the reading process told of it makes no sense")


def _index(bench: Bench, table: str, rows: int, *, spatial: bool) -> None:
    target, key = where("stage", table), sql.Identifier(index_name(table, KEY))
    unique = sql.SQL("CREATE UNIQUE INDEX {} ON {} ({})").format(key, target, sql.Identifier(KEY))
    gist = sql.SQL("CREATE INDEX {} ON {} USING gist (geom)").format(
        sql.Identifier(index_name(table, GEOMETRY_COLUMN)), target
    )
    if spatial and rows >= _WORTH_A_SECOND_CONNECTION:
        _both(bench.connection, gist, bench.beside(), unique)
    else:
        bench.connection.execute(unique)
        if spatial:
            bench.connection.execute(gist)
    bench.connection.execute(sql.SQL("ALTER TABLE {} ADD PRIMARY KEY USING INDEX {}").format(target, key))


def _both(first: Connection, longer: sql.Composed, second: Connection, shorter: sql.Composed) -> None:
    """Run two statements at once."""
    with ThreadPoolExecutor(1, thread_name_prefix="index") as pool:
        beside = pool.submit(second.execute, shorter)
        first.execute(longer)
        beside.result()


def _checked(
    bench: Bench, table: str, spatial: Spatial | None, reference: crs.Reference
) -> tuple[Checked, bool]:
    """Wait for what was found about the geometries, put right what can be, and tell whether anything was."""
    connection = bench.connection
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(fixes(table)))
    if spatial is None:
        return Checked(), False
    with connection.transaction():
        fixed = False
        for frame in bench.told:
            match frame:
                case Rows():
                    if not fixed:
                        _make_room_for_fixes(connection, table, spatial, reference)
                    fixed = True
                    _copy(connection, fixes(table), frame.data)
                case Checked():
                    if fixed:
                        _repair(connection, table, spatial, frame.type or spatial.type, reference)
                    return frame, fixed
                case _:
                    break
    raise DivebellError("what the reading process told of it makes no sense")


def _make_room_for_fixes(
    connection: Connection, table: str, spatial: Spatial, reference: crs.Reference
) -> None:
    dimensions = spatial.type[len(spatial.type.rstrip("ZM")) :]
    kind = _type(f"geometry(Geometry{dimensions},{reference.srid})")
    connection.execute(
        sql.SQL("CREATE TABLE {} (row_id integer, repaired {}, original {}, reason text)").format(
            fixes(table), kind, kind
        )
    )


def _copy(connection: Connection, target: sql.Identifier, data: bytes) -> None:
    text = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(target)
    with connection.cursor() as cursor, cursor.copy(text) as copy:
        copy.write(data)


def _repair(
    connection: Connection, table: str, spatial: Spatial, kind: str, reference: crs.Reference
) -> None:
    """Put the repaired geometries in; `kind` is wider than the column's type where they need it."""
    target = where("stage", table)
    if kind != spatial.type:
        connection.execute(
            sql.SQL("ALTER TABLE {} ALTER COLUMN geom TYPE {} USING ST_Multi(geom)").format(
                target, _type(f"geometry({kind},{reference.srid})")
            )
        )
    connection.execute(
        sql.SQL("UPDATE {} AS t SET geom = f.repaired FROM {} AS f WHERE t.row_id = f.row_id").format(
            target, fixes(table)
        )
    )


def _comment(connection: Connection, table: str, attributes: tuple[Attribute, ...], origin: str) -> None:
    target = where("stage", table)
    connection.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(target, sql.Literal(origin)))
    with connection.pipeline():
        for one in attributes:
            place = sql.Identifier("stage", table, one.name)
            connection.execute(sql.SQL("COMMENT ON COLUMN {} IS {}").format(place, sql.Literal(one.original)))


def _origin(file: str, layer: str | None) -> str:
    return file if layer is None else storable(f"{file} [{layer}]")
