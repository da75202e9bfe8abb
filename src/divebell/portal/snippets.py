"""Lines a volunteer copies into a notebook to read a table."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


def sql_name(schema: str, table: str) -> str:
    """Give a relation's name as SQL wants it: quoted only where it must be."""
    return f"{_quoted(schema)}.{_quoted(table)}"


def snippets(schema: str, table: str, geometry: str | None) -> list[tuple[str, str]]:
    """Give (where it goes, what to paste)."""
    query = f"SELECT * FROM {sql_name(schema, table)}"  # noqa: S608 - shown to people, not run
    if geometry is None:
        python = (
            f"import divebell, pandas\n\ntable = pandas.read_sql({query!r}, divebell.engine())\ntable.head()"
        )
    else:
        column = "" if geometry == "geom" else f", geom_col={geometry!r}"
        python = (
            "import divebell, geopandas\n\n"
            f"table = geopandas.read_postgis({query!r}, divebell.engine(){column})\ntable.plot()"
        )
    return [("Python", python), ("SQL cell", f"%%sql\n{query} LIMIT 10")]


def _quoted(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'
