"""divebell runs a data event from one file. In a notebook: ``divebell.engine()``, ``divebell.share("t")``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from divebell._version import __version__

if TYPE_CHECKING:
    from divebell.workspace import engine, map, share, unshare  # noqa: A004

__all__ = ["__version__", "engine", "map", "share", "unshare"]


def __getattr__(name: str) -> Any:
    """Load what notebooks use only when they use it."""
    if name in __all__:
        return getattr(importlib.import_module("divebell.workspace"), name)
    raise AttributeError(f"module 'divebell' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
