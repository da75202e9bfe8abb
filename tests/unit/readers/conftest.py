from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from divebell.event.model import DatasetHint
from divebell.readers import Layer, reader_for


def table_of(layer: Layer) -> pa.Table:
    fields = [pa.field(one.name, one.type) for one in layer.columns]
    if layer.geometry:
        fields.append(pa.field("geom", pa.binary()))
    return pa.Table.from_batches(layer.batches(), schema=pa.schema(fields))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


@pytest.fixture
def read(write: Callable[[str, str | bytes], Path]) -> Callable[..., tuple[Layer, dict[str, list[Any]]]]:
    """Write a file, read its only layer, and give the layer and its columns."""

    def read_file(name: str, content: str | bytes, **hint: Any) -> tuple[Layer, dict[str, list[Any]]]:
        path = write(name, content)
        reader = reader_for(path)
        assert reader is not None
        (layer,) = (one.certain() for one in reader.read(path, DatasetHint(**hint)))
        return layer, table_of(layer).to_pydict()

    return read_file
