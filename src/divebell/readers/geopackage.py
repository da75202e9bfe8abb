"""GeoPackage: one SQLite file, a table per layer, tables without geometry too."""

from __future__ import annotations

from pathlib import Path

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import gdal
from divebell.readers.claims import require_signature
from divebell.readers.model import Layer
from divebell.readers.spatial import Request, declared, read_layer


class GeoPackageReader:
    """Reads every layer and attribute table of a GeoPackage."""

    name = "GeoPackage"
    suffixes: tuple[str, ...] = (".gpkg",)

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe all layers, by their names in the file. Raises DivebellError when there is none."""
        require_signature(path, b"SQLite format 3\x00", "GeoPackage")
        names = gdal.layers(path, "GeoPackage")
        if not names:
            raise DivebellError(
                f"{path.name} holds no vector layer and no table", next_step="export the layers again"
            )
        return [
            read_layer(Request(gdal.Source(path, name), "GeoPackage", name, declared), hint) for name in names
        ]
