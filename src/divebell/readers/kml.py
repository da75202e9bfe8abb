"""KML: what Google Earth and My Maps export. Always longitude and latitude."""

from __future__ import annotations

from pathlib import Path

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import gdal
from divebell.readers.claims import head
from divebell.readers.model import Layer
from divebell.readers.spatial import Request, declared, read_layer

_LARGEST = 256 << 20


class KmlReader:
    """Reads each folder of a KML file as a layer."""

    name = "KML"
    suffixes: tuple[str, ...] = (".kml",)

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe the layers. Raises DivebellError when the file is no KML, or defines XML entities."""
        start = head(path, 1 << 16)
        if b"<kml" not in start.lower():
            raise DivebellError(
                f"{path.name} is no KML document", next_step="export it again, or save it as GeoJSON"
            )
        if path.stat().st_size > _LARGEST:
            raise DivebellError(f"{path.name} is too large for KML", next_step="export it as GeoPackage")
        if b"<!ENTITY" in path.read_bytes().upper():
            raise DivebellError(
                f"{path.name} defines XML entities, which can point at other files; it was left alone",
                next_step="export it again, or save it as GeoJSON",
            )
        names = gdal.layers(path, "KML")
        if not names:
            raise DivebellError(
                f"{path.name} holds no places", next_step="export it again, or save it as GeoJSON"
            )
        return [
            read_layer(
                Request(gdal.Source(path, name), "KML", name if len(names) > 1 else None, declared), hint
            )
            for name in names
        ]
