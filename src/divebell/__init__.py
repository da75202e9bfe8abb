"""divebell runs a data event from one file. In a notebook: ``divebell.engine()``, ``divebell.map("t")``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from divebell._version import __version__

if TYPE_CHECKING:
    from divebell.workspace.engine import engine
    from divebell.workspace.maps import map  # noqa: A004
    from divebell.workspace.publish import publish, unpublish
    from divebell.workspace.share import share, unshare
    from divebell.workspace.showing import show
    from divebell.workspace.token import revoke_token, token, tokens

__all__ = [
    "__version__",
    "engine",
    "map",
    "publish",
    "revoke_token",
    "share",
    "show",
    "token",
    "tokens",
    "unpublish",
    "unshare",
]

_MODULES = {
    "engine": "engine",
    "map": "maps",
    "publish": "publish",
    "revoke_token": "token",
    "share": "share",
    "show": "showing",
    "token": "token",
    "tokens": "token",
    "unpublish": "publish",
    "unshare": "share",
}


def __getattr__(name: str) -> Any:
    """Load what notebooks use only when they use it."""
    if name in _MODULES:
        return getattr(importlib.import_module(f"divebell.workspace.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'divebell' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
