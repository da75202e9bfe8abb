"""A count and a checksum over the rows of a table, whatever order they lie in.

PostgreSQL puts a row where there is room for it, so a table that was loaded anew has another order.
"""

from __future__ import annotations

import hashlib

_BYTES = 16


class RowSum:
    """Adds up rows as PostgreSQL writes them out, a line each (COPY, text)."""

    def __init__(self) -> None:
        self.count = 0
        self._sum, self._rest = 0, b""

    def feed(self, block: bytes) -> None:
        """Take in some more bytes, which may end within a row."""
        *lines, self._rest = (self._rest + block).split(b"\n")
        self.count += len(lines)
        for line in lines:
            self._sum += int.from_bytes(hashlib.blake2b(line, digest_size=_BYTES).digest(), "big")

    @property
    def checksum(self) -> str:
        """Give what is the same for the same rows, also where one is there twice."""
        return f"{self._sum % (1 << 8 * _BYTES):0{2 * _BYTES}x}"
