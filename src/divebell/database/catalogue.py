"""What the catalogue says, for everyone who shows it: tables, failures, and what the loader is doing."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

AWAY_AFTER = 10.0
"""Seconds without a heartbeat after which the loader is away."""


@dataclass(frozen=True)
class Dataset:
    """One loaded table. `bbox` is west, south, east, north in EPSG:4326."""

    file: str
    layer: str | None
    table_name: str
    format: str
    commit: str
    committed_at: datetime
    author: str
    rows: int
    null_geometries: int | None
    empty_geometries: int | None
    invalid_geometries: int | None
    geometry_type: str | None
    crs: str | None
    bbox: list[float] | None
    columns: list[dict[str, Any]]
    """Each with name, original (the file's header), type and nulls; the geometry left out."""
    warnings: list[str]
    loaded_at: datetime
    load_seconds: float
    geometry_types: list[str] = field(default_factory=list)
    retired_at: datetime | None = None
    """Since when its file is gone, while somebody's work still uses the table."""
    used_by: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Give what `divebell data list --json` prints of it."""
        facts = asdict(self)
        return {"table" if key == "table_name" else key: _plain(facts[key]) for key in _JSON_KEYS}


_JSON_KEYS = (
    *("file", "layer", "table_name", "rows", "null_geometries", "empty_geometries", "invalid_geometries"),
    *("geometry_type", "crs", "columns", "warnings", "commit", "bbox"),
    *(
        "format",
        "author",
        "committed_at",
        "loaded_at",
        "load_seconds",
        "geometry_types",
        "retired_at",
        "used_by",
    ),
)


@dataclass(frozen=True)
class Failure:
    """A file that could not be loaded, and why."""

    file: str
    reason: str
    failed_at: datetime


@dataclass(frozen=True)
class Loader:
    """What the loader last said of itself, `silent` seconds ago."""

    activity: str
    detail: str
    commit: str | None
    silent: float

    @property
    def away(self) -> bool:
        """Whether nothing has been heard of it for too long."""
        return self.silent > AWAY_AFTER


@dataclass(frozen=True)
class Listing:
    """Everything that is loaded, and everything that could not be."""

    datasets: tuple[Dataset, ...]
    failed: tuple[Failure, ...]

    def to_json(self) -> dict[str, Any]:
        """Give what `divebell data list --json` prints and the portal's API answers."""
        return {
            "datasets": [dataset.to_json() for dataset in self.datasets],
            "failed": [{"file": failure.file, "reason": failure.reason} for failure in self.failed],
        }


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def query(name: str) -> LiteralString:
    """Give the text of a query in `queries`; its columns are the fields of one of the classes above."""
    text: LiteralString = files("divebell.database").joinpath("queries", f"{name}.sql").read_text()
    return text


def listing(connection: psycopg.Connection[Any]) -> Listing:
    """Read the catalogue; any role of the event may."""
    with connection.cursor(row_factory=class_row(Dataset)) as cursor:
        datasets = tuple(cursor.execute(query("datasets")))
    with connection.cursor(row_factory=class_row(Failure)) as cursor:
        failed = tuple(cursor.execute(query("failures")))
    return Listing(datasets, failed)


def loader(connection: psycopg.Connection[Any]) -> Loader:
    """Read what the loader last said; any role of the event may."""
    with connection.cursor(row_factory=class_row(Loader)) as cursor:
        said = cursor.execute(query("loader")).fetchone()
    return said or Loader("starting", "", None, float("inf"))
