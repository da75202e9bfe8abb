"""The event's repository at an address of its own, for people who know git."""

from divebell.remote.routes import Remote

__all__ = ["Remote"]
