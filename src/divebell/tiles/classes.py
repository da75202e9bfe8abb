"""Class breaks of a numeric column, by mapclassify: what a map's colours and legend are made of."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from psycopg import sql

from divebell.tiles import sql as layer_sql
from divebell.tiles.layers import Layer

SAMPLE = 100_000
"""Values that breaks are computed from; the legend's counts are always of all rows."""
OPTIMAL_SAMPLE = 300
"""Natural breaks are optimal but cost the square of this many evenly spaced order statistics (0.2 s)."""
MIN_CLASSES, MAX_CLASSES = 2, 9


class Scheme(StrEnum):
    """How a column's range is cut into classes."""

    QUANTILES = "quantiles"
    NATURAL = "natural"
    EQUAL = "equal"
    DIVERGING = "diverging"


@dataclass(frozen=True)
class Class:
    """Values above `lower`, up to and including `upper`; the first class includes its `lower`."""

    lower: float
    upper: float
    count: int


@dataclass(frozen=True)
class Breaks:
    """A column cut into classes."""

    column: str
    scheme: Scheme
    classes: tuple[Class, ...]
    missing: int
    """Rows without a finite number."""
    discrete: bool = False
    """Whether every class is one value."""
    crosses_zero: bool = False
    """Whether there are values on both sides of zero."""
    zero: int | None = None
    """How many classes lie below zero, where zero is a bound."""


async def breaks(pool: Any, layer: Layer, column: str, *, scheme: Scheme, k: int) -> Breaks:
    """Cut a numeric column of a layer into at most `k` classes and count the rows of each."""
    rows, present, low, high = await pool.fetchrow(_range_sql(layer, column))
    if not present:
        return Breaks(column, scheme, (), missing=rows)
    share = min(1.0, SAMPLE / present)
    values = [row[0] for row in await pool.fetch(_values_sql(layer, column), share)]
    uppers = await asyncio.to_thread(upper_bounds, [low, *values, high], scheme=scheme, k=k)
    uppers[-1] = max(high, uppers[-1])
    below = await pool.fetchrow(_counts_sql(layer, column, len(uppers)), *uppers[:-1])
    counts = np.diff([0, *below[:-1], present]).tolist()
    lowers = [low, *uppers[:-1]]
    classes = tuple(Class(a, b, n) for a, b, n in zip(lowers, uppers, counts, strict=True))
    return Breaks(
        column,
        scheme,
        classes,
        missing=rows - present,
        discrete=len({low, *values, high}) <= k,
        crosses_zero=low < 0 < high,
        zero=uppers.index(0.0) + 1 if 0.0 in uppers and scheme is Scheme.DIVERGING else None,
    )


_one_at_a_time = threading.Lock()  # warnings are switched off for the whole process


def upper_bounds(values: Sequence[float], *, scheme: Scheme, k: int) -> list[float]:
    """Give the upper bounds, rising, of at most `k` classes; few distinct values become a class each."""
    ordered = np.sort(np.asarray(values, dtype=float))
    distinct = np.unique(ordered)
    if len(distinct) <= k:
        return [float(value) for value in distinct]
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ties, and numba's absence, are dealt with here
        bins = _classify(ordered, scheme, k)
    return [float(value) for value in np.unique(bins)]


def warm_up() -> None:
    """Import what takes seconds, before the first person waits for it."""
    import mapclassify  # noqa: F401, PLC0415


def _classify(ordered: np.ndarray[Any, Any], scheme: Scheme, k: int) -> Any:
    import mapclassify  # noqa: PLC0415 - see warm_up

    match scheme:
        case Scheme.QUANTILES:
            return mapclassify.Quantiles(ordered, k=k).bins
        case Scheme.EQUAL:
            return mapclassify.EqualInterval(ordered, k=k).bins
        case Scheme.DIVERGING:
            return _around_zero(ordered, k)
        case Scheme.NATURAL:
            places = np.unique(np.linspace(0, len(ordered) - 1, OPTIMAL_SAMPLE).astype(int))
            few = ordered[places]
            if len(np.unique(few)) <= k:
                few = np.unique(ordered)[:: max(1, len(np.unique(ordered)) // OPTIMAL_SAMPLE)]
            return mapclassify.FisherJenks(few, k=k).bins


def _around_zero(ordered: np.ndarray[Any, Any], k: int) -> Any:
    """Cut equally wide on both sides of zero, as far as 98 % of the values on the longer side."""
    half = max(1, k // 2)
    farthest = float(np.abs(np.quantile(ordered, [0.02, 0.98])).max()) or float(np.abs(ordered).max())
    return np.array([farthest * step / half for step in range(1 - half, half + 1)])


def _range_sql(layer: Layer, column: str) -> str:
    query = sql.SQL("SELECT count(*), count(v), min(v), max(v) FROM {}")
    return query.format(_source(layer, column)).as_string()


def _values_sql(layer: Layer, column: str) -> str:
    query = sql.SQL("SELECT v FROM {} WHERE v IS NOT NULL AND ($1::float8 >= 1 OR random() < $1::float8)")
    return query.format(_source(layer, column)).as_string()


def _counts_sql(layer: Layer, column: str, classes: int) -> str:
    """Count the rows up to each bound but the last ($1, $2, ...), then all of them."""
    counts = [sql.SQL(f"count(*) FILTER (WHERE v <= ${i}::float8)") for i in range(1, classes)]
    chosen = sql.SQL("SELECT ") + sql.SQL(", ").join([*counts, sql.SQL("count(v)")])
    return (chosen + sql.SQL(" FROM ") + _source(layer, column)).as_string()


def _source(layer: Layer, column: str) -> sql.Composable:
    return sql.SQL("(SELECT {v} AS v FROM {t} t WHERE {g} IS NOT NULL) n").format(
        v=layer_sql.number(column), t=layer_sql.relation(layer), g=layer_sql.geometry(layer)
    )
