"""The notebook that volunteers see first, made for what this event has loaded. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

MOST_DRAWN = 20_000
"""Rows that are drawn at most: a drawing is to take seconds on a shared machine."""
_NUMBER = re.compile(r"^(u?int|float|double|decimal|numeric|real|bigint|smallint)", re.IGNORECASE)
_WHOLE = re.compile(r"^(u?int|bigint|smallint)", re.IGNORECASE)
_IDENTIFIER = re.compile(
    r"(^|_)(id|gid|fid|oid|objectid|ogc_fid|geoid\d*|fips|code|zip|year|index|lat|lon|lng|latitude|longitude)(_|$)"
    r"|(id|fips|fp|code|aland|awater)\d*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Column:
    """A column as the catalogue describes it."""

    name: str
    type: str


@dataclass(frozen=True)
class Table:
    """A table of schema `data` as the catalogue describes it; `geometry` None where it has none."""

    name: str
    rows: int
    geometry: str | None
    columns: tuple[Column, ...]


def notebook(event: str, description: str, portal: str, tables: list[Table]) -> dict[str, Any]:
    """Give the welcome notebook (nbformat 4.5) as JSON-able data."""
    cells = [
        _text(f"# {event}\n\n{description}".strip()),
        _text(
            "This notebook is yours: change it, run it, break it. A cell runs with **Shift + Enter**.\n\n"
            "- `data/` holds the event's files, `event/` its whole repository, `my-event/` a copy to change\n"
            "- what you put into `public/` everybody can read\n"
            f"- the event's tables are in PostgreSQL, and [on maps]({portal})\n"
            "- you are signed in to the database already, and have a schema of your own there"
        ),
        _text("## What there is"),
        _code("%sql SELECT table_name, rows, geometry_type, file FROM catalogue.dataset ORDER BY table_name"),
        *_drawing(portal, tables),
        _text(
            "## Your own tables\n\nWhat you write goes to your own schema. `show` puts a GeoDataFrame "
            "there and on a map; `share` lets everybody see it."
        ),
        _code(_OWN_TABLE),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = hashlib.sha256(f"{number} {cell['source']}".encode()).hexdigest()[:8]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def table_to_draw(tables: list[Table]) -> tuple[Table, Column | None] | None:
    """Choose what shows most: areas before lines before points, with a number to colour by, many rows."""
    drawable = [(table, number_to_show(table)) for table in tables if table.geometry and table.rows]
    if not drawable:
        return None
    return max(drawable, key=lambda pair: (pair[1] is not None, _dimension(pair[0]), pair[0].rows))


def number_to_show(table: Table) -> Column | None:
    """Choose a column to colour by: a measure, not an identifier; fractions before whole numbers."""
    numbers = [
        column
        for column in table.columns
        if _NUMBER.match(column.type) and not _IDENTIFIER.search(column.name)
    ]
    return min(numbers, key=lambda column: bool(_WHOLE.match(column.type)), default=None)


def _dimension(table: Table) -> int:
    kind = (table.geometry or "").lower()
    return 3 if "polygon" in kind else 2 if "line" in kind else 1 if "point" in kind else 0


def _drawing(portal: str, tables: list[Table]) -> list[dict[str, Any]]:
    chosen = table_to_draw(tables)
    if chosen is None:
        return [
            _text(
                f"Nothing with a location is loaded yet. [The portal]({portal}) shows when there is; "
                "start your server again then and this notebook will draw it, unless you have changed it."
            )
        ]
    table, column = chosen
    what = f" by `{column.name}`" if column else ""
    return [
        _text(f"## A map\n\n`data.{table.name}`{what}. [Open it large]({portal}maps/data.{table.name})"),
        _code(_draw(table, column)),
        _text("The same on the event's map, to move about in and to send to others as a link:"),
        _code(_on_the_map(table, column)),
    ]


def _draw(table: Table, column: Column | None) -> str:
    columns = f"{_quoted(column.name)}, geom" if column else "geom"
    query = f"SELECT {columns} FROM data.{_quoted(table.name)} WHERE geom IS NOT NULL LIMIT {MOST_DRAWN}"  # noqa: S608
    colour = (
        f'column={column.name!r}, scheme="quantiles", cmap="viridis", legend=True, '
        'missing_kwds={"color": "lightgrey"}'
        if column
        else 'color="steelblue"'
    )
    return f"""\
import divebell
import geopandas

places = geopandas.read_postgis(
    {query!r},
    divebell.engine(),
    geom_col="geom",
)
axes = places.plot(figsize=(11, 7), {colour})
axes.set_axis_off()
axes.set_title({table.name!r});"""


def _on_the_map(table: Table, column: Column | None) -> str:
    color = f", color={column.name!r}" if column else ""
    return f"divebell.map({f'data.{table.name}'!r}{color})"


_OWN_TABLE = """\
# my_table = places.head(100)
# divebell.show(my_table, "my_table")  # a table of yours, on a map that only you see
# divebell.share("my_table")  # now everybody does"""


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def _code(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
