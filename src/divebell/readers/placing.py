"""From coordinates found in a table to its geometry: reference system, order, and what to say about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import points, shapes
from divebell.readers.crs import UNKNOWN, Reference, identify
from divebell.readers.model import Geometry
from divebell.readers.texts import Texts


@dataclass(frozen=True)
class Places:
    """Where a table's geometry comes from and what it is."""

    source: points.Source
    geometry: Geometry
    degrees: bool
    """Whether values beyond the range of longitude and latitude are unusable."""
    plan: shapes.Plan | None
    """How geometries written as WKT are made alike."""

    def wkb(self, columns: Sequence[Texts], first_row: int) -> pa.Array:
        """Make the WKB of one batch of text columns; `first_row` counts from 1."""
        made = points.geometry(self.source, columns, degrees=self.degrees)
        return made if self.plan is None else shapes.apply(made, self.plan, first_row)


def surveys(
    path: Path, names: Sequence[str], originals: Sequence[str], hint: DatasetHint
) -> list[points.Survey]:
    """Survey each place where coordinates may be. Raises DivebellError for a hint that fits nothing."""
    try:
        return [points.Survey(source) for source in points.find_sources(names, originals, hint.points)]
    except KeyError as error:
        raise DivebellError(
            f"{path.name} has no column {error.args[0]!r}, where the event file says its coordinates are",
            next_step=f"use one of its columns: {', '.join(originals[:20])}",
        ) from error


def place(
    surveyed: Sequence[points.Survey], originals: Sequence[str], hint: DatasetHint
) -> tuple[Places | None, tuple[str, ...]]:
    """Choose the first place whose values are coordinates, and say what was assumed and what is lacking."""
    for survey in surveyed:
        source = points.settle(survey)
        if source is not None:
            return _placed(survey, source, originals, hint)
    undecided = [originals[one.source.x] for one in surveyed if one.source.how == "unknown" and one.usable]
    if undecided:
        warning = (
            f"column '{undecided[0]}' seems to hold coordinates, but which of longitude and latitude comes "
            f"first cannot be told; say so with 'points' in the event file"
        )
        return None, (warning,)
    return None, ()


def _placed(
    survey: points.Survey, source: points.Source, originals: Sequence[str], hint: DatasetHint
) -> tuple[Places, tuple[str, ...]]:
    as_written = source == survey.source or (survey.source.how == "unknown" and source.how == "lon lat")
    in_range = survey.usable if as_written else survey.turned
    reference, warnings = _reference(survey, source, in_range, originals, hint)
    degrees = reference.in_degrees and (source.how != "wkt" or survey.drawn.looks_like_degrees)
    if not as_written and survey.source.how != "unknown":
        warnings.append("longitude and latitude are exchanged in the file; they were put the right way round")
    usable = in_range if degrees and source.how != "wkt" else survey.finite
    if survey.filled > usable:
        warnings.append(
            f"{survey.filled - usable:,} values in {_spoken(source, originals)} are no usable coordinates; "
            f"those rows have no point"
        )
    if survey.rows > survey.filled:
        warnings.append(f"{survey.rows - survey.filled:,} rows have no coordinates")
    if survey.origin:
        warnings.append(
            f"{survey.origin:,} rows lie at 0, 0 in the Atlantic, which often stands for 'no coordinates'"
        )
    if source.how != "wkt":
        return Places(source, Geometry("Point", reference.code, reference.wkt), degrees, None), tuple(
            warnings
        )
    plan = shapes.plan(survey.drawn, degrees=degrees)
    told = (*warnings, *shapes.warnings_of(survey.drawn, plan))
    return Places(source, Geometry(plan.type, reference.code, reference.wkt), degrees, plan), told


def _reference(
    survey: points.Survey, source: points.Source, in_range: int, originals: Sequence[str], hint: DatasetHint
) -> tuple[Reference, list[str]]:
    if hint.crs is not None:
        known = identify(hint.crs)
        return known, list(known.warnings)
    if len(survey.srids) == 1:
        known = identify(f"EPSG:{next(iter(survey.srids))}")
        known = known.unless_beyond(fits=survey.drawn.looks_like_degrees)
        return known, list(known.warnings)
    if in_range >= 0.5 * max(1, survey.finite):
        taken = f"the points come from {_spoken(source, originals)}; they were taken as WGS 84 (EPSG:4326)"
        return Reference("EPSG:4326"), [taken]
    unknown = (
        f"the coordinates in {_spoken(source, originals)} are no degrees and their reference system is "
        f"unknown; give it with 'crs' in the event file"
    )
    return UNKNOWN, [unknown]


def _spoken(source: points.Source, originals: Sequence[str]) -> str:
    if source.x == source.y:
        return f"column '{originals[source.x]}'"
    return f"columns '{originals[source.x]}' and '{originals[source.y]}'"
