"""What the formats that GDAL reads share: one pass by a guess from some of the rows, then certainty."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from divebell.event.model import DatasetHint
from divebell.readers import gdal, shapes
from divebell.readers.attributes import Attributes
from divebell.readers.crs import UNKNOWN, Reference, identify
from divebell.readers.hinted import Told
from divebell.readers.model import GEOMETRY_COLUMN, Column, ContradictedError, Geometry, Layer
from divebell.readers.request import Opened, Request
from divebell.readers.wkb import Look

__all__ = ["Request", "declared", "read_layer"]

_SAMPLE = 1_024
_FURTHER = 4
"""Places further on that are looked at as well, where the format can go there quickly."""
_KEPT_BYTES = 1 << 18
"""A layer no larger than this is kept once it was read."""


@dataclass(frozen=True)
class _Decided:
    """How a layer's rows are read."""

    columns: tuple[Column, ...]
    told: tuple[Told | None, ...]
    geometry: Geometry | None = None
    plan: shapes.Plan | None = None
    degrees: bool = False
    numbered: bool = False
    """Whether feature numbers are a column."""
    warnings: tuple[str, ...] = ()

    @property
    def form(self) -> tuple[object, ...]:
        """All of it that rows are read by."""
        return (
            self.columns,
            self.told,
            self.geometry,
            self.plan and self.plan.form,
            self.degrees,
            self.numbered,
        )


def declared(crs: str | None, _survey: shapes.Survey) -> Reference:
    """Take the reference system that the file declares."""
    return identify(crs) if crs else UNKNOWN


def read_layer(request: Request, hint: DatasetHint) -> Layer:
    """Describe one layer from some of its rows. Raises DivebellError when it cannot be read."""
    described = gdal.describe(request.source, request.format)
    if request.repair:
        described = replace(described, schema=request.repair.schema(described.schema))
    opened = Opened(request, described, hint)
    seen = _Seen(opened)
    first = list(islice(opened.rows(seen.said, most=_SAMPLE), 2))
    if len(first) < 2:
        return _small(opened, seen, first)
    for batch in first:
        seen.look(batch)
    guess = seen.sampled().decide()
    ended: list[_Seen] = []
    return replace(
        _layer(opened, guess),
        batches=lambda: _held(opened, guess, seen.survey.codes, ended),
        settle=lambda: _settled(opened, ended),
    )


@dataclass
class _Seen:
    """What the rows of a layer showed; grows batch by batch."""

    opened: Opened
    numbered: bool = False
    """Whether feature numbers are more than a count of the rows."""
    rows: int = 0
    said: list[str] = field(default_factory=list)
    survey: shapes.Survey = field(init=False)
    attributes: Attributes = field(init=False)
    named: tuple[str, ...] = field(init=False)
    rest: Iterator[pa.RecordBatch] = field(default_factory=lambda: iter(()))
    """Batches that are still to be seen."""

    def __post_init__(self) -> None:
        """Begin to count; degrees matter unless the file declares something else."""
        json = self.opened.request.json
        self.survey = shapes.Survey(empty_points=not json)
        fields, self.named = self.opened.fields(numbered=self.numbered)
        self.attributes = Attributes(fields)
        crs = self.opened.hint.crs or (None if json else self.opened.described.crs)
        if crs is not None:
            self.survey.degrees = identify(crs).in_degrees

    def look(
        self, batch: pa.RecordBatch, told: tuple[Told | None, ...] | None = None
    ) -> tuple[list[pa.Array], Look | None]:
        """Take in one batch; give its columns and what its geometries are."""
        if self.opened.request.json and batch.num_rows and not self.numbered:
            counting = np.arange(self.rows, self.rows + batch.num_rows)
            if not np.array_equal(np.asarray(batch.column(gdal.FID)), counting):
                self._number()
                told = None if told is None else (None, *told)
        arrays = self.attributes.convert(batch, told)
        wkb = self.opened.wkb(batch)
        self.rows += batch.num_rows
        return arrays, None if wkb is None else self.survey.take(wkb)

    def _number(self) -> None:
        fields, self.named = self.opened.fields(numbered=True)
        self.attributes = replace(self.attributes, fields=fields)
        self.numbered = True

    def sampled(self) -> _Seen:
        """Look at rows further on as well, where that is quick."""
        described, request = self.opened.described, self.opened.request
        for number in range(1, _FURTHER + 1):
            skipped = described.features * number // _FURTHER - (number == _FURTHER) * _SAMPLE
            if skipped < _SAMPLE:
                break
            if request.skips:
                part: dict[str, object] = {"skip_features": skipped}
            elif described.key:
                # An upper bound, for GDAL reads ahead, and to stop it takes longer than the sample.
                part = {"where": f'"{described.key}" BETWEEN {skipped + 1} AND {skipped + _SAMPLE}'}
            else:
                break
            for batch in islice(self.opened.rows(self.said, most=_SAMPLE, **part), 1):
                self.look(batch)
        return self

    def decide(self) -> _Decided:
        """Say how rows like these are read."""
        columns, told = self.attributes.columns(), self.attributes.told()
        warnings = (*self.opened.request.warnings, *self.named, *self.attributes.warnings())
        if self.opened.described.geometry_field is None:
            return _Decided(columns, told, numbered=self.numbered, warnings=warnings)
        hint, survey = self.opened.hint, self.survey
        fits = survey.looks_like_degrees
        if hint.crs:
            reference = identify(hint.crs)
        else:
            found = self.opened.request.reference(self.opened.described.crs, survey)
            reference = found.unless_beyond(fits=fits)
        degrees = reference.in_degrees and fits
        plan = shapes.plan(survey, degrees=degrees)
        return _Decided(
            columns,
            told,
            Geometry(plan.type, reference.code, reference.wkt),
            plan,
            degrees,
            self.numbered,
            (*warnings, *reference.warnings, *shapes.warnings_of(survey, plan)),
        )


