"""What a reading process tells arrives whole, or is refused."""

from __future__ import annotations

import io
import os
import struct
from threading import Thread

import pytest

from divebell.pipeline.reading.frames import (
    Attribute,
    Copied,
    Done,
    Message,
    Opened,
    Rows,
    Sender,
    Spatial,
    Table,
    receive,
)

TOLD: list[Message | Rows] = [
    Opened(format="CSV", layers=(None, "Blatt 1\ud800".encode("utf-8", "replace").decode())),
    Table(
        layer=None,
        columns=(Attribute(name="a", original='A "quoted"', sql="text"),),
        geometry=Spatial(type="MultiPolygonZ", crs="EPSG:4326", crs_wkt=None),
    ),
    Rows(7, bytes(3_000_000)),
    Copied(stands=True, rows=7, nulls=(0,), warnings=("a warning",)),
    Done(),
]


def test_what_is_said_is_what_arrives() -> None:
    reads, writes = os.pipe()

    def tell() -> None:
        sender = Sender(writes)
        for one in TOLD:
            if isinstance(one, Rows):
                sender.rows(one.count, one.data)
            else:
                sender.say(one)
        os.close(writes)

    teller = Thread(target=tell)
    teller.start()
    with os.fdopen(reads, "rb") as source:
        assert list(receive(source)) == TOLD
    teller.join()


@pytest.mark.parametrize(
    "message",
    [
        b'{"kind": "unheard of"}',
        b'{"kind": "table", "layer": null, "columns": [], "geometry": {"type": "Point); DROP", "crs": null, "crs_wkt": null}}',
        b'{"kind": "table", "layer": null, "columns": [{"name": "a", "original": "a", "sql": "regclass"}], "geometry": null}',
        b'{"kind": "copied", "stands": true, "rows": -1}',
        b"no json",
    ],
)
def test_a_message_that_is_not_as_agreed_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match="validation error"):
        list(receive(io.BytesIO(struct.pack("<cII", b"M", 0, len(message)) + message)))


def test_a_frame_that_is_cut_off_or_of_no_known_kind_is_refused() -> None:
    with pytest.raises(EOFError):
        list(receive(io.BytesIO(struct.pack("<cII", b"R", 1, 10) + b"short")))
    with pytest.raises(ValueError, match="no such frame"):
        list(receive(io.BytesIO(struct.pack("<cII", b"X", 0, 0))))
