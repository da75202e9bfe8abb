"""A layer of a table that declares its types: described from its first rows, held to that by all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pyarrow as pa

from divebell.errors import DivebellError
from divebell.readers import geoarrow, points, shapes, wkb
from divebell.readers.arrowcolumns import Columns
from divebell.readers.arrowtable import Attributes, Table, Way, arrow
from divebell.readers.crs import UNKNOWN, Reference, identify
from divebell.readers.geoparquet import Source
from divebell.readers.model import GEOMETRY_COLUMN, Column, ContradictedError, Geometry, Layer
from divebell.readers.notes import together
from divebell.readers.placing import Places, place, surveys


@dataclass
class _Seen:
    """What the values of a table have in common; grows batch by batch."""

    table: Table
    attributes: Attributes
    points: list[points.Survey]
    survey: shapes.Survey
    rows: int = 0
    srids: frozenset[int] = frozenset()

    def see(self, batch: pa.RecordBatch) -> wkb.Look | None:
        """Take in a batch's geometry, or its coordinates."""
        self.rows += batch.num_rows
        if self.table.declared.main is None:
            for one in self.points:
                one.see(Columns(batch, self.table.attributes))
            return None
        encoded = _encoded(self.table, self.table.declared.main, batch)
        self.srids |= encoded.srids
        return self.survey.take(encoded.wkb)


def _nothing(table: Table) -> _Seen:
    main = table.declared.main
    reference = _reference(table, main.reference, frozenset()) if main else UNKNOWN
    metric = (reference.wkt is not None or reference.code is not None) and not reference.in_degrees
    return _Seen(
        table,
        Attributes(table),
        [] if main else _surveys(table),
        shapes.Survey(degrees=not metric),
    )


def _surveys(table: Table) -> list[points.Survey]:
    """Survey each place where coordinates may be; whatever its name, only text can be WKT."""
    found = surveys(table.path, table.named[0], table.originals, table.hint)
    kinds = [arrow(way) for way in Attributes(table).ways()]
    return [one for one in found if not one.source.unnamed or kinds[one.source.x] == pa.string()]


def _encoded(table: Table, source: Source, batch: pa.RecordBatch) -> geoarrow.Encoded:
    try:
        return geoarrow.encode(batch.column(source.at), source.encoding)
    except (pa.ArrowException, ValueError, TypeError, AttributeError) as error:
        raise DivebellError(
            f"the geometry of {table.path.name} is not what the file says: {error}",
            next_step="write it again, with geometry as WKB",
        ) from error


@dataclass(frozen=True)
class _Decided:
    """How a table is read."""

    ways: tuple[Way, ...]
    geometry: Geometry | None = None
    plan: shapes.Plan | None = None
    degrees: bool = False
    codes: frozenset[int] = frozenset()
    """ISO WKB codes of the geometries it was decided by."""
    places: Places | None = None
    told: tuple[str, ...] = ()

    @property
    def form(self) -> tuple[object, ...]:
        """All of it that rows are read by; only rows that are rejected may come later."""
        plan = self.plan and replace(self.plan, rejected=frozenset())
        return self.ways, self.geometry, plan, self.degrees, self.places


def layer(table: Table, sample: pa.RecordBatch | None, *, whole: bool) -> Layer:
    """Describe a table's layer from its first rows; with `whole`, they are all it has."""
    seen = _nothing(table)
    if sample is not None:
        _look(seen, iter([sample]))
    guess = _decide(table, seen, sure=whole)
    if whole:
        return _layer(table, guess, seen)
    ended: list[_Seen] = []
    return replace(
        _layer(table, guess, seen),
        batches=lambda: _held(table, guess, ended),
        settle=lambda: _settled(table, ended),
    )


def _settled(table: Table, ended: list[_Seen]) -> Layer:
    if not ended:
        seen = _nothing(table)
        _look(seen, table.rows())
        ended.append(seen)
    return _layer(table, _decide(table, ended[0], sure=True), ended[0])


def _look(seen: _Seen, batches: Iterator[pa.RecordBatch]) -> None:
    for batch in batches:
        seen.attributes.read(batch, seen.attributes.ways())
        seen.see(batch)


