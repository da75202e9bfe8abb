"""A notebook as HTML, through nbconvert."""

from __future__ import annotations

from typing import Any

from nbconvert.exporters.html import HTMLExporter
from nbformat.notebooknode import from_dict

from divebell.gallery.cleaning import clean
from divebell.gallery.looking import read_notebook
from divebell.gallery.trimming import trimmed

_node: Any = from_dict


def notebook_html(contents: bytes) -> str:
    """Give the inside of a notebook's page: nothing in it runs, nothing is loaded."""
    notebook = read_notebook(contents)
    if isinstance(notebook, str):
        return ""
    make: Any = HTMLExporter
    exporter = make(template_name="basic", sanitize_html=True, exclude_anchor_links=True)
    exporter.register_filter("clean_html", clean)  # nbconvert's own leaves no heading and no paragraph
    body, _ = exporter.from_notebook_node(_node(trimmed(notebook)))
    return str(body)
