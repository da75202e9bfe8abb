"""The commonest values of a column: what a map's categories and their legend are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import sql

from divebell.tiles import sql as layer_sql
from divebell.tiles.layers import Layer
from divebell.tiles.queries import template

COUNTED = 1_000_000
"""Rows of a table up to which every one is counted."""


@dataclass(frozen=True)
class Category:
    """One value, as text, and how many rows have it."""

    value: str
    count: int


@dataclass(frozen=True)
class Categories:
    """A column's commonest values; `other` rows have a value that is not listed, `missing` rows none."""

    column: str
    categories: tuple[Category, ...]
    other: int
    distinct: int
    missing: int
    exact: bool
    """Whether every row was counted; else the counts are of a sample, scaled."""


async def categories(pool: Any, layer: Layer, column: str, *, limit: int) -> Categories:
    """Give the `limit` commonest values of a column."""
    sampled = layer.kind in {"r", "m"} and layer.estimate > COUNTED
    share = COUNTED / layer.estimate if sampled else 1.0
    row = await pool.fetchrow(categories_sql(layer, column, share), limit)
    values, counts = row["values"] or [], [round(count / share) for count in row["counts"] or []]
    return Categories(
        column,
        tuple(Category(value, count) for value, count in zip(values, counts, strict=True)),
        other=round((row["present"] or 0) / share) - sum(counts),
        distinct=row["distinct_values"],
        missing=round((row["missing"] or 0) / share),
        exact=not sampled,
    )


def categories_sql(layer: Layer, column: str, share: float) -> str:
    """Count a column's values; $1: how many to list."""
    take = sql.SQL("TABLESAMPLE BERNOULLI ({})").format(sql.Literal(round(100 * share, 6)))
    return (
        template("categories")
        .format(
            value=layer_sql.words(column),
            t=layer_sql.relation(layer),
            take=take if share < 1 else sql.SQL(""),
            g=layer_sql.geometry(layer),
        )
        .as_string()
    )
