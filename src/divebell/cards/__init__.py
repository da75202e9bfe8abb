"""Cards for the people of an event, as a PDF to print and cut: where to go, and what to type there."""

from divebell.cards.card import Card, Line
from divebell.cards.layout import PAPERS
from divebell.cards.pdf import Printed, print_cards

__all__ = ["PAPERS", "Card", "Line", "Printed", "print_cards"]
