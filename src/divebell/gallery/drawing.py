"""Make a page out of a file: runs in a process of its own, held to little memory and time."""

from __future__ import annotations

import csv
import io
import itertools
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

from divebell.gallery.rules import Kind, kind_of, suffix

LARGEST_PAGE = 16_000_000
LONGEST_TEXT = 200_000
MOST_ROWS, MOST_COLUMNS, LONGEST_VALUE = 200, 50, 200
_MARKDOWN = frozenset({".md", ".markdown"})
_TABLES = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True)
class Drawn:
    """A page, or why there is none."""

    page: str | None
    reason: str | None = None


def draw(path: str, contents: bytes) -> Drawn:
    """Make the page of a file."""
    try:
        body = _body(path, contents)
    except Exception:  # noqa: BLE001 - a stranger's file can break a library in any way
        return Drawn(None, "It cannot be shown here.")
    if body is None:
        return Drawn(None, "Files of this kind are not shown here.")
    body = _storable(body)
    if len(body) > LARGEST_PAGE:
        return Drawn(None, "It is too large to be shown here.")
    return Drawn(_document(body))


def _storable(text: str) -> str:
    """Give a text as the database can hold it: outputs of notebooks hold zeros, and halves of letters."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def _body(path: str, contents: bytes) -> str | None:
    if kind_of(path) is Kind.NOTEBOOK:
        from divebell.gallery.notebook import notebook_html  # noqa: PLC0415 - loaded in this process alone

        return notebook_html(contents)
    text = _text(contents)
    if text is None:
        return None
    if suffix(path) in _MARKDOWN:
        return _markdown(text[:LONGEST_TEXT]) + _rest(len(text) - LONGEST_TEXT)
    if suffix(path) in _TABLES:
        return _table(text, _TABLES[suffix(path)])
    return _code(path, text[:LONGEST_TEXT]) + _rest(len(text) - LONGEST_TEXT)


def _text(contents: bytes) -> str | None:
    try:
        text = contents.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _markdown(text: str) -> str:
    from nbconvert.filters.markdown_mistune import markdown2html_mistune  # noqa: PLC0415

    from divebell.gallery.cleaning import clean  # noqa: PLC0415

    return f'<div class="prose">{clean(markdown2html_mistune(text))}</div>'


def _code(path: str, text: str) -> str:
    from pygments import highlight  # noqa: PLC0415
    from pygments.formatters import HtmlFormatter  # noqa: PLC0415
    from pygments.lexers import TextLexer, get_lexer_for_filename  # noqa: PLC0415
    from pygments.util import ClassNotFound  # noqa: PLC0415

    try:
        lexer: Any = get_lexer_for_filename(path)
    except ClassNotFound:
        lexer = TextLexer()
    return str(highlight(text, lexer, HtmlFormatter()))


def _table(text: str, comma: str) -> str:
    csv.field_size_limit(len(text) + 1)
    rows = list(itertools.islice(csv.reader(io.StringIO(text, newline=""), delimiter=comma), MOST_ROWS + 2))
    cells = [[f"{one[:LONGEST_VALUE]}…" if len(one) > LONGEST_VALUE else one for one in row] for row in rows]
    head, body = cells[:1], cells[1 : MOST_ROWS + 1]
    lines = [_row(row, "th") for row in head] + [_row(row, "td") for row in body]
    more = f'<p class="more">The first {MOST_ROWS} rows.</p>' if len(rows) > MOST_ROWS + 1 else ""
    return f'<div class="output"><table>{"".join(lines)}</table></div>{more}'


def _row(row: list[str], tag: str) -> str:
    shown = "".join(f"<{tag}>{escape(one)}</{tag}>" for one in row[:MOST_COLUMNS])
    return f"<tr>{shown}{f'<{tag}>…</{tag}>' if len(row) > MOST_COLUMNS else ''}</tr>"


def _rest(more: int) -> str:
    return f'<p class="more">{more:,} more characters: download it.</p>' if more > 0 else ""


def _document(body: str) -> str:
    from pygments.formatters import HtmlFormatter  # noqa: PLC0415

    style = (files("divebell.gallery") / "frame.css").read_text() + HtmlFormatter().get_style_defs(
        ".highlight"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><base target="_blank">'
        f"<title>Shared work</title><style>{style}</style></head><body>{body}</body></html>"
    )
