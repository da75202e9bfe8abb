"""Look at a file before it is shared: runs in a process of its own, for the file can be anything."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from divebell.gallery.rules import LONGEST_TITLE, Kind, kind_of, one_line, title_of
from divebell.workspace.leaks import Leak, leaks

_HEADING = re.compile(r"^#\s+(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Looked:
    """What was found: why it cannot be shared if it cannot, and what it might be called."""

    title: str
    reason: str | None = None
    next_step: str = ""


def look(path: str, contents: bytes, known: Mapping[str, str]) -> Looked:
    """Look at a file; `known` maps secrets to what they are."""
    title = title_of(path)
    if kind_of(path) is Kind.NOTEBOOK:
        notebook = read_notebook(contents)
        if isinstance(notebook, str):
            return Looked(title, notebook, "open it in JupyterLab, save it, and share it again")
        title = _first_heading(notebook) or title
    if found := leaks(path, contents, known):
        return Looked(title, _said(found), "take it out, save, and share again; change what is out already")
    return Looked(title)


def read_notebook(contents: bytes) -> dict[str, Any] | str:
    """Give a notebook; where it is none, say why."""
    try:
        notebook = json.loads(contents)
    except (ValueError, RecursionError):
        return "this notebook is broken: it is not readable as JSON"
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        return "this is no notebook of a present format (nbformat 4)"
    if not any(_source(cell).strip() for cell in cells):
        return "this notebook is empty"
    return dict(notebook)


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _first_heading(notebook: dict[str, Any]) -> str:
    return next(_headings(notebook["cells"]), "")


def _headings(cells: list[dict[str, Any]]) -> Iterator[str]:
    for cell in cells:
        match = _HEADING.search(_source(cell)) if cell.get("cell_type") == "markdown" else None
        if match and (title := one_line(match[1].strip("# *_`"), LONGEST_TITLE)):
            yield title


def _said(found: list[Leak]) -> str:
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return "it seems to hold what nobody else should read: " + "; ".join(map(str, found[:3])) + more
