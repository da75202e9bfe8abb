"""A SQLAlchemy engine for the volunteer who runs this notebook."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from divebell.errors import DivebellError
from divebell.workspace.geometries import go_to_own_schema

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
    go_to_own_schema()
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
