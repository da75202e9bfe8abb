"""What the process that opens one file does: read it layer by layer and tell the loader all of it."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pyarrow as pa

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.pipeline import columns
from divebell.pipeline.names import column_names
from divebell.pipeline.reading import frames, limits
from divebell.pipeline.reading.check import Checker
from divebell.pipeline.reading.encode import KEY, Encoder, encoded
from divebell.pipeline.reading.repair import Fix
from divebell.readers import GEOMETRY_COLUMN, Column, ContradictedError, Layer, is_full, reader_for

_BATCHES_WAITING = 2
_FIXES_AT_ONCE = 20_000
_FIXES = pa.schema(
    [
        ("row_id", pa.int32()),
        ("repaired", pa.binary()),
        ("original", pa.binary()),
        ("reason", pa.string()),
    ]
)


@dataclass(frozen=True)
class _Target:
    """A layer, with its columns' final names, and how it is laid out as a table."""

    layer: Layer
    plan: columns.Layout
    table: frames.Table


def read(path: Path, hint: DatasetHint, out: frames.Sender, *, raster: bool = False) -> None:
    """Tell everything about one file; whatever a library makes of the file, it is the reason told.

    `raster`: make it ready to be drawn instead.
    """
    try:
        if raster:
            from divebell.pipeline.reading import cloud  # noqa: PLC0415 - brings a GDAL of its own

            cloud.send(path, hint, out)
        else:
            _read(path, hint, out)
        out.say(frames.Done())
    except DivebellError as error:
        out.say(frames.Failed(error=error.message, next_step=error.next_step))
    except MemoryError:
        size = limits.MEMORY_BYTES // 1024**3
        out.say(frames.Failed(error=f"reading it needs more than {size} GB of memory"))
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - see above
        traceback.print_exc(file=sys.stderr)
        reason = f"it could not be read: {type(error).__name__}: {error}"[:2000]
        out.say(frames.Failed(error=reason, passing=is_full(error)))


def _read(path: Path, hint: DatasetHint, out: frames.Sender) -> None:
    reader = reader_for(path)
    if reader is None:
        out.say(frames.Opened(format=None, layers=()))
        return
    layers = reader.read(path, hint)
    out.say(frames.Opened(format=reader.name, layers=tuple(layer.name for layer in layers)))
    for layer in layers:
        _send(layer, out)


def _send(layer: Layer, out: frames.Sender) -> None:
    """Send one layer, once more where its own rows have contradicted what it said.

    A table so wide that its layout depends on its values is read in full before.
    """
    if not columns.fits(layer.columns):
        layer = _written(layer.certain())
    target, checker, encoder = _attempt(layer, out)
    settled = layer.settle() if layer.settle else layer
    if encoder is None or settled.columns != layer.columns or settled.geometry != layer.geometry:
        checker.stop()
        out.say(frames.Copied(stands=False))
        target, checker, encoder = _attempt(settled, out)
        if encoder is None:
            raise DivebellError("its rows change from one reading to the next")
    warnings = (*settled.warnings, *encoder.warnings(), *_overflow_notes(target.plan))
    out.say(frames.Copied(stands=True, rows=encoder.rows, nulls=tuple(encoder.nulls), warnings=warnings))
    if target.layer.geometry:
        checked, fixes = checker.finish()
        for start in range(0, len(fixes), _FIXES_AT_ONCE):
            piece = fixes[start : start + _FIXES_AT_ONCE]
            out.rows(len(piece), encoded(_fix_rows(piece)))
        out.say(checked)
    else:
        checker.stop()


def _attempt(layer: Layer, out: frames.Sender) -> tuple[_Target, Checker, Encoder | None]:
    """Send the rows of a layer as it describes itself; no encoder is given back when they contradict it."""
    target = _target(layer)
    spatial = layer.geometry is not None
    checker = Checker(layer.geometry.type if layer.geometry else "Geometry")
    encoder = Encoder(target.plan, geometry=spatial)
    out.say(target.table)
    out.rows(0, encoder.begin())
    with ThreadPoolExecutor(1, thread_name_prefix="encode") as beside:
        waiting: deque[Future[None]] = deque()
        try:
            for batch in target.layer.batches():
                if spatial:
                    checker.see(batch.column(batch.num_columns - 1))
                waiting.append(beside.submit(_encode, encoder, batch, out))
                if len(waiting) > _BATCHES_WAITING:
                    waiting.popleft().result()
        except ContradictedError:
            return target, checker, None
        for one in waiting:
            one.result()
    out.rows(0, encoder.end())
    return target, checker, encoder


def _encode(encoder: Encoder, batch: pa.RecordBatch, out: frames.Sender) -> None:
    for count, data in encoder.pieces(batch):
        out.rows(count, data)


def _target(layer: Layer) -> _Target:
    named = _apart(layer)
    plan = columns.layout(named.columns, named.batches)
    attributes = [
        frames.Attribute(name=one.column.name, original=one.column.original, sql=one.sql)
        for one in plan.targets
    ]
    if plan.overflow:
        attributes.append(frames.Attribute(name=columns.OVERFLOW, original=columns.OVERFLOW, sql="jsonb"))
    geometry = named.geometry
    spatial = geometry and frames.Spatial(type=geometry.type, crs=geometry.crs, crs_wkt=geometry.crs_wkt)
    table = frames.Table(layer=named.name, columns=tuple(attributes), geometry=spatial)
    return _Target(named, plan, table)


def _apart(layer: Layer) -> Layer:
    """Keep the file's columns apart from the key, the geometry, the overflow and PostgreSQL's own."""
    names = column_names((column.name for column in layer.columns), {KEY, GEOMETRY_COLUMN, columns.OVERFLOW})
    renamed = tuple(
        Column(name, column.original, column.type) for name, column in zip(names, layer.columns, strict=True)
    )
    return replace(layer, columns=renamed)


def _written(layer: Layer) -> Layer:
    """Keep a layer's rows in an Arrow file, to be looked at more than once."""
    descriptor, name = tempfile.mkstemp(suffix=".arrow")
    os.close(descriptor)
    fields = [pa.field(column.name, column.type) for column in layer.columns]
    if layer.geometry:
        fields.append(pa.field(GEOMETRY_COLUMN, pa.binary()))
    schema = pa.schema(fields)
    with pa.OSFile(name, "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for batch in layer.batches():
            writer.write_batch(pa.record_batch(batch.columns, schema=schema))
    return replace(layer, batches=partial(_stored, name), settle=None)


def _stored(name: str) -> Iterator[pa.RecordBatch]:
    with pa.memory_map(name) as source:
        reader = pa.ipc.open_file(source)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


def _fix_rows(fixes: list[Fix]) -> pa.RecordBatch:
    rows = zip(*((one.row, one.repaired, one.original, one.reason) for one in fixes), strict=True)
    arrays = [pa.array(values, item.type) for values, item in zip(rows, _FIXES, strict=True)]
    return pa.record_batch(arrays, schema=_FIXES)


def _overflow_notes(plan: columns.Layout) -> tuple[str, ...]:
    if not plan.overflow:
        return ()
    first = plan.overflow[0].original
    note = (
        f"{len(plan.overflow):,} columns, from '{first}' on, do not fit into a row of PostgreSQL and share "
        f"the column '{columns.OVERFLOW}': {columns.OVERFLOW} ->> 'name' gives one of them"
    )
    return (note,)
