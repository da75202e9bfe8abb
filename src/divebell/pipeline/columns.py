"""Which PostgreSQL type each column gets: every row fits on a page, every value stays what it was. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from divebell.readers import Column

PAGE_BYTES = 8160
"""The longest row PostgreSQL stores (MaxHeapTupleSize of its 8 KB pages)."""
_SPARE = 64
MOST_COLUMNS = 1590
"""PostgreSQL's limit is 1,600; the key, the geometry and the overflow need room."""
_INLINE = 24
"""Bytes a long value keeps in its row at most: PostgreSQL moves it out (TOAST) and leaves a pointer."""
OVERFLOW = "other_columns"
"""The jsonb column that holds what no longer fits."""

Batches = Sequence[pa.RecordBatch]


@dataclass(frozen=True)
class Target:
    """One column of the table: its PostgreSQL type and the Arrow type that is sent for it."""

    column: Column
    sql: str
    arrow: pa.DataType


@dataclass(frozen=True)
class Layout:
    """A table's attributes; those in `overflow` share one jsonb column."""

    targets: tuple[Target, ...]
    overflow: tuple[Column, ...] = ()


def fits(columns: Sequence[Column]) -> bool:
    """Tell whether a row of these columns has its place whatever it holds: the layout is then natural."""
    return len(columns) <= MOST_COLUMNS and _worst(tuple(map(target, columns))) <= PAGE_BYTES - _SPARE


def layout(columns: Sequence[Column], batches: Callable[[], Iterable[pa.RecordBatch]]) -> Layout:
    """Choose types: natural ones, and only where a row would not fit narrower ones that hold the same values.

    What does not fit even then goes into one jsonb column, the last columns first.
    """
    natural = tuple(map(target, columns))
    if fits(columns):
        return Layout(natural)
    held = list(batches())  # the Arrow file mapped into memory: no copy
    return _measured(natural, columns, held)


def _measured(natural: tuple[Target, ...], columns: Sequence[Column], batches: Batches) -> Layout:
    if len(columns) <= MOST_COLUMNS and _longest(natural, batches) <= PAGE_BYTES - _SPARE:
        return Layout(natural)
    narrow = tuple(_narrow(one, number, batches) for number, one in enumerate(natural))
    fitting = _fitting(narrow, batches)
    return Layout(narrow[:fitting], tuple(columns[fitting:]))


def target(column: Column) -> Target:
    """Give a column its natural PostgreSQL type."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        sql = "timestamptz" if kind.tz else "timestamp"
        return Target(column, sql, pa.timestamp("us", kind.tz))
    for matches, sql, arrow in _NATURAL:
        if matches(kind):
            return Target(column, sql, arrow or kind)
    return Target(column, "text", pa.string())


def overflow_json(batch: pa.RecordBatch, first: int, columns: Sequence[Column]) -> pa.Array:
    """Put the columns from number `first` on into one JSON object a row, by their original headers."""
    names = [column.name for column in columns]
    values = [batch.column(first + number).to_pylist() for number in range(len(columns))]
    rows = zip(*values, strict=True)
    return pa.array(
        [json.dumps(dict(zip(names, map(_plain, row), strict=True)), default=str) for row in rows],
        pa.string(),
    )


_NATURAL: tuple[tuple[Callable[[pa.DataType], bool], str, pa.DataType | None], ...] = (
    (pa.types.is_string, "text", None),
    (pa.types.is_boolean, "boolean", None),
    (pa.types.is_integer, "bigint", pa.int64()),
    (pa.types.is_floating, "double precision", pa.float64()),
    (pa.types.is_decimal, "numeric", None),
    (pa.types.is_date, "date", pa.date32()),
)

_FIXED = {
    "boolean": 1,
    "smallint": 2,
    "integer": 4,
    "real": 4,
    "date": 4,
    "bigint": 8,
    "double precision": 8,
    "timestamp": 8,
    "timestamptz": 8,
}


def _header(columns: int) -> int:
    """Bytes before the first value: the row's header, its null bitmap, the key, room for a geometry."""
    return math.ceil((23 + math.ceil((columns + 3) / 8)) / 8) * 8 + 8 + _INLINE


def _worst(targets: Sequence[Target]) -> int:
    sizes = [8 if _FIXED.get(one.sql, _INLINE) <= 8 else _INLINE for one in targets]
    return _header(len(targets)) + sum(sizes)


def _longest(targets: Sequence[Target], batches: Batches) -> int:
    return max((int(_ends(batch, targets)[-1].max()) for batch in batches if batch.num_rows), default=0)


def _fitting(targets: Sequence[Target], batches: Batches) -> int:
    """Count the columns, from the first on, that every row has room for beside an overflow column."""
    most = min(len(targets), MOST_COLUMNS)
    room = PAGE_BYTES - _SPARE - _INLINE
    for batch in batches:
        if batch.num_rows:
            fits = np.array([end.max() <= room for end in _ends(batch, targets)[1:]])
            most = min(most, len(fits) if fits.all() else int(np.argmin(fits)))
    return most


def _ends(batch: pa.RecordBatch, targets: Sequence[Target]) -> list[np.ndarray[Any, Any]]:
    """Where each row's data ends after each column, as PostgreSQL lays them out."""
    ends = [np.full(batch.num_rows, _header(len(targets)), dtype=np.int64)]
    for number, one in enumerate(targets):
        array = batch.column(number)
        valid = np.asarray(array.is_valid())
        here = ends[-1]
        size = _FIXED.get(one.sql)
        after = here + _varying(array) if size is None else -(-here // size) * size + size
        ends.append(np.where(valid, after, here))
    return ends


def _varying(array: pa.Array) -> np.ndarray[Any, Any]:
    text = array if pa.types.is_string(array.type) else array.cast(pa.string())
    lengths = np.asarray(pc.binary_length(text).fill_null(0), dtype=np.int64)
    spare = 1 if pa.types.is_string(array.type) else 8
    return np.minimum(lengths + spare, _INLINE)


def _narrow(one: Target, number: int, batches: Batches) -> Target:
    if one.sql not in {"bigint", "double precision"}:
        return one
    choices = _INTEGERS if one.sql == "bigint" else (*_INTEGERS[:2], ("real", pa.float32()))
    for sql, arrow in choices:
        if all(_holds(batch.column(number), arrow) for batch in batches):
            return Target(one.column, sql, arrow)
    return one


def _holds(array: pa.Array, arrow: pa.DataType) -> bool:
    """Tell whether every value comes back unchanged from the narrower type."""
    values = array.drop_null()
    if pa.types.is_floating(array.type):
        numbers = np.asarray(values)
        if arrow == pa.float32():
            with np.errstate(over="ignore", under="ignore"):
                return bool(
                    np.array_equal(numbers.astype(np.float32).astype(np.float64), numbers, equal_nan=True)
                )
        if np.any(np.signbit(numbers) & (numbers == 0)):
            return False
    try:
        values.cast(arrow, safe=True)
    except pa.ArrowInvalid:
        return False
    return True


_INTEGERS: tuple[tuple[str, pa.DataType], ...] = (
    ("smallint", pa.int16()),
    ("integer", pa.int32()),
    ("bigint", pa.int64()),
)


def _plain(value: object) -> object:
    """Keep what JSON has no number for as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value.replace("\0", "") if isinstance(value, str) else value
