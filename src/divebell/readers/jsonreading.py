"""What all rows of a JSON file have in common, and how they are written for it."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import UNSET

from divebell.event.model import DatasetHint
from divebell.readers import shapes
from divebell.readers.coordinates import Shapes, understand
from divebell.readers.crs import UNKNOWN, Reference, identify
from divebell.readers.features import Features, FeatureStream
from divebell.readers.jsonplaces import Located, Members
from divebell.readers.model import GEOMETRY_COLUMN, Geometry
from divebell.readers.placing import Places
from divebell.readers.records import Field, Records

_NO_DEGREES = (
    "its coordinates are no longitudes and latitudes and it names no coordinate reference system; give it "
    "with 'crs' in the event file"
)


@dataclass(frozen=True)
class Plan:
    """How the rows are written."""

    fields: tuple[Field, ...]
    geometry: Geometry | None
    promote: int | None = None
    lift: bool = False
    degrees: bool = False
    """Whether geometries beyond the range of longitude and latitude are left out."""
    literal: bool = False
    """Whether decimals must be read with all their digits."""
    places: Places | None = None
    """Where the points of records without geometry come from; its columns are the members."""

    @property
    def schema(self) -> pa.Schema:
        """The fields of its batches."""
        fields = [pa.field(one.column.name, one.column.type) for one in self.fields]
        return pa.schema([*fields, pa.field(GEOMETRY_COLUMN, pa.binary())] if self.geometry else fields)

    def writes_like(self, other: Plan) -> bool:
        """Whether rows are written as `other` writes them, as far as is known before the end of the file."""
        mine, theirs = ((one.fields, one.promote, one.lift, one.literal) for one in (self, other))
        types = [one.geometry.type if one.geometry else None for one in (self, other)]
        return mine == theirs and types[0] == types[1]


@dataclass(frozen=True)
class Rows:
    """A run of rows that was looked at."""

    values: dict[str, list[Any]]
    ids: list[Any]
    first: int
    """The number of the first row, from 1."""
    shapes: Shapes
    beyond: npt.NDArray[np.int64]
    """Rows (from 0) that lie beyond the range of degrees."""

    def of(self, field: Field) -> list[Any]:
        """Give the values of a column; None where a row has none."""
        if field.key is None:
            return [None if one is UNSET else one for one in self.ids]
        return self.values.get(field.key) or [None] * len(self.ids)

    def points(self, places: Places, fields: tuple[Field, ...]) -> pa.Array:
        """Give the geometry of records that have none of their own, as WKB."""
        keys = [one.key for one in fields if one.key is not None]
        return places.wkb(Members(self.values, keys, len(self.ids)), self.first)


@dataclass
class Reading:
    """What all rows read so far have in common."""

    stream: FeatureStream
    hint: DatasetHint
    records: Records
    spatial: bool = False
    codes: set[int] = field(default_factory=set)
    plain: int = 0
    beyond: array[int] = field(default_factory=lambda: array("q"))
    broken: array[int] = field(default_factory=lambda: array("q"))
    unmeasured: array[int] = field(default_factory=lambda: array("q"))
    closed: int = 0
    cut: int = 0
    uneven: int = 0
    located: Located = field(init=False)

    def __post_init__(self) -> None:
        """Begin to look for coordinates among the members."""
        self.located = Located(self.hint)

    def see(self, features: Features) -> Rows:
        """Take in a run of features."""
        first = self.records.rows + 1
        values = self.records.see(features)
        found = understand(features.shapes)
        beyond = found.beyond()
        self.spatial = self.spatial or features.spatial
        self.codes |= found.codes
        self.plain += found.usable() - len(beyond)
        self.beyond.extend((beyond + first).tolist())
        self.broken.extend(row + first for row in sorted(found.broken))
        self.unmeasured.extend(row + first for row in sorted(found.unmeasured))
        self.closed += found.closed
        self.cut += found.cut
        self.uneven += found.uneven
        if not self.spatial:
            self.located.see(values, len(features.ids))
        return Rows(values, features.ids, first, found, beyond)

    def plan(self, crs: Any) -> tuple[Plan, tuple[str, ...]]:
        """Give what the rows seen so far say, and what to tell; `crs` is the file's member of that name."""
        fields, told = self.records.fields()
        literal = self.records.needs_literals(fields)
        if not self.spatial and (self.records.rows or not self.stream.collections):
            table = "the file holds records without geometry; it became a table"
            places, where = self.located.place()
            geometry = places.geometry if places else None
            plan = Plan(fields, geometry, literal=literal, places=places)
            return plan, (*self._about(), table, *told, *where)
        reference = identify(self.hint.crs) if self.hint.crs else self._reference(crs)
        degrees = reference.in_degrees and self._fits
        survey = self._survey(degrees=degrees)
        decided = shapes.plan(survey, degrees=degrees)
        geometry = Geometry(decided.type, reference.code, reference.wkt)
        plan = Plan(fields, geometry, decided.promote, decided.lift, degrees, literal)
        words = (*told, *reference.warnings, *shapes.warnings_of(survey, decided), *self._mended())
        return plan, (*self._about(), *words, *(() if self.records.rows else ("the layer has no rows",)))

    def _survey(self, *, degrees: bool) -> shapes.Survey:
        return shapes.Survey(
            rows=self.records.rows,
            codes=self.codes,
            plain=self.plain,
            beyond=self.beyond.tolist() if degrees else [],
            broken=self.broken.tolist(),
            unmeasured=self.unmeasured.tolist(),
        )

    def _reference(self, crs: Any) -> Reference:
        """Apply GeoJSON's rule: longitude and latitude, unless the file or its numbers say otherwise."""
        if crs is None:
            return UNKNOWN
        if crs is not UNSET:
            return identify(_name_of(crs)).unless_beyond(fits=self._fits)
        return Reference("EPSG:4326") if self._fits else Reference(warnings=(_NO_DEGREES,))

    @property
    def _fits(self) -> bool:
        """Whether at least half of the geometries lie within the range of longitude and latitude."""
        return self.plain >= len(self.beyond)

    def _about(self) -> tuple[str, ...]:
        stream, said = self.stream, [*self.stream.text.warnings]
        if stream.documents > 1:
            said.append(
                f"the file holds {stream.documents:,} JSON documents one below the other; all were read"
            )
        if stream.passed_over:
            said.append(
                f"{stream.passed_over:,} entries of its features are no objects; they were passed over"
            )
        if stream.not_numbers:
            said.append(
                f"NaN, which is no JSON, was read as a missing value (NULL) {stream.not_numbers:,} times"
            )
        return tuple(said)

    def _mended(self) -> tuple[str, ...]:
        said = []
        if self.closed:
            said.append(
                f"{self.closed:,} polygons had rings that did not end where they began; they were closed"
            )
        if self.cut:
            said.append(
                f"{self.cut:,} geometries have more than three numbers a position; the first three were kept"
            )
        if self.uneven:
            said.append(
                f"{self.uneven:,} geometries have a height at some positions only; the others were given 0"
            )
        return tuple(said)


def _name_of(crs: Any) -> str:
    """Find the name or code in a `crs` member, as written in several ways over the years."""
    properties = crs.get("properties") if isinstance(crs, dict) else None
    if isinstance(properties, dict):
        name, code = properties.get("name"), properties.get("code")
        if name is None and code is not None:
            return f"{crs.get('type') or 'EPSG'}:{code}"
        return str(name)
    return str(crs)
