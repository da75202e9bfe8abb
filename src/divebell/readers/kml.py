"""KML and KMZ: what Google Earth and My Maps export. Always longitude and latitude."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import gdal
from divebell.readers.archive import unpack
from divebell.readers.claims import head, refuse_imposter
from divebell.readers.kmldata import told_apart
from divebell.readers.model import GEOMETRY_COLUMN, Layer
from divebell.readers.scratch import Scratch
from divebell.readers.select import DatasetFiles, is_clutter
from divebell.readers.spatial import Request, declared, read_layer

_LARGEST = 256 << 20
_DEFAULTS: dict[str, tuple[int, ...]] = {
    "id": (), "description": (), "timestamp": (), "begin": (), "end": (), "altitudeMode": (), "icon": (),
    "drawOrder": (), "snippet": (), "tessellate": (-1, 0), "extrude": (-1, 0), "visibility": (-1, 1),
}  # fmt: skip
"""What GDAL gives each place whether the file says it or not, and the values that say nothing."""


class KmlReader:
    """Reads each folder of a KML file as a layer."""

    name = "KML"
    suffixes: tuple[str, ...] = (".kml",)

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe the layers. Raises DivebellError when the file is no KML, or defines XML entities."""
        _refuse(path)
        scratch = Scratch()
        told = told_apart(path, scratch.folder / path.name)
        source = scratch.folder / path.name if told else path
        found = [_used(_layer(source, name, hint)) for name in gdal.layers(source, "KML")]
        filled = [layer for layer, rows in found if rows]
        if not filled:
            raise DivebellError(
                f"{path.name} holds no places", next_step="export it again, or save it as GeoJSON"
            )
        if told:
            filled = [scratch.keep_for(layer.told(*told)) for layer in filled]
        return [replace(filled[0], name=None)] if len(filled) == 1 else filled


class KmzReader:
    """Reads each folder of each KML file in a KMZ as a layer; pictures and the like are left alone."""

    name = "KMZ"
    suffixes: tuple[str, ...] = (".kmz",)

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe the layers. Raises DivebellError when it is no zip, breaks the limits, or is empty."""
        scratch = Scratch()
        names = unpack(path, _documents, scratch.folder)
        found: list[Layer] = []
        failures: list[str] = []
        for name in names:
            stem = str(PurePosixPath(name).with_suffix("")) if len(names) > 1 else ""
            try:
                layers = KmlReader().read(scratch.folder / name, hint)
            except DivebellError as error:
                failures.append(f"'{name}' in the KMZ was not loaded: {error.message}")
                continue
            found += [replace(one, name=" ".join(filter(None, (stem, one.name))) or None) for one in layers]
        if not found:
            reason = "; ".join(failures) or "it holds no KML"
            raise DivebellError(f"{path.name}: {reason}", next_step="export it again, or save it as GeoJSON")
        return [scratch.keep_for(layer.told(*failures)) for layer in found]


def _documents(members: Iterable[str]) -> tuple[DatasetFiles, ...]:
    documents = (name for name in members if name.lower().endswith(".kml") and not is_clutter(name))
    return tuple(DatasetFiles(name, (name,)) for name in sorted(documents))


def _refuse(path: Path) -> None:
    start = head(path, 1 << 16)
    if b"<kml" not in start.lower():
        if b"<?xml" not in start[:100].lower():
            refuse_imposter(path, "KML document")
        raise DivebellError(
            f"{path.name} is no KML document in UTF-8", next_step="export it again, or save it as GeoJSON"
        )
    if path.stat().st_size > _LARGEST:
        raise DivebellError(f"{path.name} is too large for KML", next_step="export it as GeoPackage")
    content = path.read_bytes().upper()
    if b"<!ENTITY" in content or b"\0" in content:
        raise DivebellError(
            f"{path.name} defines XML entities, which can point at other files, or hides its text; "
            f"it was left alone",
            next_step="export it again, or save it as GeoJSON",
        )


def _layer(path: Path, name: str, hint: DatasetHint) -> Layer:
    return read_layer(Request(gdal.Source(path, name), "KML", name, declared), hint).certain()


def _used(layer: Layer) -> tuple[Layer, int]:
    """Leave out the columns that GDAL adds and no place fills; give the number of rows too."""
    rows, idle = 0, {one.name for one in layer.columns if one.original in _DEFAULTS}
    for batch in layer.batches():
        rows += batch.num_rows
        idle = {
            one.name
            for one in layer.columns
            if one.name in idle and _says_nothing(batch.column(one.name), _DEFAULTS[one.original])
        }
    kept = tuple(one for one in layer.columns if one.name not in idle)
    fields = [one.name for one in kept] + [GEOMETRY_COLUMN] * (layer.geometry is not None)

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in layer.batches():
            yield batch.select(fields)

    return replace(layer, columns=kept, batches=batches), rows


def _says_nothing(column: pa.Array, defaults: tuple[int, ...]) -> bool:
    silent = pc.is_null(column)
    for default in defaults if pa.types.is_integer(column.type) else ():
        silent = pc.or_(silent, pc.fill_null(pc.equal(column, default), True))
    return bool(pc.all(silent).as_py() in {True, None})
