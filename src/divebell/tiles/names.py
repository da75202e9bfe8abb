"""How a table is named in an address; notebooks name it the same way."""

from divebell.workspace.addresses import from_slug, to_slug

__all__ = ["from_slug", "to_slug"]
