"""A table on its map, in the notebook: the event's own page in a frame, and the link to it."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from html import escape
from urllib.parse import quote, urlencode, urlsplit

import psycopg

from divebell.errors import DivebellError
from divebell.workspace.addresses import to_slug
from divebell.workspace.engine import own_schema

PORTAL_VARIABLE = "DIVEBELL_URL"
SCHEMES = ("quantiles", "natural", "equal", "diverging")
MOST_CLASSES = 9
HEIGHT = 480
"""Pixels of a map within a notebook."""


@dataclass(frozen=True)
class Link:
    """Where a table is shown: a link in a notebook, with the map below it where it is `framed`."""

    table: str
    url: str
    text: str
    framed: bool = False

    def __str__(self) -> str:
        return f"{self.text}: {self.url}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        link = f'<a href="{escape(self.url)}" target="_blank" rel="noopener">{escape(self.text)}</a>'
        return f"{link}<br>{self._frame()}" if self.framed else link

    def _frame(self) -> str:
        # Without the host: the notebook is open under the name that its reader's browser knows the event by.
        parts = urlsplit(self.url)
        fragment = f"#{parts.fragment}" if parts.fragment else ""
        source = escape(f"{parts.path}?embed=1{fragment}")
        title = escape(f"Map of {self.table}")
        return (
            f'<iframe src="{source}" title="{title}" width="100%" height="{HEIGHT}" '
            'style="border: 1px solid #8886; box-sizing: border-box" '
            'allow="fullscreen; clipboard-write"></iframe>'
        )


@dataclass(frozen=True)
class Style:
    """How a map is drawn; what is None the map decides."""

    color: str | None = None
    size: str | None = None
    scheme: str | None = None
    classes: int | None = None

    def fragment(self) -> str:
        """Give the part of the map's address that says so. Raises DivebellError for what no map can do."""
        if self.scheme is not None and self.scheme not in SCHEMES:
            raise DivebellError(
                f"there is no scheme '{self.scheme}'", next_step=f"one of {', '.join(SCHEMES)}"
            )
        if self.classes is not None and not 2 <= self.classes <= MOST_CLASSES:
            raise DivebellError(f"a map has no {self.classes} classes", next_step=f"2 to {MOST_CLASSES}")
        said = {"column": self.color, "scheme": self.scheme, "k": self.classes, "size": self.size}
        given = {name: value for name, value in said.items() if value is not None}
        return urlencode(given, quote_via=quote)


def map(  # noqa: A001 - `divebell.map("counties")` reads as it is meant
    table: str,
    color: str | None = None,
    *,
    size: str | None = None,
    scheme: str | None = None,
    classes: int | None = None,
) -> Link:
    """Show a table of the event, of yours, or a shared one, on its map, here in the notebook.

    A bare name is a table of yours if there is one, else one of the event's. `color` names the column to
    colour by, `size` a numeric one for the size of points; `scheme` is "quantiles", "natural", "equal" or
    "diverging". The link is `.url`. Raises DivebellError where there is no such table or column.
    """
    style = Style(color, size, scheme, classes)
    with psycopg.connect("") as connection:
        schema, name = _found(connection, table)
        _check_columns(connection, schema, name, [one for one in (color, size) if one is not None])
    return framed(schema, name, style)


def framed(schema: str, name: str, style: Style) -> Link:
    """Give the map of a table, to be shown in the notebook."""
    return Link(f"{schema}.{name}", map_url(schema, name, style), f"{schema}.{name}", framed=True)


def map_url(schema: str, name: str, style: Style | None = None) -> str:
    """Give the address of a table's map."""
    fragment = style.fragment() if style else ""
    page = f"{portal()}maps/{quote(to_slug(schema, name), safe='.~')}"
    return f"{page}#{fragment}" if fragment else page


def portal() -> str:
    """Give the address of the event's pages."""
    return os.environ.get(PORTAL_VARIABLE, "/services/event/")


def _found(connection: psycopg.Connection, table: str) -> tuple[str, str]:
    found = connection.execute(
        "SELECT nspname, relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE relkind IN ('r', 'v', 'm', 'p') AND (nspname || '.' || relname = %(table)s"
        " OR (relname = %(table)s AND nspname IN (%(own)s, 'data')))"
        " ORDER BY nspname = %(own)s DESC LIMIT 1",
        {"table": table, "own": own_schema()},
    ).fetchone()
    if found is None:
        raise DivebellError(
            f"there is no table '{table}'", next_step="\\dt data.* in psql lists the event's tables"
        )
    return found[0], found[1]


def _check_columns(connection: psycopg.Connection, schema: str, name: str, wanted: list[str]) -> None:
    known = [
        row[0]
        for row in connection.execute(
            "SELECT attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
            " JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE nspname = %s AND relname = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            [schema, name],
        )
    ]
    for column in wanted:
        if column not in known:
            near = difflib.get_close_matches(column, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"its columns: {', '.join(known[:30])}"
            raise DivebellError(f"{schema}.{name} has no column '{column}'", next_step=hint)
