"""A JSON file as a layer: one reading gives its rows and proves what was guessed by its beginning."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from msgspec import UNSET

from divebell.event.model import DatasetHint
from divebell.readers.encoding import Text
from divebell.readers.features import FeatureStream
from divebell.readers.jsonreading import Plan, Reading, Rows
from divebell.readers.model import ContradictedError, Layer
from divebell.readers.records import Records, convert

_SMALL = 8 << 20
"""Files of at most this many bytes are read twice: that is quicker than to be wrong."""
_MOST_ROWS = 50_000
_ENOUGH = 2
"""Runs of features to guess by."""


@dataclass
class JsonFile:
    """A JSON text that becomes one layer."""

    text: Text
    hint: DatasetHint
    _seen: Reading | None = None
    """What the last complete reading of all values found."""

    def layer(self) -> Layer:
        """Describe the layer: for certain if the file is small, else by its beginning."""
        if self.text.path.stat().st_size <= _SMALL:
            return self._settled()
        guess = self._start()
        for at, features in enumerate(guess.stream, start=1):
            guess.see(features)
            if at == _ENOUGH:
                break
        crs = _crs_near_the_ends(self.text) if guess.stream.crs is UNSET else guess.stream.crs
        plan, warnings = guess.plan(crs)
        return _layer(plan, warnings, lambda: self._looking(plan), self._settled)

    def _start(self, *, literal: bool = False) -> Reading:
        stream = FeatureStream(self.text, literal=literal)
        return Reading(stream, self.hint, Records(self.hint, self.text.path.name))

    def _settled(self) -> Layer:
        reading = self._seen
        if reading is None:
            reading = self._start()
            for features in reading.stream:
                reading.see(features)
            self._seen = reading
        plan, warnings = reading.plan(reading.stream.crs)
        return _layer(plan, warnings, lambda: self._as(plan), None)

    def _as(self, plan: Plan) -> Iterator[pa.RecordBatch]:
        reading = self._start(literal=plan.literal)
        for features in reading.stream:
            yield from _written(plan, reading.see(features))

    def _looking(self, plan: Plan) -> Iterator[pa.RecordBatch]:
        """Stream the rows as guessed. Raises ContradictedError as soon as the guess does not hold."""
        reading = self._start(literal=plan.literal)
        for at, features in enumerate(reading.stream, start=1):
            rows = reading.see(features)
            if at > _ENOUGH and not reading.plan(UNSET)[0].writes_like(plan):
                raise ContradictedError
            yield from _written(plan, rows)
        self._seen = reading
        if reading.plan(reading.stream.crs)[0] != plan:
            raise ContradictedError


def _layer(
    plan: Plan,
    warnings: tuple[str, ...],
    batches: Callable[[], Iterator[pa.RecordBatch]],
    settle: Callable[[], Layer] | None,
) -> Layer:
    columns = tuple(one.column for one in plan.fields)
    return Layer(None, columns, plan.geometry, warnings, batches, settle)


def _written(plan: Plan, rows: Rows) -> Iterator[pa.RecordBatch]:
    """Write a run of rows, no more than `_MOST_ROWS` at a time."""
    count, schema = len(rows.ids), plan.schema
    arrays = [convert(rows.of(one), one) for one in plan.fields]
    if plan.places is not None:
        arrays.append(rows.points(plan.places, plan.fields))
    elif plan.geometry is not None:
        without = rows.beyond if plan.degrees else rows.beyond[:0]
        arrays.append(rows.shapes.encode(plan.promote, lift=plan.lift, without=without))
    if not arrays:
        return
    whole = pa.RecordBatch.from_arrays(arrays, schema=schema)
    for start in range(0, count, _MOST_ROWS):
        yield whole.slice(start, _MOST_ROWS)


def _crs_near_the_ends(text: Text) -> Any:
    """Find a `crs` member near the end of a large file, to guess by."""
    with text.path.open("rb") as file:
        file.seek(max(0, text.path.stat().st_size - 4096))
        end = file.read().decode(errors="replace")
    found = re.search(r'"crs"\s*:\s*(\{[^{}]*(\{[^{}]*\})?[^{}]*\})', end)
    try:
        return json.loads(found[1]) if found else UNSET
    except ValueError:
        return UNSET
