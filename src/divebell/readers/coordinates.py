"""GeoJSON coordinates become well-known binary in bulk; what is out of the ordinary goes one by one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pc_csv
from msgspec import Raw

from divebell.readers.features import Shape
from divebell.readers.oddshapes import FARTHEST, Exact, exactly
from divebell.readers.ragged import CODES, Chains, Ints, encode

_DEPTHS = {
    "Point": 1,
    "LineString": 2,
    "MultiPoint": 2,
    "Polygon": 3,
    "MultiLineString": 3,
    "MultiPolygon": 4,
}
"""How deep the lists of each type are nested."""
_DIGITS = b"0123456789.-+eE \t\r\n"
_ROWS = bytes.maketrans(b"]", b"\n")
_ODD = (b"[,", b",,", b",]", b"[]")
"""What numbers leave behind where they stand between lists, and empty lists."""


@dataclass
class Shapes:
    """The geometries of a run of features."""

    rows: int
    groups: list[tuple[Ints, Chains]] = field(default_factory=list)
    """Rows (from 0) of geometries that are alike, and their coordinates."""
    single: list[tuple[int, Exact]] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)
    codes: set[int] = field(default_factory=set)
    """ISO codes of the types that occur, those of unusable geometries included."""
    unmeasured: list[int] = field(default_factory=list)
    closed: int = 0
    cut: int = 0
    uneven: int = 0

    def beyond(self) -> Ints:
        """Give the rows of geometries that lie beyond the range of degrees."""
        found = [rows[_any(_far(chains), chains)] for rows, chains in self.groups]
        found.append(np.array([row for row, one in self.single if one.far], np.int64))
        return np.sort(np.concatenate(found))

    def usable(self) -> int:
        """Count the geometries that are there and can be used."""
        return sum(len(rows) for rows, _ in self.groups) + len(self.single)

    def encode(self, promote: int | None, *, lift: bool, without: Ints) -> pa.Array:
        """Give the column as little-endian ISO WKB; `without` are rows to leave out.

        `promote` is the code of the single type that becomes its Multi type; `lift` gives all a height of 0.
        """
        arrays, order = [pa.nulls(1, pa.binary())], np.zeros(self.rows, np.int64)
        filled = 1
        for rows, chains in self.groups:
            arrays.append(encode(chains, multi=chains.base == promote, height=lift))
            order[rows] = np.arange(filled, filled + len(rows))
            filled += len(rows)
        if self.single:
            made = [one.wkb(promote, height=lift) for _, one in self.single]
            order[[row for row, _ in self.single]] = np.arange(filled, filled + len(made))
            arrays.append(pa.array(made, pa.binary()))
        order[without] = 0
        if len(arrays) == 2 and len(order) and (order == np.arange(1, len(order) + 1)).all():
            return arrays[1]
        return pa.concat_arrays(arrays).take(pa.array(order))


def understand(shapes: list[Any]) -> Shapes:
    """Take in the geometries of a run of features; the list is emptied, so that their text is let go."""
    found = Shapes(len(shapes))
    alike = _sorted(found, shapes)
    shapes.clear()
    for (kind, numbers), (rows, texts) in alike.items():
        _many(found, kind, numbers, (np.array(rows), texts))
    return found


def _sorted(found: Shapes, shapes: list[Any]) -> dict[tuple[str, int], tuple[list[int], list[bytes]]]:
    """Give rows and coordinates by type and numbers of the first position; odd ones are read at once."""
    alike: dict[tuple[str, int], tuple[list[int], list[bytes]]] = {}
    for row, shape in enumerate(shapes):
        if shape is None:
            continue
        raw = getattr(shape, "coordinates", None)
        if not isinstance(raw, Raw) or shape.type not in _DEPTHS:
            _one(found, row, shape)
            continue
        text = bytes(raw)
        key = shape.type, text.count(b",", 0, text.find(b"]")) + 1
        rows, texts = alike.setdefault(key, ([], []))
        rows.append(row)
        texts.append(text)
    return alike


def _many(found: Shapes, kind: str, numbers: int, alike: tuple[Ints, list[bytes]]) -> None:
    rows, texts = alike
    chains = _chains(texts, kind, numbers) if numbers > 1 else None
    if chains is None:
        for row, text in zip(rows.tolist(), texts, strict=True):
            _one(found, row, Shape(kind, Raw(text)))
        return
    odd = _odd(chains)
    found.cut += int((~odd).sum()) if numbers > 3 else 0
    for at in np.flatnonzero(odd).tolist():
        _one(found, int(rows[at]), Shape(kind, Raw(texts[at])))
    if odd.any():
        keep = ~odd
        texts = [text for text, kept in zip(texts, keep.tolist(), strict=True) if kept]
        rows = rows[keep]
        chains = _chains(texts, kind, numbers) if texts else None
    if chains is not None:
        found.codes.add(chains.code)
        found.groups.append((rows, chains))


def _one(found: Shapes, row: int, shape: Any) -> None:
    exact = exactly(shape)
    if exact is None:
        return
    if exact.code > 0:
        found.codes.add(exact.code)
    if exact.tree is None:
        found.broken.append(row)
        return
    found.closed += exact.closed
    found.cut += exact.cut
    found.uneven += exact.uneven
    if exact.unmeasured:
        found.unmeasured.append(row)
    found.single.append((row, exact))


def _chains(texts: list[bytes], kind: str, numbers: int) -> Chains | None:
    """Read many coordinates of one type at once; None where one differs from its type or the others."""
    whole = texts[0] if len(texts) == 1 else b",".join(texts)
    counts = _counts(whole, len(texts), _DEPTHS[kind], numbers)
    if counts is None:
        return None
    text = b"," + whole.translate(_ROWS, b"[ \t\r\n")
    names = [str(at) for at in range(numbers + 1)]
    used = names[1:4]
    try:
        table = pc_csv.read_csv(
            pa.BufferReader(text),
            pc_csv.ReadOptions(column_names=names, block_size=4 << 20, use_threads=False),
            pc_csv.ParseOptions(quote_char=False),
            pc_csv.ConvertOptions(
                column_types=dict.fromkeys(used, pa.float64()), include_columns=used, null_values=[]
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != int(counts[0].sum()):
        return None
    places = np.empty((table.num_rows, len(used)))
    for at, name in enumerate(used):
        places[:, at] = table[name].to_numpy()
    return Chains(CODES[kind] + (1000 if len(used) == 3 else 0), places, *counts)


def _counts(whole: bytes, count: int, depth: int, numbers: int) -> tuple[Ints, ...] | None:
    """Count positions, rings and parts from the brackets alone; None where they do not fit the depth."""
    bare = whole.translate(None, _DIGITS).replace(b"[" + b"," * (numbers - 1) + b"]", b"p")
    if bare.translate(None, b"[],p") or any(odd in bare for odd in _ODD) or bare[:1] in {b"", b","}:
        return None
    marks = np.frombuffer(bare, np.uint8)
    is_place = marks == ord("p")
    closes = marks == ord("]")
    depths = np.cumsum((marks == ord("[")).astype(np.int32) - closes.astype(np.int32))
    if (depths[is_place] != depth - 1).any():
        return None
    if depth == 1:
        return (np.ones(count, np.int64),) * 3 if int(is_place.sum()) == count else None
    ends = [np.flatnonzero(closes & (depths == level)) for level in range(depth - 2, -1, -1)]
    if len(ends[-1]) != count:
        return None
    places = np.diff(np.cumsum(is_place)[ends[0]], prepend=0)
    inner = _within(ends[0], ends[1]) if depth > 2 else np.ones(len(ends[0]), np.int64)
    outer = _within(ends[1], ends[2]) if depth > 3 else np.ones(count, np.int64)
    return places, inner, outer


def _within(inner: Ints, outer: Ints) -> Ints:
    return np.diff(np.searchsorted(inner, outer), prepend=0)


def _odd(chains: Chains) -> npt.NDArray[np.bool_]:
    """Find the geometries to look at one by one: no usable numbers, too few positions, rings not closed."""
    xy = chains.places[:, :2]
    odd = np.zeros(len(chains.parts), bool)
    if not (xy.max() <= FARTHEST and xy.min() >= -FARTHEST and np.isfinite(chains.places[:, 2:]).all()):
        unusable: npt.NDArray[np.bool_] = np.logical_not(np.isfinite(chains.places).all(axis=1))
        unusable = np.logical_or(unusable, (np.abs(xy) > FARTHEST).any(axis=1))
        odd |= _any(unusable, chains)
    if chains.base in {1, 4}:
        return odd
    wrong = chains.sizes < 2
    if chains.base in {3, 6}:
        last = np.cumsum(chains.sizes) - 1
        first = last + 1 - chains.sizes
        wrong = (chains.sizes < 3) | (chains.places[first] != chains.places[last]).any(axis=1)
    if wrong.any():
        odd[np.searchsorted(chains.last_chains(), np.flatnonzero(wrong), side="right")] = True
    return odd


def _far(chains: Chains) -> npt.NDArray[np.bool_]:
    x, y = chains.places[:, 0], chains.places[:, 1]
    if x.max() <= 540 and x.min() >= -540 and y.max() <= 90.000001 and y.min() >= -90.000001:
        return np.zeros(0, bool)
    return (np.abs(x) > 540) | (np.abs(y) > 90.000001)


def _any(of_places: npt.NDArray[np.bool_], chains: Chains) -> npt.NDArray[np.bool_]:
    """Turn what holds of positions into what holds of any position of a geometry."""
    found = np.zeros(len(chains.parts), bool)
    at = np.flatnonzero(of_places)
    if len(at):
        found[np.searchsorted(chains.last_places(), at, side="right")] = True
    return found
