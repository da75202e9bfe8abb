"""A layer of a table that declares its types: described from its first rows, held to that by all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pyarrow as pa

from divebell.errors import DivebellError
from divebell.readers import geoarrow, points, shapes
from divebell.readers.arrowcolumns import Columns
from divebell.readers.arrowtable import Attributes, Table, Way, arrow
from divebell.readers.crs import Reference, identify, is_geographic
from divebell.readers.model import GEOMETRY_COLUMN, Column, ContradictedError, Geometry, Layer
from divebell.readers.notes import together
from divebell.readers.placing import Places, place, surveys


@dataclass
class _Seen:
    """What the values of a table have in common; grows batch by batch."""

    table: Table
    attributes: Attributes
    points: list[points.Survey]
    rows: int = 0
    survey: shapes.Survey = field(default_factory=shapes.Survey)
    srids: frozenset[int] = frozenset()

    def geometry(self, batch: pa.RecordBatch) -> pa.Array | None:
        """Take in a batch's geometry, or its coordinates; give its WKB as the file has it."""
        main = self.table.declared.main
        if main is None:
            for one in self.points:
                one.see(Columns(batch, self.table.attributes))
            self.rows += batch.num_rows
            return None
        try:
            encoded = geoarrow.encode(batch.column(main.at), main.encoding)
        except (pa.ArrowException, ValueError, TypeError, AttributeError) as error:
            raise DivebellError(
                f"the geometry of {self.table.path.name} is not what the file says: {error}",
                next_step="write it again, with geometry as WKB",
            ) from error
        before = len(self.survey.broken)
        self.survey.see(encoded.wkb)
        if encoded.broken:
            more = [self.rows + 1 + at for at in encoded.broken]
            self.survey.broken[before:] = sorted(self.survey.broken[before:] + more)
        self.srids |= encoded.srids
        self.rows += batch.num_rows
        return encoded.wkb


def _nothing(table: Table) -> _Seen:
    from_columns = table.declared.main is None
    return _Seen(
        table,
        Attributes(table),
        surveys(table.path, table.named[0], table.originals, table.hint) if from_columns else [],
    )


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
        seen.geometry(batch)


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
    reference = _reference(table, main.reference, seen)
    survey = seen.survey if sure else replace(seen.survey, codes=seen.survey.codes | {*main.codes})
    degrees = bool(reference.code and is_geographic(reference.code) and survey.looks_like_degrees)
    plan = shapes.plan(survey, degrees=degrees)
    return _Decided(
        ways,
        Geometry(plan.type, reference.code, reference.wkt),
        plan,
        degrees,
        frozenset(survey.codes),
        told=(*reference.warnings, *shapes.warnings_of(survey, plan)),
    )


def _reference(table: Table, declared: Reference, seen: _Seen) -> Reference:
    if table.hint.crs:
        return identify(table.hint.crs)
    if declared.code is None and declared.wkt is None and len(seen.srids) == 1:
        return identify(f"EPSG:{next(iter(seen.srids))}")
    return declared


def _held(table: Table, guess: _Decided, ended: list[_Seen]) -> Iterator[pa.RecordBatch]:
    """Read by a guess, and say so as soon as it does not hold."""
    seen = _nothing(table)
    ended.clear()
    for batch in table.rows():
        first, broken, beyond = seen.rows + 1, len(seen.survey.broken), len(seen.survey.beyond)
        arrays = seen.attributes.read(batch, guess.ways)
        wkb = seen.geometry(batch)
        if seen.attributes.ways() != guess.ways or not _fits(guess, seen.survey.codes):
            raise ContradictedError
        if wkb is not None and guess.plan is not None:
            rejected = seen.survey.broken[broken:] + (seen.survey.beyond[beyond:] if guess.degrees else [])
            wkb = shapes.apply(wkb, replace(guess.plan, rejected=frozenset(rejected)), first)
        yield _batch(table, guess, arrays, wkb if wkb is not None else _points(table, guess, batch, first))
    ended.append(seen)
    if _decide(table, seen, sure=True).form != guess.form:
        raise ContradictedError


def _read(table: Table, decided: _Decided) -> Iterator[pa.RecordBatch]:
    """Read by what all values say."""
    attributes, first = Attributes(table), 1
    main = table.declared.main
    for batch in table.rows():
        arrays = attributes.read(batch, decided.ways)
        if main is not None and decided.plan is not None:
            wkb = geoarrow.encode(batch.column(main.at), main.encoding).wkb
            wkb = shapes.apply(wkb, decided.plan, first)
        else:
            wkb = _points(table, decided, batch, first)
        yield _batch(table, decided, arrays, wkb)
        first += batch.num_rows


def _fits(guess: _Decided, codes: set[int]) -> bool:
    """Whether the kinds of geometry so far are those the guess makes alike."""
    if guess.plan is None or codes <= guess.codes:
        return True
    plan = shapes.plan(shapes.Survey(codes=codes | guess.codes), degrees=False)
    return plan == replace(guess.plan, rejected=frozenset())


def _points(table: Table, decided: _Decided, batch: pa.RecordBatch, first: int) -> pa.Array | None:
    if decided.places is None:
        return None
    return decided.places.wkb(Columns(batch, table.attributes), first)


def _batch(table: Table, decided: _Decided, arrays: list[pa.Array], wkb: pa.Array | None) -> pa.RecordBatch:
    fields = [
        pa.field(name, kind) for name, kind in zip(table.named[0], map(arrow, decided.ways), strict=True)
    ]
    if wkb is None:
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
    fields.append(pa.field(GEOMETRY_COLUMN, pa.binary()))
    return pa.RecordBatch.from_arrays([*arrays, wkb], schema=pa.schema(fields))
