"""Find a place among a layer's own rows, by what its name columns say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from divebell.tiles import sql as layer_sql
from divebell.tiles.boxes import Box
from divebell.tiles.frames import Frame, degrees
from divebell.tiles.layers import Field, Layer
from divebell.tiles.queries import template

LOOKED_AT = 1_000_000
"""Values that are looked at, about a second's worth; of a larger table only the first rows."""
MOST_COLUMNS = 4
LONGEST, MOST_RESULTS = 80, 20
_TEXT = frozenset({"text", "character varying", "character", "name", "citext"})
_LABEL = re.compile(
    r"(^|_|\b)(full_?name|name|nam|label|title|place|city|town|county|district|region|village|address|street)|name$",
    re.IGNORECASE,
)
_CODE = re.compile(r"(^|_)(geoid|fips|code|id|iso|zip|postcode)\w*$", re.IGNORECASE)


@dataclass(frozen=True)
class Result:
    """One row that was found."""

    id: int
    label: str
    column: str
    point: tuple[float, float] | None
    bounds: Box | None


@dataclass(frozen=True)
class Found:
    """What was found for `q`; `complete` where every row was looked at."""

    q: str
    complete: bool
    results: tuple[Result, ...]


def name_columns(layer: Layer) -> tuple[str, ...]:
    """Give the columns that name a layer's rows, the best label first."""
    texts = [field for field in layer.fields if field.type in _TEXT]
    labels = [field for field in texts if _LABEL.search(field.name)]
    chosen = sorted(labels, key=_rank) or [field for field in texts if not _CODE.search(field.name)]
    return tuple(field.name for field in chosen[:MOST_COLUMNS])


def _rank(field: Field) -> tuple[bool, bool, int]:
    name = field.name.lower()
    return name != "name", "name" not in name, len(name)


async def search(pool: Any, layer: Layer, frame: Frame, q: str, *, limit: int) -> Found:
    """Give up to `limit` rows whose name columns hold `q`, those that begin with it first."""
    columns = name_columns(layer)
    if not columns or not layer.findable:
        return Found(q, complete=True, results=())
    rows = await pool.fetch(search_sql(layer, frame), pattern(q), q, limit, LOOKED_AT // len(columns))
    results = []
    for row in rows:
        bounds = await in_degrees(pool, frame, row["bounds"])
        point = ((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2) if bounds else None
        results.append(Result(row["id"], row["label"], columns[row["place"] - 1], point, bounds))
    complete = max(layer.estimate, frame.rows) <= LOOKED_AT // len(columns)
    return Found(q, complete, tuple(results))


def pattern(q: str) -> str:
    """Give the pattern of LIKE for texts that hold `q`."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", q) + "%"


async def in_degrees(pool: Any, frame: Frame, sides: list[float] | None) -> Box | None:
    """Give a row's box as longitudes and latitudes; None where it cannot be placed."""
    if sides is None or any(side is None or abs(side) > 1e9 for side in sides):
        return None
    return await degrees(pool, frame, (sides[0], sides[1], sides[2], sides[3]))


def search_sql(layer: Layer, frame: Frame) -> str:
    """Find rows by their names. $1: pattern, $2: text, $3: how many, $4: how many rows to look at."""
    columns = [
        sql.SQL("n{}").format(sql.SQL(str(number))) for number in range(1, len(name_columns(layer)) + 1)
    ]
    named = [
        sql.SQL("{} AS {}").format(layer_sql.words(name), column)
        for name, column in zip(name_columns(layer), columns, strict=True)
    ]
    first = [
        sql.SQL("WHEN {} ILIKE $1::text THEN {}").format(column, sql.Literal(number))
        for number, column in enumerate(columns, 1)
    ]
    return (
        template("search")
        .format(
            id=layer_sql.row_id(layer),
            named=sql.SQL(", ").join(named),
            columns=sql.SQL(", ").join(columns),
            first=sql.SQL(" ").join(first),
            bounds=layer_sql.bounds(layer, frame),
            g=layer_sql.geometry(layer),
            t=layer_sql.relation(layer),
        )
        .as_string()
    )