def _layer(opened: Opened, decided: _Decided) -> Layer:
    return Layer(
        name=opened.request.layer,
        columns=decided.columns,
        geometry=decided.geometry,
        warnings=decided.warnings,
        batches=lambda: _read(opened, decided),
    )


def _small(opened: Opened, seen: _Seen, batches: list[pa.RecordBatch]) -> Layer:
    """Describe a layer that was read to its end; a small one is not read again."""
    for batch in batches:
        seen.look(batch)
    layer = _certain(opened, seen)
    if sum(batch.nbytes for batch in batches) > _KEPT_BYTES:
        return layer
    decided = seen.decide()
    return replace(layer, batches=lambda: _read(opened, decided, batches))


def _certain(opened: Opened, seen: _Seen) -> Layer:
    layer = _layer(opened, seen.decide())
    said = [f"the reader of this format says: {one[:200]}" for one in _telling(seen.said)]
    return layer.told(*(() if seen.rows else ("the layer has no rows",)), *said)


def _settled(opened: Opened, ended: list[_Seen]) -> Layer:
    if not ended:
        ended.append(_begun(opened))
    for batch in ended[0].rest:
        ended[0].look(batch)
    return _certain(opened, ended[0])


def _begun(opened: Opened, *, numbered: bool = False) -> _Seen:
    seen = _Seen(opened, numbered=numbered)
    seen.rest = opened.rows(seen.said)
    return seen


def _held(opened: Opened, guess: _Decided, codes: set[int], ended: list[_Seen]) -> Iterator[pa.RecordBatch]:
    """Read by a guess, and say so as soon as it does not hold."""
    seen = _begun(opened, numbered=guess.numbered)
    seen.survey.codes |= codes
    ended[:] = [seen]
    for batch in seen.rest:
        arrays, found = seen.look(batch, guess.told)
        if seen.numbered != guess.numbered or not _fits(guess, seen.survey.codes):
            raise ContradictedError
        yield _batch(guess, arrays, found)
    if seen.decide().form != guess.form:
        raise ContradictedError


def _fits(guess: _Decided, codes: set[int]) -> bool:
    """Whether kinds of geometry are among those the guess makes alike."""
    plan = guess.plan
    return plan is None or shapes.plan(shapes.Survey(codes=codes), degrees=False).form == plan.form


def _read(
    opened: Opened, decided: _Decided, kept: list[pa.RecordBatch] | None = None
) -> Iterator[pa.RecordBatch]:
    """Read by what all values say."""
    seen = _Seen(opened, numbered=decided.numbered)
    for batch in opened.rows(None) if kept is None else kept:
        yield _batch(decided, *seen.look(batch, decided.told))


def _batch(decided: _Decided, arrays: list[pa.Array], found: Look | None) -> pa.RecordBatch:
    schema = pa.schema([pa.field(one.name, one.type) for one in decided.columns])
    if decided.plan is not None and found is not None:
        schema = schema.append(pa.field(GEOMETRY_COLUMN, pa.binary()))
        out: npt.NDArray[np.bool_] = found.broken | found.far if decided.degrees else found.broken
        arrays = [*arrays, shapes.alike(found, out, decided.plan)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _telling(said: list[str]) -> list[str]:
    """Leave out what GDAL says of things that divebell decides itself."""
    quiet = ("More than one layer found", "Measured (M)", "organizePolygons", "parsed incompletely")
    return [one for one in dict.fromkeys(said) if not any(word in one for word in quiet)][:5]
