"""A sheet of cards as a printer makes it, and as a phone sees it."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime

import pytest

from divebell.cards import PAPERS, Card, Line, print_cards
from divebell.cards.layout import SHEET, WIDTH, corners, cut_marks

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def card(number=0, title="Housing <loss> DataDive"):
    lines = (Line("Your name", f"ana_{number}"), Line("Code", f"K3F-KX7P-3MQ{number % 10}", exact=True))
    link = f"https://dive.example.org/hub/invitation?key=0123456789abcdefABCD_{number}"
    return Card(title, lines, "https://dive.example.org/", link, "Scan the square, or type name and code.")


def seen(printed, folder):
    """Print, and read with a camera and with eyes: the codes' links, and the text."""
    file = folder / "cards.pdf"
    file.write_bytes(printed.content)
    subprocess.run(["pdftoppm", "-r", "150", "-png", file, folder / "sheet"], check=True, timeout=60)
    words = ["zbarimg", "--quiet", "--raw", *sorted(folder.glob("sheet*.png"))]
    links = subprocess.run(words, check=True, timeout=60, capture_output=True, text=True).stdout.split()
    text = ["pdftotext", "-layout", file, "-"]
    return links, subprocess.run(text, check=True, timeout=60, capture_output=True, text=True).stdout


@pytest.mark.parametrize("paper", PAPERS.values(), ids=PAPERS)
def test_a_phone_reads_every_card_of_every_sheet(tmp_path, paper):
    cards = [card(number) for number in range(SHEET + 1)]
    printed = print_cards(cards, paper, NOW)
    links, text = seen(printed, tmp_path)
    assert sorted(links) == sorted(each.link for each in cards)
    assert (printed.sheets, printed.missing) == (2, ())
    assert text.count("Housing <loss> DataDive") == len(cards)
    assert all(f"ana_{number}" in text for number in range(len(cards)))
    assert all(f"K3F-KX7P-3MQ{number}" in text for number in range(len(cards)))


@pytest.mark.parametrize("paper", PAPERS.values(), ids=PAPERS)
def test_cards_lie_side_by_side_and_marks_are_never_on_one(paper):
    places = list(corners(paper))
    assert len(places) == SHEET
    assert places[1][0] - places[0][0] == WIDTH
    right, bottom = paper.width - paper.left, paper.height - paper.top
    for x1, y1, x2, y2 in cut_marks(paper):
        assert min(x1, y1) > 0
        outside = max(x1, x2) < paper.left or min(x1, x2) > right
        assert outside or max(y1, y2) < paper.top or min(y1, y2) > bottom


def test_a_name_in_several_scripts_is_printed_as_it_is_written(tmp_path):
    printed = print_cards([card(title="Données, Дані, Δεδομένα – Żółw")], PAPERS["a4"], NOW)
    _, text = seen(printed, tmp_path)
    assert "Données, Дані, Δεδομένα – Żółw" in text
    assert printed.missing == ()


def test_what_no_font_has_is_replaced_and_said(tmp_path):
    printed = print_cards([card(title="Дані \U000f1234 2026")], PAPERS["a4"], NOW)
    assert printed.missing == ("\U000f1234",)
    assert "Дані ? 2026" in seen(printed, tmp_path)[1]


def test_without_any_font_the_built_in_one_is_used_and_said(tmp_path):
    printed = print_cards([card(title="Données, Дані")], PAPERS["letter"], NOW, fonts=())
    assert printed.missing == tuple(sorted(set("Дані")))
    assert "Données, ????" in seen(printed, tmp_path)[1]


def test_a_broken_font_file_is_passed_over(tmp_path):
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"\0\1\0\0 not a font")
    assert print_cards([card()], PAPERS["a4"], NOW, fonts=(broken,)).missing == ()


def test_a_long_name_is_set_smaller_and_stays_on_its_card(tmp_path):
    title = "Where do people lose their homes, and who of them could have stayed? A weekend with data for everyone"
    room = (
        Line("Password", "bidofu-gakemi-tavuzo", exact=True),
        Line("Your name here"),
        Line("Your return code"),
    )
    cards = [
        Card(title[:100], room, "https://dive.example.org/", "https://dive.example.org/", "Note it. " * 12)
    ]
    links, text = seen(print_cards(cards, PAPERS["a4"], NOW), tmp_path)
    assert links == ["https://dive.example.org/"]
    assert "data for everyone"[:8] in text
    assert "bidofu-gakemi-tavuzo" in text


def test_what_opens_the_event_is_not_in_a_cards_repr():
    assert "K3F" not in repr(card())
    assert "key=" not in repr(card())


def test_what_is_read_from_the_right_is_drawn_from_the_right(tmp_path):
    file = tmp_path / "cards.pdf"
    file.write_bytes(print_cards([card(title="יום נתונים 2026")], PAPERS["a4"], NOW).content)
    boxes = subprocess.run(
        ["pdftotext", "-bbox", file, "-"], check=True, capture_output=True, text=True
    ).stdout
    found = re.findall(r'<word xMin="([\d.]+)"[^>]*>([^<]+)</word>', boxes)
    where = {"".join(sorted(word)): float(x) for x, word in found}  # whichever way a word is told
    first, second, third = ("".join(sorted(word)) for word in ("יום", "נתונים", "2026"))
    assert where[third] < where[second] < where[first]


@pytest.mark.parametrize(
    ("title", "unjoined"), [("يوم البيانات", True), ("יום נתונים", False), ("Дані", False)]
)
def test_letters_that_belong_joined_are_said(title, unjoined):
    assert print_cards([card(title=title)], PAPERS["a4"], NOW).unjoined is unjoined