def _layer(table: Table, decided: _Decided, seen: _Seen) -> Layer:
    names, renamed = table.named
    return Layer(
        name=None,
        columns=tuple(map(Column, names, table.originals, map(arrow, decided.ways))),
        geometry=decided.geometry,
        warnings=(
            *renamed,
            *table.declared.warnings,
            *together(seen.attributes.notes()),
            *decided.told,
            *(() if seen.rows else ("the file has columns and no rows",)),
        ),
        batches=lambda: _read(table, decided),
    )


def _decide(table: Table, seen: _Seen, *, sure: bool) -> _Decided:
    ways = seen.attributes.ways()
    main = table.declared.main
    if main is None:
        places, told = place(seen.points, table.originals, table.hint)
        return _Decided(ways, places.geometry if places else None, places=places, told=told)
    reference = _reference(table, main.reference, seen.srids)
    survey = seen.survey if sure else replace(seen.survey, codes=seen.survey.codes | {*main.codes})
    if not table.hint.crs:
        reference = reference.unless_beyond(fits=survey.looks_like_degrees)
    degrees = reference.in_degrees and survey.looks_like_degrees
    plan = shapes.plan(survey, degrees=degrees)
    return _Decided(
        ways,
        Geometry(plan.type, reference.code, reference.wkt),
        plan,
        degrees,
        frozenset(survey.codes),
        told=(*reference.warnings, *shapes.warnings_of(survey, plan)),
    )


def _reference(table: Table, declared: Reference, srids: frozenset[int]) -> Reference:
    if table.hint.crs:
        return identify(table.hint.crs)
    if declared.code is None and declared.wkt is None and len(srids) == 1:
        return identify(f"EPSG:{next(iter(srids))}")
    return declared


def _held(table: Table, guess: _Decided, ended: list[_Seen]) -> Iterator[pa.RecordBatch]:
    """Read by a guess, and say so as soon as it does not hold."""
    seen = _nothing(table)
    ended.clear()
    for batch in table.rows():
        first = seen.rows + 1
        arrays = seen.attributes.read(batch, guess.ways)
        look = seen.see(batch)
        if seen.attributes.ways() != guess.ways or not _fits(guess, seen.survey.codes):
            raise ContradictedError
        yield _batch(table, guess, arrays, _drawn(table, guess, batch, (first, look)))
    ended.append(seen)
    if _decide(table, seen, sure=True).form != guess.form:
        raise ContradictedError


def _drawn(
    table: Table, decided: _Decided, batch: pa.RecordBatch, at: tuple[int, wkb.Look | None]
) -> pa.Array | None:
    """Give the geometry of a batch that begins at a row, made alike."""
    first, look = at
    if look is None or decided.plan is None:
        return decided.places.wkb(Columns(batch, table.attributes), first) if decided.places else None
    return shapes.alike(look, look.broken | look.far if decided.degrees else look.broken, decided.plan)


def _read(table: Table, decided: _Decided) -> Iterator[pa.RecordBatch]:
    """Read by what all values say."""
    attributes, first = Attributes(table), 1
    main = table.declared.main
    for batch in table.rows():
        arrays = attributes.read(batch, decided.ways)
        look = wkb.look(_encoded(table, main, batch).wkb) if main else None
        yield _batch(table, decided, arrays, _drawn(table, decided, batch, (first, look)))
        first += batch.num_rows


def _fits(guess: _Decided, codes: set[int]) -> bool:
    """Whether the kinds of geometry so far are those the guess makes alike."""
    if guess.plan is None or codes <= guess.codes:
        return True
    plan = shapes.plan(shapes.Survey(codes=codes | guess.codes), degrees=False)
    return plan == replace(guess.plan, rejected=frozenset())


def _batch(
    table: Table, decided: _Decided, arrays: list[pa.Array], places: pa.Array | None
) -> pa.RecordBatch:
    fields = [
        pa.field(name, kind) for name, kind in zip(table.named[0], map(arrow, decided.ways), strict=True)
    ]
    if places is None:
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
    fields.append(pa.field(GEOMETRY_COLUMN, pa.binary()))
    return pa.RecordBatch.from_arrays([*arrays, places], schema=pa.schema(fields))
