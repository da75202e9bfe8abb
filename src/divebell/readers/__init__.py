"""Files in, typed Arrow layers out. `READERS` lists the formats; one more is a module, a test, a docs row."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from divebell.readers.archive import ZipReader
from divebell.readers.delimited import DelimitedReader, looks_tabular
from divebell.readers.excel import ExcelReader
from divebell.readers.flatgeobuf import FlatGeobufReader
from divebell.readers.geojson import GeoJsonReader
from divebell.readers.geopackage import GeoPackageReader
from divebell.readers.geotiff import GeoTiffReader
from divebell.readers.gzip_file import GzipReader
from divebell.readers.kml import KmlReader, KmzReader
from divebell.readers.model import GEOMETRY_COLUMN, Column, ContradictedError, Geometry, Layer, Reader
from divebell.readers.parquet import ParquetReader
from divebell.readers.scratch import is_full
from divebell.readers.select import DatasetFiles, group, is_clutter
from divebell.readers.shapefile import ShapefileReader
from divebell.readers.unsupported import UnsupportedReader

__all__ = [
    "GEOMETRY_COLUMN",
    "READERS",
    "Column",
    "ContradictedError",
    "DatasetFiles",
    "Geometry",
    "Layer",
    "Reader",
    "dataset_files",
    "is_full",
    "reader_for",
]


def reader_for(path: Path) -> Reader | None:
    """Give the reader of the file at `path`, or None when it is no dataset and may be passed over in silence.

    Goes by the name, except for .txt, whose beginning is looked at: prose is no dataset.
    """
    if is_clutter(path.name):
        return None
    suffix = path.suffix.lower()
    if suffix == ".txt" and path.is_file() and not looks_tabular(path):
        return None
    return next((reader for reader in READERS if suffix in reader.suffixes), None)


def dataset_files(paths: Iterable[str]) -> tuple[DatasetFiles, ...]:
    """Group a repository's paths (relative, with /) into datasets, sorted by path.

    A Shapefile's parts are one dataset, named by its .shp. Files that are no data are left out.
    """
    return group(paths, frozenset(suffix for reader in READERS for suffix in reader.suffixes))


READERS: tuple[Reader, ...] = (
    DelimitedReader(),
    ExcelReader(),
    GeoJsonReader(),
    ShapefileReader(),
    GeoPackageReader(),
    FlatGeobufReader(),
    KmlReader(),
    KmzReader(),
    ParquetReader(),
    GeoTiffReader(),
    ZipReader(reader_for, dataset_files),
    GzipReader(reader_for),
    UnsupportedReader(),
)
"""Every reader; the one whose suffix fits answers."""
