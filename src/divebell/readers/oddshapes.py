"""One geometry at a time, for all that cannot be read in bulk: collections, empty ones, uneven positions."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from msgspec import Raw

from divebell.readers.features import Huge, Literal
from divebell.readers.ragged import CODES

FARTHEST = 1e9
"""No coordinate of a place on Earth is larger, in any unit in use."""
_SHORTEST_RING = 3
_NUMBERS = frozenset({int, float, Literal, Huge})

_Place = tuple[float, ...]


class _OddError(Exception):
    """The coordinates are not what the type says."""


@dataclass(frozen=True)
class _Tree:
    """A geometry: positions (point, line), rings (polygon) or members (all else)."""

    base: int
    places: tuple[_Place, ...] = ()
    rings: tuple[tuple[_Place, ...], ...] = ()
    members: tuple[_Tree, ...] = ()

    def all_places(self) -> Iterator[_Place]:
        yield from self.places
        for ring in self.rings:
            yield from ring
        for member in self.members:
            yield from member.all_places()


@dataclass
class Exact:
    """One geometry, read with care."""

    base: int = -1
    """The type's code without its dimension; -1 where it has no known type."""
    tree: _Tree | None = None
    """None where the coordinates cannot be used."""
    high: bool = False
    closed: bool = False
    """Whether a ring ended elsewhere than it began."""
    cut: bool = False
    """Whether a position had more than three numbers."""
    uneven: bool = False
    """Whether some positions have a height and some have none."""
    unmeasured: bool = False
    """Whether a height is no finite number; it became 0."""
    far: bool = False
    """Whether it lies beyond the range of degrees."""
    _heights: set[int] = field(default_factory=set)

    @property
    def code(self) -> int:
        """The ISO code; negative where the type is not known."""
        return self.base + 1000 * self.high if self.base > 0 else -1

    def wkb(self, promote: int | None, *, height: bool) -> bytes | None:
        """Give little-endian ISO WKB: a Multi type when `promote` is its own, with heights if `height`."""
        if self.tree is None:
            return None
        tree = self.tree
        if self.base == promote:
            filled = tree.places or tree.rings
            tree = _Tree(self.base + 3, members=(tree,) if filled else ())
        return _written(tree, high=self.high or height)

    def take(self, kind: str, coordinates: Any, geometries: Any) -> None:
        """Read what a geometry object holds."""
        self.base = CODES[kind]
        try:
            tree = self._tree(kind, coordinates, geometries)
        except (_OddError, OverflowError):
            return
        places = list(tree.all_places())
        self.high = 3 in self._heights
        self.uneven = len(self._heights) > 1
        if all(abs(x) <= FARTHEST and abs(y) <= FARTHEST for x, y, *_ in places):
            self.tree = tree
            self.far = any(abs(x) > 540 or abs(y) > 90.000001 for x, y, *_ in places)

    def _tree(self, kind: str, coordinates: Any, geometries: Any) -> _Tree:
        base = CODES[kind]
        if kind == "GeometryCollection":
            return _Tree(base, members=tuple(map(self._member, _listed(geometries))))
        if kind == "Point":
            return _Tree(base, (self._place(coordinates),) if _listed(coordinates) else ())
        if kind == "LineString":
            return _Tree(base, self._line(coordinates))
        if kind == "Polygon":
            return _Tree(base, rings=tuple(self._ring(one) for one in _listed(coordinates) if _listed(one)))
        single = kind.removeprefix("Multi")
        members = (self._tree(single, one, None) for one in _listed(coordinates))
        return _Tree(base, members=tuple(one for one in members if one.places or one.rings))

    def _member(self, geometry: Any) -> _Tree:
        kind = geometry.get("type") if isinstance(geometry, dict) else None
        if not isinstance(kind, str) or kind not in CODES:
            raise _OddError
        return self._tree(kind, geometry.get("coordinates"), geometry.get("geometries"))

    def _line(self, value: Any) -> tuple[_Place, ...]:
        places = tuple(self._place(one) for one in _listed(value))
        if len(places) == 1:
            raise _OddError
        return places

    def _ring(self, value: Any) -> tuple[_Place, ...]:
        places = tuple(self._place(one) for one in _listed(value))
        if places[0] != places[-1] or len(places) == 1:
            places, self.closed = (*places, places[0]), True
        if len(places) < _SHORTEST_RING:
            raise _OddError
        return places

    def _place(self, value: Any) -> _Place:
        numbers = _listed(value)
        if len(numbers) < 2 or not all(type(one) in _NUMBERS for one in numbers[:3]):
            raise _OddError
        self.cut = self.cut or len(numbers) > 3
        place = tuple(float(one) for one in numbers[:3])
        if not all(map(math.isfinite, place[:2])):
            raise _OddError
        if len(place) == 3 and not math.isfinite(place[2]):
            place, self.unmeasured = (*place[:2], 0.0), True
        self._heights.add(len(place))
        return place


def exactly(shape: Any) -> Exact | None:
    """Read one geometry object; None where there is none."""
    found = Exact()
    kind = getattr(shape, "type", None)
    coordinates, geometries = _plain(shape, "coordinates"), _plain(shape, "geometries")
    if kind == "" and coordinates is None and geometries is None:
        return None
    if isinstance(kind, str) and kind in CODES:
        found.take(kind, coordinates, geometries)
    return found


def _plain(shape: Any, name: str) -> Any:
    value = getattr(shape, name, None)
    if isinstance(value, Raw):
        text = bytes(value)
        return json.loads(text) if text else None
    return value


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _OddError
    return value


def _written(tree: _Tree, *, high: bool) -> bytes:
    code = tree.base + 1000 * high
    if tree.base == 1:
        return struct.pack("<BI", 1, code) + _floats(
            tree.places or ((math.nan,) * (3 if high else 2),), high=high
        )
    if tree.base == 2:
        return struct.pack("<BII", 1, code, len(tree.places)) + _floats(tree.places, high=high)
    if tree.base == 3:
        rings = (struct.pack("<I", len(one)) + _floats(one, high=high) for one in tree.rings)
        return struct.pack("<BII", 1, code, len(tree.rings)) + b"".join(rings)
    members = (_written(one, high=high) for one in tree.members)
    return struct.pack("<BII", 1, code, len(tree.members)) + b"".join(members)


def _floats(places: tuple[_Place, ...], *, high: bool) -> bytes:
    """Write positions; those without a height get 0 where others have one."""
    width = 3 if high else 2
    numbers = [one for place in places for one in (*place, 0.0)[:width]]
    return struct.pack(f"<{len(numbers)}d", *numbers)
