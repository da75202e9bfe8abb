"""Read a page of features into a bounded file, then let the database go: a slow reader holds nothing up.

So an error is told with its own status, before anything was sent.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, BinaryIO

from divebell.features.asked import Asked

IN_MEMORY = 2 * 1024**2
MOST_BYTES = 64 * 1024**2
"""A page ends early at this size; its link to the next goes on where it ended."""
FETCHED = 100
"""Rows at a time."""
CHUNK = 64 * 1024
LONGEST = 30.0
"""Seconds for a page in all; each statement has the role's own timeout besides."""
GZIP = 31
"""What zlib calls the gzip format."""


@dataclass
class Written:
    """Features as they were written down, and their ids."""

    file: BinaryIO
    packer: Any
    sent: list[str] = field(default_factory=list)
    bytes: int = 0
    more: bool = False
    """Whether features are left for another page."""

    def write(self, text: str) -> None:
        """Add text."""
        raw = text.encode()
        self.bytes += len(raw)
        self.file.write(self.packer.compress(raw) if self.packer else raw)


async def features(connection: Any, query: str, values: list[Any], asked: Asked, *, packed: bool) -> Written:
    """Write down the features of a page; `query` asks for one more than belongs on it."""
    written = Written(
        tempfile.SpooledTemporaryFile(IN_MEMORY),  # type: ignore[arg-type]  # noqa: SIM115 - closed when sent
        zlib.compressobj(1, wbits=GZIP) if packed else None,
    )
    try:
        written.write('{"type":"FeatureCollection","features":[')
        async with asyncio.timeout(LONGEST), connection.transaction(readonly=True):
            cursor = await connection.cursor(query, *values)
            while rows := await cursor.fetch(FETCHED):
                await asyncio.to_thread(_add, written, rows, asked.limit)
                if written.more:
                    break
    except BaseException:
        written.file.close()
        raise
    return written


def finished(written: Written, members: dict[str, Any]) -> None:
    """Write the end of a page: links, counts, the time."""
    end = {
        **members,
        "numberReturned": len(written.sent),
        "timeStamp": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    written.write("]," + json.dumps(end)[1:])
    if written.packer:
        written.file.write(written.packer.flush())


async def sent(written: Written) -> AsyncIterator[bytes]:
    """Give what was written, in pieces."""
    with written.file as file:
        file.seek(0)
        while piece := file.read(CHUNK):
            yield piece


def feature(row: Any, **members: Any) -> str:
    """Write one feature; one whose coordinates are no numbers has no geometry."""
    shape = row["geometry"]
    if shape is None or "NaN" in shape or "nf" in shape:
        shape = "null"
    more = "," + json.dumps(members)[1:-1] if members else ""
    number = json.dumps(row["id"])
    return f'{{"type":"Feature","id":{number},"geometry":{shape},"properties":{row["properties"]}{more}}}'


def _add(written: Written, rows: list[Any], most: int) -> None:
    for row in rows:
        if len(written.sent) == most or (written.bytes > MOST_BYTES and written.sent):
            written.more = True
            return
        written.write(("," if written.sent else "") + feature(row))
        written.sent.append(str(row["id"]))
