"""Geometries without a schema go to the volunteer's own, with whichever engine they are written.

GeoPandas writes to `public` when no schema is given, whatever the search path says, and nobody may write
there. pandas does as the search path says. GeoPandas is changed when it is imported: few notebooks do, and it
is slow.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_MODULE = "geopandas.geodataframe"


def go_to_own_schema() -> None:
    """Make `GeoDataFrame.to_postgis` follow the search path, now or as soon as GeoPandas is imported."""
    if _MODULE in sys.modules:
        _change(sys.modules[_MODULE])
    elif not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    """Answers for one module only, with what the other finders say of it."""

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if name != _MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(importlib.abc.Loader):
    """Runs the module as its own loader does, and changes it then."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        _change(module)


def _change(module: ModuleType) -> None:
    frame = getattr(module, "GeoDataFrame", None)
    written = getattr(frame, "to_postgis", None)
    if frame is None or written is None or hasattr(written, "__wrapped__"):
        return

    @functools.wraps(written)
    def to_postgis(
        self: Any, name: str, con: Any, schema: str | None = None, *rest: Any, **named: Any
    ) -> Any:
        return written(self, name, con, schema or _first_schema(con), *rest, **named)

    frame.to_postgis = to_postgis


def _first_schema(connection: Any) -> str | None:
    """Give the schema in which an unqualified CREATE TABLE would create."""
    from sqlalchemy import inspect  # noqa: PLC0415 - who writes geometries has imported it

    name: str | None = inspect(connection).default_schema_name
    return name
