"""Geometry as WKB, over a whole layer: its types, what cannot be used, and how the rest is made alike."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from divebell.readers.plainwkb import plain
from divebell.readers.wkb import Look, look, replaced

_NAMES = {
    0: "Geometry", 1: "Point", 2: "LineString", 3: "Polygon", 4: "MultiPoint", 5: "MultiLineString",
    6: "MultiPolygon", 7: "GeometryCollection",
}  # fmt: skip
_SUFFIXES = ("", "Z", "M", "ZM")


@dataclass
class Survey:
    """What all geometries of a layer have in common; grows batch by batch."""

    empty_points: bool = True
    """Whether the format can hold empty points; where it cannot, they are coordinates that are no numbers."""
    rows: int = 0
    codes: set[int] = field(default_factory=set)
    """ISO WKB type codes: 1000 is added for Z, 2000 for M, 3000 for both."""
    plain: int = 0
    """Geometries within the range of degrees."""
    beyond: list[int] = field(default_factory=list)
    """Rows (from 1) that lie beyond the range of degrees."""
    broken: list[int] = field(default_factory=list)
    """Rows with coordinates that are no finite number or no place, or that cannot be decoded."""
    unmeasured: list[int] = field(default_factory=list)
    """Rows with a height or measure that is no number."""
    curved: int = 0
    surfaces: int = 0
    degrees: bool = True
    """Whether it matters how many lie beyond the range of degrees; not where metres are declared."""

    def see(self, wkb: pa.Array) -> None:
        """Take in one batch of geometries."""
        self.take(wkb)

    def take(self, wkb: pa.Array) -> Look:
        """Take in one batch of geometries, and give what was found in it, for `alike`."""
        found = look(wkb, empty_points=self.empty_points)
        codes = np.unique(found.codes)
        self.codes |= set(codes[codes >= 0].tolist())
        if found.broken.any():
            self.broken += self._rows(found.broken)
        if found.unmeasured.any():
            self.unmeasured += self._rows(found.unmeasured & ~found.broken)
        if self.degrees:
            self.plain += int(((found.codes >= 0) & ~found.far & ~found.broken).sum())
            if found.far.any():
                self.beyond += self._rows(found.far)
        self.curved += found.curved
        self.surfaces += found.surfaces
        self.rows += len(wkb)
        return found

    def _rows(self, chosen: npt.NDArray[np.bool_]) -> list[int]:
        return list((np.flatnonzero(chosen) + self.rows + 1).tolist())

    @property
    def looks_like_degrees(self) -> bool:
        """Whether at least half of the geometries lie within the range of longitude and latitude."""
        return self.plain >= len(self.beyond)


@dataclass(frozen=True)
class Plan:
    """How every batch of a layer is made alike."""

    type: str
    promote: int | None
    """The single type (1 point, 2 line, 3 polygon) that becomes its Multi type."""
    lift: bool
    """Whether geometries without the height or measure that others have get 0."""
    rejected: frozenset[int]
    """Rows (from 1) whose geometry is left out."""
    dimension: int = 0
    """Of all geometries: 0 flat, 1 with Z, 2 with M, 3 with both."""

    @property
    def form(self) -> tuple[str, int | None, bool]:
        """All of it but the rows."""
        return self.type, self.promote, self.lift


def plan(survey: Survey, *, degrees: bool) -> Plan:
    """Choose the layer's type from all its geometries; with `degrees`, reject rows beyond their range."""
    bases = {code % 1000 for code in survey.codes}
    dimensions = {code // 1000 for code in survey.codes}
    promote = next((single for single in (1, 2, 3) if bases == {single, single + 3}), None)
    base = promote + 3 if promote else next(iter(bases)) if len(bases) == 1 else 0
    dimension = 0
    for one in dimensions:
        dimension |= one
    rejected = frozenset(survey.broken) | (frozenset(survey.beyond) if degrees else frozenset())
    name = _NAMES.get(base, "Geometry") + _SUFFIXES[dimension]
    return Plan(name, promote, len(dimensions) > 1, rejected, dimension)


def warnings_of(survey: Survey, decided: Plan) -> tuple[str, ...]:
    """Say what was done to the geometries, in a volunteer's words."""
    outside = [row for row in survey.beyond if row in decided.rejected]
    said = []
    if survey.broken:
        said.append(
            f"{_counted(survey.broken)} coordinates that are no usable numbers, or cannot be decoded; "
            f"left out (rows {_some(survey.broken)})"
        )
    if outside:
        said.append(
            f"{_counted(outside, 'lies', 'lie')} beyond the range of longitude and latitude; left out "
            f"(rows {_some(outside)})"
        )
    if survey.unmeasured:
        said.append(
            f"{_counted(survey.unmeasured)} a height or measure that is no number; 0 was put in its place "
            f"(rows {_some(survey.unmeasured)})"
        )
    if survey.curved:
        said.append(f"{survey.curved:,} curved geometries were drawn with short straight lines")
    if survey.surfaces:
        said.append(f"{survey.surfaces:,} surfaces (TIN, polyhedral) became polygons")
    if decided.lift:
        said.append(_lifted(survey, decided))
    return tuple(said)


def _lifted(survey: Survey, decided: Plan) -> str:
    words = []
    for bit, word in ((1, "height"), (2, "measure")):
        if decided.dimension & bit and any(not code // 1000 & bit for code in survey.codes):
            words.append(word)
    what = " or ".join(words)
    return f"some geometries have a {what} and some have none; those without were given 0"


def apply(wkb: pa.Array, decided: Plan, first_row: int) -> pa.Array:
    """Make one batch alike as planned. `first_row` counts from 1. Rows that need nothing keep their bytes."""
    out = np.zeros(len(wkb), bool)
    if decided.rejected:
        out[:] = [row in decided.rejected for row in range(first_row, first_row + len(wkb))]
    return alike(look(wkb), out, decided)


def alike(found: Look, out: npt.NDArray[np.bool_], decided: Plan) -> pa.Array:
    """Make one batch alike as planned; the geometries marked in `out` become NULL."""
    wkb, codes = found.wkb, found.codes
    if out.any():
        wkb = pc.if_else(pa.array(out), pa.scalar(None, pa.binary()), wkb)
        codes = np.where(out, -1, codes)
    if decided.lift:
        wkb = _lift(wkb, (codes >= 0) & (codes // 1000 != decided.dimension), codes, decided.dimension)
    if decided.promote is not None:
        wkb = _promote(wkb, (codes >= 0) & (codes % 1000 == decided.promote), decided)
    return wkb


def _lift(
    wkb: pa.Array, chosen: npt.NDArray[np.bool_], codes: npt.NDArray[np.int64], dimension: int
) -> pa.Array:
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return wkb
    raw = wkb.take(pa.array(rows)).to_pylist()
    if dimension == 1 and (codes[rows] < 1000).all():
        flat = np.atleast_1d(shapely.from_wkb(np.array(raw, object), on_invalid="ignore"))
        high = shapely.to_wkb(shapely.force_3d(flat), byte_order=1, flavor="iso", output_dimension=3)
        if not shapely.is_empty(flat).any():
            return replaced(wkb, rows, np.atleast_1d(high).tolist())
    lifted = (plain(one, dimension=dimension) for one in raw)
    return replaced(wkb, rows, [None if one is None else one.wkb for one in lifted])


def _promote(wkb: pa.Array, chosen: npt.NDArray[np.bool_], decided: Plan) -> pa.Array:
    """Make single geometries multi ones of one part, by what is written before them."""
    if not chosen.any():
        return wkb
    code = (decided.promote or 0) + 3 + 1000 * decided.dimension
    head = struct.pack("<BII", 1, code, 1)
    singles = wkb.filter(pa.array(chosen))
    multis = pc.binary_join_element_wise(pa.scalar(head, pa.binary()), singles, pa.scalar(b"", pa.binary()))
    if empty := [at for at, one in enumerate(_empty(singles, decided)) if one]:
        multis = replaced(multis, np.array(empty), [struct.pack("<BII", 1, code, 0)] * len(empty))
    return pc.replace_with_mask(wkb, pa.array(chosen), multis)


def _empty(singles: pa.Array, decided: Plan) -> npt.NDArray[np.bool_]:
    """Mark lines and polygons without vertices, and points whose coordinates are no numbers."""
    if decided.promote != 1:
        return np.asarray(pc.equal(pc.binary_length(singles), 9))
    size = 16 if not decided.dimension else 24 if decided.dimension < 3 else 32
    values = np.frombuffer(b"".join(pc.binary_slice(singles, 5, 5 + size).to_pylist()), "<f8")
    return np.asarray(np.isnan(values[0 :: size // 8]))


def _counted(rows: list[int], one: str = "holds", many: str = "hold") -> str:
    return f"{len(rows):,} geometry {one}" if len(rows) == 1 else f"{len(rows):,} geometries {many}"


def _some(rows: list[int]) -> str:
    return ", ".join(f"{row:,}" for row in rows[:10]) + (" and more" if len(rows) > 10 else "")
