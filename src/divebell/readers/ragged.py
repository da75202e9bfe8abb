"""Coordinates of many geometries in one array, and their well-known binary without a geometry object each."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

CODES = {
    "Point": 1, "LineString": 2, "Polygon": 3, "MultiPoint": 4, "MultiLineString": 5, "MultiPolygon": 6,
    "GeometryCollection": 7,
}  # fmt: skip
"""Simple Features types by their code in well-known binary; 1000 is added for a height."""
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Chains:
    """Geometries of one type: parts hold chains (a line, a ring, a set of points), chains hold positions."""

    code: int
    places: npt.NDArray[np.float64]
    """All positions, one below the other: x, y and perhaps a height."""
    sizes: Ints
    """Positions of each chain."""
    chains: Ints
    """Chains of each part."""
    parts: Ints
    """Parts of each geometry."""

    @property
    def base(self) -> int:
        """The type without its dimension."""
        return self.code % 1000

    def last_chains(self) -> Ints:
        """Give the number of chains up to and with each geometry."""
        return np.asarray(np.cumsum(self.chains)[np.cumsum(self.parts) - 1])

    def last_places(self) -> Ints:
        """Give the number of positions up to and with each geometry."""
        return np.asarray(np.cumsum(self.sizes)[self.last_chains() - 1])


def encode(chains: Chains, *, multi: bool, height: bool) -> pa.Array:
    """Give little-endian ISO WKB; `multi` makes single types Multi types, `height` adds a height of 0."""
    places: npt.NDArray[Any] = chains.places
    code = chains.code
    if height and code < 1000:
        places, code = np.column_stack([places, np.zeros(len(places))]), code + 1000
    if chains.base in {1, 4}:
        places = _points(places, code)
        if chains.base == 1 and not multi:
            return _array(places, np.arange(len(places) + 1) * places.itemsize)
    heads, ends = _heads(chains, code, multi=multi)
    body = np.ascontiguousarray(places).view(np.uint8).reshape(-1).data
    width = len(body) // len(places)
    body_ends = np.cumsum(chains.sizes) * width
    pieces: list[memoryview] = [body] * (2 * len(ends))
    pieces[0::2] = _cut(heads.data, ends)
    pieces[1::2] = _cut(body, body_ends)
    last = chains.last_chains() - 1
    return _array(b"".join(pieces), np.concatenate([[0], ends[last] + body_ends[last]]))


def _points(places: npt.NDArray[np.float64], code: int) -> npt.NDArray[np.void]:
    form = np.dtype([("order", "u1"), ("code", "<u4"), ("place", "<f8", (places.shape[1],))])
    points: npt.NDArray[np.void] = np.empty(len(places), form)
    points["order"], points["code"], points["place"] = 1, code - code % 1000 + 1, places
    return points


def _heads(chains: Chains, code: int, *, multi: bool) -> tuple[npt.NDArray[np.uint8], Ints]:
    """Write what stands before the positions of each chain; give it and where each chain's ends."""
    dimension = code - code % 1000
    base = chains.base + 3 if multi and chains.base < 4 else chains.base
    last, is_area = chains.last_chains(), base in {3, 6}
    whole, part = np.zeros(len(chains.sizes), bool), np.zeros(len(chains.sizes), bool)
    if base in {5, 6}:
        whole[np.concatenate([[0], last[:-1]])] = True
    if is_area:
        part[np.cumsum(chains.chains) - chains.chains] = True
    lengths = (4 if is_area else 9) + 9 * whole + 9 * part
    ends = np.cumsum(lengths)
    heads, at = np.zeros(int(ends[-1]), np.uint8), ends - lengths
    if base in {5, 6}:
        members = chains.parts if is_area else np.diff(last, prepend=0)
        _head(heads, at[whole], dimension + base, members)
        at = at + 9 * whole
    if is_area:
        _head(heads, at[part], dimension + 3, chains.chains)
        _count(heads, at + 9 * part, chains.sizes)
    else:
        _head(heads, at, dimension + (4 if base == 4 else 2), chains.sizes)
    return heads, ends


def _head(heads: npt.NDArray[np.uint8], at: Ints, code: int, members: Ints) -> None:
    heads[at] = 1
    _count(heads, at + 1, np.full(len(at), code))
    _count(heads, at + 5, members)


def _count(heads: npt.NDArray[np.uint8], at: Ints, values: Ints) -> None:
    heads[at[:, None] + np.arange(4)] = values.astype("<u4").view(np.uint8).reshape(-1, 4)


def _cut(text: memoryview, ends: Ints) -> list[memoryview]:
    return [text[start:end] for start, end in pairwise([0, *ends.tolist()])]


def _array(data: bytes | npt.NDArray[np.void], offsets: Ints) -> pa.Array:
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)
