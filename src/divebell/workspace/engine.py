"""A SQLAlchemy engine for the volunteer who runs this notebook."""

from __future__ import annotations

import functools
import importlib
import os
from typing import TYPE_CHECKING, Any

from divebell.errors import DivebellError

if TYPE_CHECKING:
    from sqlalchemy import Engine


def engine() -> Engine:
    """Give an engine that is signed in as you and keeps no connection open between two uses.

    It is what pandas and geopandas ask for: `geopandas.read_postgis(sql, divebell.engine())`. Tables written
    without a schema go to your own.
    """
    from sqlalchemy import create_engine  # noqa: PLC0415 - `import divebell` stays light
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    own_schema()
    _write_geometries_to_own_schema()
    return create_engine("postgresql+psycopg://", poolclass=NullPool)


def own_schema() -> str:
    """Give the schema that is yours. Raises DivebellError outside a notebook of an event."""
    try:
        return os.environ["PGUSER"]
    except KeyError:
        raise DivebellError(
            "there is no database here: PGUSER is not set",
            next_step="use this in a notebook of an event, where it is",
        ) from None


def _write_geometries_to_own_schema() -> None:
    """Make `GeoDataFrame.to_postgis` go to your own schema when none is given.

    GeoPandas writes to `public` then, whatever the search path says, and nobody may write there.
    """
    try:
        frame: Any = importlib.import_module("geopandas").GeoDataFrame
    except ImportError:
        return
    written = frame.to_postgis
    if hasattr(written, "__wrapped__"):
        return

    @functools.wraps(written)
    def to_postgis(
        self: Any, name: str, con: Any, schema: str | None = None, *rest: Any, **named: Any
    ) -> Any:
        return written(self, name, con, schema or own_schema(), *rest, **named)

    frame.to_postgis = to_postgis
