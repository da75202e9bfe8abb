"""Write a PMTiles file (version 3) of a few tiles: https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md"""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path
from typing import Any

MVT, PNG = 1, 2
_GZIP, _NONE = 2, 1


def write(path: Path, tiles: list[bytes], *, kind: int, about: dict[str, Any]) -> None:
    """Write tiles, in the order of their ids (0: the world, 1 to 4: zoom 1), to `path`."""
    lengths = [len(tile) for tile in tiles]
    directory = gzip.compress(
        b"".join(
            _varint(number)
            for number in (
                len(tiles),
                *([0] + [1] * (len(tiles) - 1)),
                *([1] * len(tiles)),
                *lengths,
                *([1] + [0] * (len(tiles) - 1)),
            )
        )
    )
    metadata = gzip.compress(json.dumps(about).encode())
    body = b"".join(tiles)
    start = 127
    sections = (start, len(directory), start + len(directory), len(metadata))
    data = start + len(directory) + len(metadata)
    header = struct.pack(
        "<7sB11Q6B4iB2i",
        b"PMTiles",
        3,
        *sections,
        data,  # leaf directories: none
        0,
        data,
        len(body),
        len(tiles),
        len(tiles),
        len(tiles),
        1,
        _GZIP,
        _NONE,
        kind,
        0,
        0 if len(tiles) == 1 else 1,
        -1800000000,
        -850000000,
        1800000000,
        850000000,
        0,
        0,
        0,
    )
    path.write_bytes(header + directory + metadata + body)


def _varint(number: int) -> bytes:
    result = bytearray()
    while number > 127:
        result.append(number & 127 | 128)
        number >>= 7
    result.append(number)
    return bytes(result)
