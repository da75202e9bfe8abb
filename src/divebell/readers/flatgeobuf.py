"""FlatGeobuf: one binary file, one layer."""

from __future__ import annotations

from pathlib import Path

from divebell.event.model import DatasetHint
from divebell.readers import gdal
from divebell.readers.claims import require_signature
from divebell.readers.model import Layer
from divebell.readers.spatial import Request, declared, read_layer


class FlatGeobufReader:
    """Reads the one layer of a FlatGeobuf file."""

    name = "FlatGeobuf"
    suffixes: tuple[str, ...] = (".fgb",)

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe the layer. Raises DivebellError when the file is no FlatGeobuf."""
        require_signature(path, b"fgb\x03", "FlatGeobuf file")
        return [read_layer(Request(gdal.Source(path), "FlatGeobuf", None, declared), hint)]
