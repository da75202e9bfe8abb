"""What a volunteer uses in a notebook, and what makes the notebook ready."""

from divebell.workspace.engine import engine
from divebell.workspace.share import map, share, unshare  # noqa: A004

__all__ = ["engine", "map", "share", "unshare"]
