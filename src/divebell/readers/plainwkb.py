"""Any WKB, written plainly: little-endian ISO, straight lines, one dimension throughout."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

_DEEPEST = 16
_STEP = np.radians(4)
"""Arcs become lines that turn by at most this angle, as GDAL and PostGIS do by default."""
_LINEAR = {8: 2, 9: 2, 10: 3, 11: 5, 12: 6, 15: 6, 16: 6, 17: 3}
"""Curves and surfaces, and what they become."""
_CURVES = frozenset({8, 9, 10, 11, 12})

_Coordinates = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Plain:
    """A geometry written plainly, and what it was before."""

    wkb: bytes
    curved: bool
    surface: bool


@dataclass(frozen=True)
class _Node:
    base: int
    dimension: int
    """0 flat, 1 with Z, 2 with M, 3 with both."""
    coordinates: _Coordinates | None = None
    """Of a point or line."""
    rings: tuple[_Coordinates, ...] = ()
    parts: tuple[_Node, ...] = ()


@dataclass
class _Source:
    raw: bytes
    at: int = 0
    order: str = "<"
    kinds: set[int] = field(default_factory=set)

    def number(self, kind: str) -> int:
        (value,) = struct.unpack_from(self.order + kind, self.raw, self.at)
        self.at += struct.calcsize(kind)
        return int(value)


def plain(raw: bytes, *, dimension: int | None = None, measure: bool = False) -> Plain | None:
    """Write a geometry plainly, None where it cannot be read.

    `dimension` is the one to give it (0 flat, 1 Z, 2 M, 3 both), with 0 for what it has not; without it the
    geometry keeps its own. With `measure`, heights and measures that are no numbers become 0.
    """
    source = _Source(raw)
    try:
        node = _read(source, 0)
        wanted = _dimension(node) if dimension is None else dimension
        wkb = _write(node, wanted, measure=measure)
    except (struct.error, ValueError, IndexError):
        return None
    return Plain(wkb, bool(source.kinds & _CURVES), bool(source.kinds & {15, 16, 17}))


def _read(source: _Source, depth: int) -> _Node:
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    order = source.raw[source.at]
    source.at += 1
    if order > 1:
        raise ValueError("no byte order")
    source.order = "<" if order else ">"
    base, dimension = _kind(source)
    source.kinds.add(base)
    if base == 1:
        return _Node(1, dimension, _run(source, 1, dimension))
    if base in {2, 8}:
        run = _run(source, source.number("I"), dimension)
        return _Node(2, dimension, run if base == 2 else _stroked(run))
    if base in {3, 17}:
        count = _count(source, 4)
        return _Node(
            3, dimension, rings=tuple(_run(source, source.number("I"), dimension) for _ in range(count))
        )
    if base in {4, 5, 6, 7, 9, 10, 11, 12, 15, 16}:
        parts = tuple(_read(source, depth + 1) for _ in range(_count(source, 5)))
        return _combined(base, dimension, parts)
    raise ValueError("an unknown kind")


def _kind(source: _Source) -> tuple[int, int]:
    """Read a type code, ISO or as PostGIS and old GDAL write it."""
    code = source.number("I")
    z, m, numbered = code & 0x80000000, code & 0x40000000, code & 0x20000000
    if numbered:
        source.number("I")
    code &= 0x1FFFFFFF
    dimension = code // 1000
    if dimension > 3:
        raise ValueError("an unknown dimension")
    return code % 1000, dimension | bool(z) | (2 if m else 0)


def _count(source: _Source, least: int) -> int:
    count = source.number("I")
    if count * least > len(source.raw) - source.at:
        raise ValueError("cut short")
    return count


def _run(source: _Source, count: int, dimension: int) -> _Coordinates:
    size = (2, 3, 3, 4)[dimension]
    if count * size * 8 > len(source.raw) - source.at:
        raise ValueError("cut short")
    run = np.frombuffer(source.raw, source.order + "f8", count * size, source.at).reshape(count, size)
    source.at += count * size * 8
    return run.astype("<f8")


def _combined(base: int, dimension: int, parts: tuple[_Node, ...]) -> _Node:
    if base == 9:
        return _Node(2, dimension, _joined(parts, dimension))
    if base == 10:
        return _Node(3, dimension, rings=tuple(_line(one) for one in parts))
    return _Node(_LINEAR.get(base, base), dimension, parts=parts)


def _line(node: _Node) -> _Coordinates:
    if node.coordinates is None:
        raise ValueError("no line")
    return node.coordinates


def _joined(parts: tuple[_Node, ...], dimension: int) -> _Coordinates:
    runs = [_line(one) for one in parts]
    kept = [run if not at else run[1:] for at, run in enumerate(runs)]
    return np.concatenate(kept) if kept else np.zeros((0, (2, 3, 3, 4)[dimension]))


def _stroked(run: _Coordinates) -> _Coordinates:
    """Turn a row of arcs (start, a point on it, end, which starts the next) into short straight lines."""
    if len(run) < 3 or len(run) % 2 == 0:
        return run
    pieces = [run[:1]]
    for at in range(0, len(run) - 2, 2):
        pieces += [_arc(*run[at : at + 3])]
    return np.concatenate(pieces)


def _arc(start: _Coordinates, middle: _Coordinates, end: _Coordinates) -> _Coordinates:
    centre = _centre(start, middle, end)
    if centre is None:
        return np.stack([middle, end])
    one, two, three = (np.arctan2(*(place[:2] - centre)[::-1]) for place in (start, middle, end))
    turn = 2 * np.pi
    left = (three - one) % turn >= (two - one) % turn if not np.array_equal(start[:2], end[:2]) else True
    first = (two - one) % turn if left else -((one - two) % turn)
    second = (three - two) % turn if left else -((two - three) % turn)
    radius = float(np.hypot(*(start[:2] - centre)))
    return np.concatenate(
        [
            _turned(centre, radius, (one, first), (start, middle)),
            _turned(centre, radius, (two, second), (middle, end)),
        ]
    )


def _turned(
    centre: _Coordinates, radius: float, angle: tuple[float, float], ends: tuple[_Coordinates, _Coordinates]
) -> _Coordinates:
    """Give the vertices after the start up to the end, which stays exactly where it is."""
    steps = max(1, int(np.ceil(abs(angle[1]) / _STEP - 1e-9)))
    share = np.arange(1, steps + 1) / steps
    angles = angle[0] + angle[1] * share
    vertices = ends[0] + np.outer(share, ends[1] - ends[0])
    vertices[:, 0] = centre[0] + radius * np.cos(angles)
    vertices[:, 1] = centre[1] + radius * np.sin(angles)
    vertices[-1] = ends[1]
    return vertices


def _centre(start: _Coordinates, middle: _Coordinates, end: _Coordinates) -> _Coordinates | None:
    """Find the centre of the circle through three points; None where they lie on a line."""
    a, b, c = start[:2], middle[:2], end[:2]
    if np.array_equal(a, c):
        return None if np.array_equal(a, b) else (a + b) / 2
    ab, ac = b - a, c - a
    cross = 2 * (ab[0] * ac[1] - ab[1] * ac[0])
    if abs(cross) <= 1e-14 * max(float(ab @ ab), float(ac @ ac)):
        return None
    offset = np.array([ac[1] * (ab @ ab) - ab[1] * (ac @ ac), ab[0] * (ac @ ac) - ac[0] * (ab @ ab)])
    return np.asarray(a + offset / cross)


def _dimension(node: _Node) -> int:
    found = node.dimension
    for part in node.parts:
        found |= _dimension(part)
    return found


def _write(node: _Node, dimension: int, *, measure: bool) -> bytes:
    head = struct.pack("<BI", 1, node.base + 1000 * dimension)

    def run(values: _Coordinates, *, counted: bool = True) -> bytes:
        shaped = _shaped(values, node.dimension, dimension, measure=measure)
        return (struct.pack("<I", len(values)) if counted else b"") + shaped.tobytes()

    if node.coordinates is not None:
        return head + run(node.coordinates, counted=node.base != 1)
    if node.base == 3:
        return head + struct.pack("<I", len(node.rings)) + b"".join(run(one) for one in node.rings)
    parts = b"".join(_write(one, dimension, measure=measure) for one in node.parts)
    return head + struct.pack("<I", len(node.parts)) + parts


def _shaped(values: _Coordinates, has: int, wanted: int, *, measure: bool) -> _Coordinates:
    columns = [values[:, 0], values[:, 1]]
    for bit in (1, 2):
        if wanted & bit:
            at = 2 if bit == 1 or has == 2 else 3
            columns.append(values[:, at] if has & bit else np.zeros(len(values)))
    shaped = np.stack(columns, axis=1).astype("<f8")
    if measure:
        more = shaped[:, 2:]
        more[~(np.abs(more) < 1e38)] = 0.0
    return shaped
