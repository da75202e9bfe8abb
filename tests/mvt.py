"""Read a vector tile with GDAL, a decoder that is not ours."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyogrio
from pyogrio import _ogr

from divebell.readers import gdal


def features(answer: Any) -> list[dict[str, Any]]:
    """Decode a tile with GDAL: each feature's attributes, and its geometry under `geometry`."""
    if answer.status_code == 204:
        return []
    assert answer.status_code == 200, answer.text
    body = answer.content
    if body[:2] == b"\x1f\x8b":
        body = gzip.decompress(body)
    with tempfile.TemporaryDirectory() as folder, _every_driver():
        file = Path(folder) / "tile.mvt"
        file.write_bytes(body)
        found = pyogrio.read_dataframe(file) if body else None
    return [] if found is None else found.to_dict("records")


@contextmanager
def _every_driver() -> Iterator[None]:
    """Have GDAL's driver for tiles back where a reader of ours has taken it out of this process."""
    if "MVT" in pyogrio.list_drivers():
        yield
        return
    pyogrio.set_gdal_config_options({"GDAL_SKIP": None})
    _ogr._register_drivers()
    try:
        yield
    finally:
        gdal.restrict.__wrapped__()
