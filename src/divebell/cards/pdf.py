"""Draw cards into a PDF."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

import segno
from fpdf import FPDF
from fpdf.bidi import BidiParagraph
from fpdf.fonts import TTFFont

from divebell.cards.card import Card, Line
from divebell.cards.fonts import Choice, choose, is_joined
from divebell.cards.layout import HEIGHT, SHEET, WIDTH, Paper, corners, cut_marks

REPLACED = "?"
_PADDING, _QR = 5.0, 33.0
_ACROSS, _TEXT = WIDTH - 2 * _PADDING, WIDTH - 3 * _PADDING - _QR + 2
_GREY = 90
_SMALL, _LEAST, _LEADING = 7.0, 5.0, 1.25
_POINT = 0.3528
"""Millimetres of one point."""


@dataclass(frozen=True)
class _Style:
    """How text is set: points, lines at most, millimetres across."""

    size: float
    most: int = 1
    width: float = _TEXT
    grey: bool = False


@dataclass(frozen=True)
class Printed:
    """A PDF, and the characters that no font of this machine has: each was replaced by a question mark."""

    content: bytes
    sheets: int
    missing: tuple[str, ...]
    unjoined: bool
    """Whether there are letters that belong joined, and are not."""


def print_cards(
    cards: Sequence[Card], paper: Paper, made_at: datetime, fonts: Iterable[Path] | None = None
) -> Printed:
    """Draw the cards, as many as fit on a sheet; `fonts` are those of this machine unless given."""
    text = "".join(card.text for card in cards)
    choice = choose(text + REPLACED, fonts)
    sheet = _Sheet(paper, choice, made_at)
    for some in _batches(cards):
        sheet.pdf.add_page()
        sheet.marks()
        for card, (x, y) in zip(some, corners(paper), strict=False):
            sheet.card(card, x, y)
    return Printed(sheet.finished(), sheet.pdf.pages_count, choice.missing, is_joined(text))


def _batches(cards: Sequence[Card]) -> Iterator[Sequence[Card]]:
    return (cards[first : first + SHEET] for first in range(0, len(cards), SHEET))


class _Sheet:
    """An open PDF and its pen."""

    def __init__(self, paper: Paper, choice: Choice, made_at: datetime) -> None:
        self.paper, self._missing = paper, frozenset(choice.missing)
        self.pdf = pdf = FPDF(unit="mm", format=(paper.width, paper.height))
        pdf.set_auto_page_break(auto=False)
        pdf.set_margin(0)
        pdf.c_margin = 0
        pdf.set_creation_date(made_at)
        pdf.set_title("Cards")
        self._family = "helvetica"
        for number, face in enumerate(choice.faces):
            pdf.add_font(f"face{number}", fname=face.file, collection_font_number=face.number)
        if choice.faces:
            self._family = "face0"
            pdf.set_fallback_fonts([f"face{n}" for n in range(1, len(choice.faces))], exact_match=False)

    def finished(self) -> bytes:
        """Give the PDF, and close the fonts, which fpdf2 leaves open."""
        content = bytes(self.pdf.output())
        for font in self.pdf.fonts.values():
            if isinstance(font, TTFFont):
                font.ttfont.close()
        return content

    def marks(self) -> None:
        """Draw where to cut."""
        self.pdf.set_draw_color(_GREY)
        self.pdf.set_line_width(0.15)
        for mark in cut_marks(self.paper):
            self.pdf.line(*mark)

    def card(self, card: Card, x: float, y: float) -> None:
        """Draw one card into its rectangle."""
        left, end = x + _PADDING, y + HEIGHT - _PADDING - 5
        self._square(card.link, x + WIDTH - _PADDING - _QR, end - _QR)
        below = y + _PADDING
        below += self._fitted(card.title, left, below, _Style(13, most=2, width=_ACROSS))
        if card.by:
            below += self._fitted(card.by, left, below, _Style(8, width=_ACROSS, grey=True))
        below = max(below + 1, y + 16)
        for line in card.lines:
            below += self._line(line, left, below)
        room = int((end - below - 0.5) / (_SMALL * _POINT * _LEADING))
        self._fitted(card.advice, left, below + 0.5, _Style(_SMALL, most=room, grey=True))
        self._fitted(card.address, left, end + 0.5, _Style(9, width=_ACROSS))

    def _square(self, link: str, x: float, y: float) -> None:
        """Draw a QR code with the quiet zone that scanners need."""
        image = io.BytesIO()
        segno.make(link, error="m", micro=False).save(image, kind="png", scale=8, border=4)
        self.pdf.image(image, x, y, _QR, _QR)

    def _line(self, line: Line, x: float, y: float) -> float:
        """Draw a label and its value below; give the height."""
        self._fitted(line.label, x, y, _Style(_SMALL, grey=True))
        if line.value is None:
            self.pdf.set_draw_color(_GREY)
            self.pdf.line(x, y + 8.5, x + _TEXT - 2, y + 8.5)
        elif line.exact:
            self.pdf.set_font("courier", "B", 13)
            size = min(13.0, 13.0 * (_TEXT + 1) / self.pdf.get_string_width(line.value))
            self.pdf.set_font("courier", "B", size)
            self._write(line.value, x, y + 3)
        else:
            self._fitted(line.value, x, y + 3, _Style(12))
        return 9.5

    def _fitted(self, text: str, x: float, y: float, style: _Style) -> float:
        """Write text in as many lines as the style allows, smaller where it is long; give its height."""
        text = "".join(REPLACED if character in self._missing else character for character in text)
        size, lines = style.size, self._broken(text, style.width, style.size)
        while len(lines) > style.most and size > _LEAST:
            size -= 0.5
            lines = self._broken(text, style.width, size)
        self.pdf.set_text_color(_GREY if style.grey else 0)
        height = size * _POINT * _LEADING
        for number, line in enumerate(lines[: style.most]):
            self._write(line, x, y + number * height)
        self.pdf.set_text_color(0)
        return height * min(len(lines), style.most)

    def _broken(self, text: str, width: float, size: float) -> list[str]:
        """Break text into lines."""
        self.pdf.set_font(self._family, size=size)
        height = size * _POINT * _LEADING
        lines = self.pdf.multi_cell(width, height, text, align="L", dry_run=True, output="LINES")
        return cast("list[str]", lines)

    def _write(self, text: str, x: float, y: float) -> None:
        """Write one line below `y` in the font that is set."""
        self.pdf.set_xy(x, y)
        shown = BidiParagraph(text).get_reordered_string()  # fpdf2 does so only with a shaping engine
        self.pdf.cell(WIDTH, self.pdf.font_size * _LEADING, shown)
