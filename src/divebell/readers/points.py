"""Find where a table keeps coordinates, and make points of them; whoever cannot become one is counted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from divebell.event.model import Points
from divebell.readers import shapes
from divebell.readers.texts import Texts

_Floats = npt.NDArray[np.float64]
_Bools = npt.NDArray[np.bool_]

_LAT = re.compile(r"^(?P<head>.*?_?)(latitude|lat)(?P<tail>(_(deg|dd|wgs84|y|coord|degrees|decimal))?)$")
_LON = re.compile(
    r"^(?P<head>.*?_?)(longitude|long|lon|lng)(?P<tail>(_(deg|dd|wgs84|x|coord|degrees|decimal))?)$"
)
_PAIR_NAME = re.compile(
    r"^(.*_)?(lon|lng|long|longitude)_?(lat|latitude)(_.*)?$|^(.*_)?(lat|latitude)_?(lon|lng|long|longitude)(_.*)?$"
    r"|^(.*_)?(location|location_1|coordinates?|coords?|geo_?point(_2d)?|geo_?location|georeference|point|latlng|geom_value)$"
)
_WKT_NAME = re.compile(
    r"^(.*_)?(wkt|geom|geom_value|the_geom|geometry|shape|point|location|georeference|multipolygon|polygon)$"
)
_SLIPS = 0.01
"""So few values that only the other order explains are errors."""
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_PAIR = rf"^\s*[(\[]?\s*(?P<a>{_NUMBER})\s*(?:[,;]\s*|\s+)(?P<b>{_NUMBER})\s*[)\]]?\s*$"
_WKT = r"(?i)^\s*(?:SRID=\d+;)?\s*(MULTI)?(POINT|LINESTRING|POLYGON|GEOMETRYCOLLECTION)\b"
_SURELY_WKT = rf"{_WKT}\s*[ZM]{{0,2}}\s*(\(|EMPTY)"
_WKB_POINT = np.dtype([("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])


@dataclass(frozen=True)
class Source:
    """Where coordinates come from: two columns, one column of pairs, or one of WKT (by position)."""

    x: int
    y: int
    how: str
    """'columns', 'lon lat', 'lat lon', 'unknown' (a pair whose order is still open) or 'wkt'."""
    certain: bool = False
    """Whether a person said so."""
    unnamed: bool = False
    """Whether its name says nothing: its first value has to show that it is WKT."""


@dataclass
class Survey:
    """What all coordinates of one source look like; grows batch by batch."""

    source: Source
    rows: int = 0
    filled: int = 0
    usable: int = 0
    """As they are understood: within the range of longitudes and latitudes."""
    swapped: int = 0
    """Within range only when the two are exchanged."""
    straight: int = 0
    """Within range only as they stand."""
    turned: int = 0
    """Within range when the two are exchanged, whether or not they are as they stand."""
    finite: int = 0
    origin: int = 0
    drawn: shapes.Survey = field(default_factory=shapes.Survey)
    """The geometries of a column of WKT."""
    srids: frozenset[int] = frozenset()
    dismissed: bool = False
    """Whether a column was looked at for its values, and they are something else."""

    def see(self, columns: Sequence[Texts]) -> None:
        """Take in one batch of the table's text columns."""
        if self.dismissed:
            return
        column = columns[self.source.x]
        there = ~column.blank()
        if self.source.unnamed and not self.filled and there.any():
            self.dismissed = not _is_wkt(column, int(there.argmax()))
            if self.dismissed:
                return
        self.rows += len(column)
        self.filled += int(there.sum())
        if self.source.how == "wkt":
            self._see_wkt(column.values)
            return
        first, second = _numbers(self.source, columns)
        self.finite += int((np.isfinite(first) & np.isfinite(second)).sum())
        straight = _in_range(first, second)
        turned = _in_range(second, first)
        self.usable += int(straight.sum())
        self.swapped += int((turned & ~straight).sum())
        self.straight += int((straight & ~turned).sum())
        self.turned += int(turned.sum())
        self.origin += int(((first == 0) & (second == 0)).sum())

    def _see_wkt(self, column: pa.Array) -> None:
        decoded, srids = _shapes(column)
        self.drawn.see(_encode(decoded))
        there = decoded[~shapely.is_missing(decoded)]
        self.finite += len(there)
        self.srids |= srids
        bounds = shapely.bounds(there)
        self.usable += int(
            (_in_range(bounds[:, 0], bounds[:, 1]) & _in_range(bounds[:, 2], bounds[:, 3])).sum()
        )


def find_sources(names: Sequence[str], originals: Sequence[str], hint: Points | None) -> list[Source]:
    """List where coordinates may be, the likeliest first; only the hinted place when there is a hint.

    Raises KeyError with the name of a hinted column that is not there.
    """
    if hint is not None:
        return [_hinted(names, originals, hint)]
    found = [*_column_pairs(names)]
    for i, name in enumerate(names):
        if _PAIR_NAME.match(name):
            found.append(Source(i, i, _order(name)))
        if _WKT_NAME.match(name):
            found.append(Source(i, i, "wkt"))
    written = {one.x for one in found if one.how == "wkt"}
    return found + [Source(i, i, "wkt", unnamed=True) for i in range(len(names)) if i not in written]


def _hinted(names: Sequence[str], originals: Sequence[str], hint: Points) -> Source:
    def at(wanted: str) -> int:
        for known in (list(originals), list(names)):
            if wanted in known:
                return known.index(wanted)
        raise KeyError(wanted)

    if hint.column is not None:
        return Source(at(hint.column), at(hint.column), hint.order, certain=True)
    return Source(at(hint.longitude or ""), at(hint.latitude or ""), "columns", certain=True)


