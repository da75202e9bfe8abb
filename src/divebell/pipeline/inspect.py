"""What loading a file would make of it, found out without a database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.pipeline import crs
from divebell.pipeline.reading.frames import Attribute, Checked, Copied, Opened, Rows, Table
from divebell.pipeline.reading.service import Readings
from divebell.pipeline.stage import Told, expect

_Expected = TypeVar("_Expected")


@dataclass(frozen=True)
class Finding:
    """One table that a file would become."""

    layer: str | None
    format: str
    rows: int
    columns: tuple[Attribute, ...]
    nulls: tuple[int, ...]
    """Missing values of each column, in the columns' order."""
    geometry_type: str | None
    crs: str | None
    """Authority code such as EPSG:4326; the name of a system without one; None where it is not known."""
    checked: Checked
    bbox: list[float] | None
    """West, south, east, north in EPSG:4326."""
    warnings: tuple[str, ...]


def inspect(readings: Readings, path: Path, hint: DatasetHint) -> tuple[Finding, ...]:
    """Read a file as the loader would, and give its tables; none where it is no dataset.

    Raises DivebellError with the reason in words where it would not be loaded.
    """
    with readings.read(path, hint) as told:
        opened = expect(told, Opened)
        if opened.format is not None and not opened.layers:
            raise DivebellError("it holds no table")
        return tuple(_layer(told, opened) for _ in opened.layers)


def _layer(told: Told, opened: Opened) -> Finding:
    while True:
        table = expect(told, Table)
        copied = _after_rows(told, Copied)
        if copied.stands:
            checked = _after_rows(told, Checked) if table.geometry else Checked()
            return _finding(opened, table, copied, checked)


def _after_rows(told: Told, kind: type[_Expected]) -> _Expected:
    return expect((one for one in told if not isinstance(one, Rows)), kind)


def _finding(opened: Opened, table: Table, copied: Copied, checked: Checked) -> Finding:
    spatial = table.geometry
    known = crs.understood(spatial.crs, spatial.crs_wkt) if spatial else crs.Reference()
    bbox = crs.bounds(checked.extent, known.projected) if checked.extent and known.projected else None
    notes = (*copied.warnings, known.warning, *checked.warnings)
    return Finding(
        layer=table.layer,
        format=opened.format or "",
        rows=copied.rows,
        columns=table.columns,
        nulls=copied.nulls,
        geometry_type=checked.type or (spatial.type if spatial else None),
        crs=known.code or (known.projected.name if known.projected else None),
        checked=checked,
        bbox=bbox,
        warnings=tuple(note for note in notes if note),
    )
