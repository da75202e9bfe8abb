"""What the catalogue is told of a table. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from divebell.pipeline.catalogue import Record, storable
from divebell.pipeline.found import Dataset
from divebell.pipeline.repository import Commit
from divebell.pipeline.stage import Staged


@dataclass(frozen=True)
class Loaded:
    """Where a table comes from, and how long it took in seconds."""

    dataset: Dataset
    commit: Commit
    format: str
    seconds: float


def record(loaded: Loaded, staged: Staged) -> Record:
    """Give the catalogue's row of a table."""
    checked, spatial = staged.checked, staged.geometry_type is not None
    return Record(
        file=loaded.dataset.file,
        layer=staged.layer if staged.layer is None else storable(staged.layer),
        table=staged.table,
        format=loaded.format,
        identity=loaded.dataset.identity,
        commit=loaded.commit.id,
        committed_at=loaded.commit.committed_at,
        author=loaded.commit.author,
        rows=staged.rows,
        null_geometries=checked.null,
        empty_geometries=checked.empty,
        invalid_geometries=checked.invalid,
        geometry_type=staged.geometry_type,
        geometry_types=list(checked.types),
        crs=staged.reference.code,
        srid=staged.reference.srid if spatial else None,
        bbox=staged.bbox,
        columns=[
            {"name": one.name, "original": one.original, "type": one.sql, "nulls": missing}
            for one, missing in zip(staged.attributes, staged.nulls, strict=True)
        ],
        warnings=list(staged.warnings),
        load_seconds=loaded.seconds,
    )
