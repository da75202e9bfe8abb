"""The event's pages: front door, data catalogue, maps, people. Knows no sign-in: it is told who asks."""

from divebell.portal.pages import Portal

__all__ = ["Portal"]
