"""Write cells as a vector tile (Mapbox Vector Tile 2.1), all of them at once. Pure.

PostgreSQL writes every other tile; cells that are in memory would have to be sent there to be written.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from divebell.tiles.boxes import EXTENT

Array = np.ndarray[Any, np.dtype[Any]]

_LAYER, _NAME, _FEATURE, _KEY, _VALUE, _EXTENT, _VERSION = 0x1A, 0x0A, 0x12, 0x1A, 0x22, 0x28, 0x78
_TAGS, _TYPE, _GEOMETRY = 0x12, 0x18, 0x22
_POINT, _MOVE_TO = 1, 9
_DOUBLE, _UNSIGNED = 0x19, 0x28


@dataclass(frozen=True)
class Points:
    """Places in a tile's own units, a count for each, and numbers by name (NaN: it has none)."""

    x: Array
    y: Array
    count: Array
    numbers: tuple[tuple[str, Array], ...] = ()


def encode(name: str, points: Points) -> bytes:
    """Write a tile with one layer; nothing where there are no points."""
    if not len(points.x):
        return b""
    counts, chosen = np.unique(points.count, return_inverse=True)
    keys, values = ["count"], [_unsigned(int(one)) for one in counts]
    tags = [_always(0), _varint(chosen)]
    for number, column in points.numbers:
        present = ~np.isnan(column)
        distinct, chosen = np.unique(column[present], return_inverse=True)
        places = np.zeros(len(column), dtype=np.int64)
        places[present] = chosen + len(values)
        tags += [_only(_always(len(keys)), present), _only(_varint(places), present)]
        keys.append(number)
        values += [struct.pack("<Bd", _DOUBLE, one) for one in distinct]
    return _chunk(_LAYER, _layer(name, _features(points, tags), keys, values))


def _layer(name: str, features: bytes, keys: list[str], values: list[bytes]) -> bytes:
    parts = [bytes((_VERSION, 2)), _chunk(_NAME, name.encode()), features]
    parts += [_chunk(_KEY, key.encode()) for key in keys]
    parts += [_chunk(_VALUE, value) for value in values]
    return b"".join([*parts, bytes((_EXTENT,)), _number(EXTENT)])


def _features(points: Points, tags: list[Columns]) -> bytes:
    """Write every feature: a matrix with a row for each and a column for each byte that it may have."""
    length = _sizes(tags)
    geometry = [_always(_MOVE_TO), _varint(_zigzag(points.x)), _varint(_zigzag(points.y))]
    inner = [_always(_TAGS), _varint(length), *tags, _always(_TYPE), _always(_POINT)]
    inner += [_always(_GEOMETRY), _varint(_sizes(geometry)), *geometry]
    every = [_always(_FEATURE), _varint(_sizes(inner)), *inner]
    rows = len(points.x)
    octets = np.concatenate(
        [np.broadcast_to(one.octets, (rows, one.octets.shape[1])) for one in every], axis=1
    )
    used = np.concatenate([np.broadcast_to(one.used, (rows, one.used.shape[1])) for one in every], axis=1)
    return bytes(octets[used])


@dataclass(frozen=True)
class Columns:
    """Some bytes of each feature, and which of them it has; one row stands for all."""

    octets: Array
    used: Array


def _always(octet: int) -> Columns:
    return Columns(np.array([[octet]], dtype=np.uint8), np.array([[True]]))


def _only(columns: Columns, present: Array) -> Columns:
    return Columns(columns.octets, columns.used & present[:, None])


def _sizes(columns: list[Columns]) -> Array:
    return sum((one.used.sum(axis=1) for one in columns), start=np.zeros(1, dtype=np.int64))


def _varint(numbers: Array) -> Columns:
    """Write whole numbers, seven bits to a byte, the lowest first."""
    wide = np.asarray(numbers, dtype=np.int64)[:, None]
    width = max(1, (int(wide.max()).bit_length() + 6) // 7)
    shifts = np.arange(width, dtype=np.int64) * 7
    rest = wide >> shifts
    used = rest > 0
    used[:, 0] = True
    following = np.concatenate([used[:, 1:], np.zeros((len(wide), 1), dtype=bool)], axis=1)
    return Columns(((rest & 0x7F) | np.where(following, 0x80, 0)).astype(np.uint8), used)


def _zigzag(numbers: Array) -> Array:
    wide = np.asarray(numbers, dtype=np.int64)
    zigzag: Array = (wide << 1) ^ (wide >> 63)
    return zigzag


def _number(number: int) -> bytes:
    octets = bytearray()
    while number > 0x7F:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)


def _unsigned(number: int) -> bytes:
    return bytes((_UNSIGNED,)) + _number(number)


def _chunk(tag: int, content: bytes) -> bytes:
    return bytes((tag,)) + _number(len(content)) + content
