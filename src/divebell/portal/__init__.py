"""The event's pages: front door, data catalogue, maps, people. Knows no sign-in: it is told who asks."""

from divebell.portal.catalogue import Catalogue
from divebell.portal.pages import Portal
from divebell.portal.people import People, PeoplePages
from divebell.portal.policy import policy
from divebell.portal.tokens import TokenPages, Tokens

__all__ = ["Catalogue", "People", "PeoplePages", "Portal", "TokenPages", "Tokens", "policy"]
