"""GDAL, held to the formats divebell reads: a file that points elsewhere is never followed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyogrio
import pyogrio.raw
from pyogrio import _ogr
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

from divebell.errors import DivebellError

DRIVERS = frozenset({"ESRI Shapefile", "GPKG", "GeoJSON", "TopoJSON", "FlatGeobuf", "KML", "LIBKML", "MEM"})
"""The GDAL drivers that stay; all others are taken out of the process (threats: VRT, GDALG, HTTP, XML)."""
FAILURES = (
    DataLayerError,
    DataSourceError,
    FeatureError,
    FieldError,
    GeometryError,
    RuntimeError,
    pa.ArrowInvalid,
)
FID = 0
"""Position of GDAL's feature number in every batch."""
_BATCH = 16_384


@dataclass(frozen=True)
class Source:
    """One layer of one file, as GDAL opens it."""

    path: Path
    layer: str | None = None
    encoding: str | None = None
    geometry: bool = True
    """Whether to read geometry; False makes it a plain table."""
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Description:
    """What a format declares about a layer before its rows are read."""

    schema: pa.Schema
    geometry_field: str | None
    crs: str | None
    driver_warnings: tuple[str, ...] = ()


@cache
def restrict() -> None:
    """Take every driver out of GDAL but `DRIVERS`, once per process. Raises RuntimeError if one stays."""
    skip = sorted(set(pyogrio.list_drivers()) - DRIVERS)
    pyogrio.set_gdal_config_options({"GDAL_SKIP": ",".join(skip), "OGR_SQLITE_ALLOW_EXTERNAL_ACCESS": "NO"})
    _ogr._register_drivers()  # noqa: SLF001 - GDAL applies GDAL_SKIP whenever drivers are registered
    left = set(pyogrio.list_drivers()) - DRIVERS
    if left:
        raise RuntimeError(f"GDAL keeps drivers that could read other files: {', '.join(sorted(left))}")


def layers(path: Path, wanted: str) -> list[str]:
    """List the layers of a file. Raises DivebellError, naming the format as `wanted`, when GDAL cannot."""
    restrict()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return [str(name) for name, _ in pyogrio.list_layers(_local(path))]
        except FAILURES as error:
            raise unreadable(path, wanted, error) from error


def describe(source: Source, wanted: str) -> Description:
    """Read what the format declares about a layer. Raises DivebellError when GDAL cannot open it."""
    try:
        with ExitStack() as stack, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            meta, reader = stack.enter_context(_open(source))
            return Description(
                schema=reader.schema,
                geometry_field=_geometry_field(meta, reader.schema),
                crs=meta["crs"],
                driver_warnings=_messages(caught),
            )
    except FAILURES as error:
        raise unreadable(source.path, wanted, error) from error


def stream(source: Source, said: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Stream a layer's rows with fid, fields and geometry; what GDAL warns of is added to `said`."""
    with ExitStack() as stack:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _, reader = stack.enter_context(_open(source))
        while True:
            with warnings.catch_warnings(record=True) as more:
                warnings.simplefilter("always")
                try:
                    batch = reader.read_next_batch()
                except StopIteration:
                    return
            if said is not None:
                said.extend(one for one in _messages([*caught, *more]) if one not in said)
            caught = []
            yield batch


def unreadable(path: Path, wanted: str, error: Exception) -> DivebellError:
    """Say that a file is not what its name says, with the reason GDAL gives."""
    reason = str(error).replace(str(path.resolve()), path.name).replace(str(path), path.name)
    return DivebellError(
        f"{path.name} cannot be read as {wanted}: {reason[:300]}",
        next_step="open it in QGIS and export it again, or check that it was uploaded completely",
    )


def _open(source: Source) -> Any:
    restrict()
    return pyogrio.raw.open_arrow(
        _local(source.path),
        layer=source.layer,
        encoding=source.encoding,
        read_geometry=source.geometry,
        return_fids=True,
        batch_size=_BATCH,
        use_pyarrow=True,
        **dict(source.options),
    )


def _local(path: Path) -> str:
    """Give an absolute path, so that no name is ever taken for an address or a connection."""
    return str(path.resolve())


def _geometry_field(meta: dict[str, Any], schema: pa.Schema) -> str | None:
    if meta["geometry_type"] is None:
        return None
    name = meta["geometry_name"] or "wkb_geometry"
    return name if name in schema.names else None


def _messages(caught: list[warnings.WarningMessage]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(one.message) for one in caught))