def _column_pairs(names: Sequence[str]) -> list[Source]:
    lats = {m["head"]: i for i, name in reversed(list(enumerate(names))) if (m := _LAT.match(name))}
    lons = {m["head"]: i for i, name in reversed(list(enumerate(names))) if (m := _LON.match(name))}
    heads = sorted(lats.keys() & lons.keys(), key=lambda head: (bool(head), lats[head]))
    return [Source(lons[head], lats[head], "columns") for head in heads]


def _order(name: str) -> str:
    lon = re.search(r"lon|lng", name)
    lat = re.search(r"lat", name)
    if lon is None or lat is None:
        return "unknown"
    return "lon lat" if lon.start() < lat.start() else "lat lon"


def settle(survey: Survey) -> Source | None:
    """Decide, after all values were seen, whether and in which order a source holds coordinates."""
    source = survey.source
    if source.certain:
        return source
    if source.how == "wkt":
        return source if survey.finite and survey.finite >= 0.5 * survey.filled else None
    seen = survey.usable + survey.swapped
    if not seen or seen < 0.5 * (survey.filled if source.how == "unknown" else survey.finite):
        return None
    if source.how == "unknown":
        return _ordered(survey)
    if survey.turned > survey.usable and survey.usable < 0.9 * survey.finite:
        return _exchanged(source)
    return source


def _ordered(survey: Survey) -> Source | None:
    """Decide the order of a pair by the values that only one order explains; None where they disagree."""
    source, (least, most) = survey.source, sorted((survey.straight, survey.swapped))
    if not most or least > _SLIPS * most:
        return None
    return Source(source.x, source.y, "lat lon" if survey.swapped == most else "lon lat")


def _exchanged(source: Source) -> Source:
    if source.how == "columns":
        return Source(source.y, source.x, "columns")
    return Source(source.x, source.y, "lat lon" if source.how == "lon lat" else "lon lat")


def geometry(source: Source, columns: Sequence[Texts], *, degrees: bool) -> pa.Array:
    """Make WKB of one batch of text columns; null where there is no usable pair.

    With `degrees`, pairs beyond the range of longitude and latitude are unusable too.
    """
    if source.how == "wkt":
        return _encode(_shapes(columns[source.x].values)[0])
    x, y = _numbers(source, columns)
    usable = _in_range(x, y) if degrees else np.isfinite(x) & np.isfinite(y)
    return point_wkb(x, y, usable)


def point_wkb(x: _Floats, y: _Floats, usable: _Bools) -> pa.Array:
    """Encode points as little-endian WKB; null where not `usable`."""
    packed = np.empty(len(x), _WKB_POINT)
    packed["order"], packed["type"], packed["x"], packed["y"] = 1, 1, x, y
    kept = None if usable.all() else pa.py_buffer(np.packbits(usable, bitorder="little"))
    offsets = np.arange(0, 21 * len(x) + 1, 21, dtype=np.int32)
    return pa.Array.from_buffers(
        pa.binary(), len(x), [kept, pa.py_buffer(offsets), pa.py_buffer(packed.view(np.uint8))]
    )


def _is_wkt(column: Texts, row: int) -> bool:
    return bool(re.match(_SURELY_WKT, column.values[row].as_py()))


def _numbers(source: Source, columns: Sequence[Texts]) -> tuple[_Floats, _Floats]:
    """Give x and y in that order; NaN where they cannot be read."""
    if source.how == "columns":
        return _coordinates(columns[source.x]), _coordinates(columns[source.y])
    found = pc.extract_regex(columns[source.x].values, _PAIR)
    first, second = _to_floats(found.field(0)), _to_floats(found.field(1))
    invalid = ~np.asarray(found.is_valid().to_numpy(zero_copy_only=False))
    first[invalid] = second[invalid] = np.nan
    return (second, first) if source.how == "lat lon" else (first, second)


def _coordinates(column: Texts) -> _Floats:
    if column.number is None:
        return _to_floats(column.values)
    return np.asarray(column.spread(column.floats).to_numpy(zero_copy_only=False), dtype=np.float64)


def _to_floats(column: pa.Array) -> _Floats:
    trimmed = pc.utf8_trim_whitespace(column)
    ok = pc.match_substring_regex(trimmed, f"^{_NUMBER}$")
    bare = pc.utf8_ltrim(pc.if_else(ok, trimmed, pa.scalar(None, pa.string())), "+")
    return np.array(bare.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def _in_range(x: _Floats, y: _Floats) -> _Bools:
    with np.errstate(invalid="ignore"):
        return (np.abs(x) <= 180) & (np.abs(y) <= 90)


def _encode(decoded: npt.NDArray[np.object_]) -> pa.Array:
    return pa.array(shapely.to_wkb(decoded, byte_order=1, flavor="iso", output_dimension=4), pa.binary())


def _shapes(column: pa.Array) -> tuple[npt.NDArray[np.object_], frozenset[int]]:
    like = pc.match_substring_regex(column, _WKT)
    kept = pc.if_else(like, column, pa.scalar(None, pa.string()))
    srids = pc.extract_regex(kept, r"^\s*SRID=(?P<srid>\d+);").field(0)
    bare = pc.replace_substring_regex(kept, r"^\s*SRID=\d+;", "")
    decoded = shapely.from_wkt(np.array(bare.to_pylist(), dtype=object), on_invalid="ignore")
    return decoded, frozenset(int(one) for one in pc.unique(srids).to_pylist() if one)
