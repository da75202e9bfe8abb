"""GDAL, held to the formats divebell reads: a file that points elsewhere is never followed."""

from __future__ import annotations

import glob
import re
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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
_BATCH = 4_096
"""Rows at once: more of them leave the processor's cache, and take longer."""
_BATCH_BYTES = 16 << 20
_PLAIN_PATH = re.compile(r"[\w/.\- ]+", re.ASCII)


@dataclass(frozen=True)
class Source:
    """One layer of one file, as GDAL opens it."""

    path: Path
    layer: str | None = None
    encoding: str | None = None
    geometry: bool = True
    """Whether to read geometry; False makes it a plain table."""
    options: tuple[tuple[str, str], ...] = ()
    alias: Path | None = None
    """Where GDAL finds the file, when not under its own name."""


@dataclass(frozen=True)
class Description:
    """What a format declares about a layer before its rows are read."""

    schema: pa.Schema
    geometry_field: str | None
    crs: str | None
    features: int
    """How many the format says there are; -1 where it does not say."""
    at_once: int
    """How many rows to read at once, fewer where they are large."""
    key: str
    """The column of feature numbers, where one can be searched quickly."""


@cache
def restrict() -> None:
    """Take every driver out of GDAL but `DRIVERS`, once per process. Raises RuntimeError if one stays."""
    skip = sorted(set(pyogrio.list_drivers()) - DRIVERS)
    pyogrio.set_gdal_config_options(
        {
            "GDAL_SKIP": ",".join(skip),
            "OGR_SQLITE_ALLOW_EXTERNAL_ACCESS": "NO",
            "OGR_GPKG_NUM_THREADS": "1",
            "GDAL_PAM_ENABLED": "NO",
            "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
        }
    )
    _ogr._register_drivers()  # noqa: SLF001 - GDAL applies GDAL_SKIP whenever drivers are registered
    left = set(pyogrio.list_drivers()) - DRIVERS
    if left:
        raise RuntimeError(f"GDAL keeps drivers that could read other files: {', '.join(sorted(left))}")


def layers(path: Path, wanted: str, alias: Path | None = None) -> list[str]:
    """List the layers of a file. Raises DivebellError, naming the format as `wanted`, when GDAL cannot."""
    restrict()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with _plainly_named(Source(path, alias=alias)) as plain:
                return [str(name) for name, _ in pyogrio.list_layers(plain)]
        except FAILURES as error:
            raise unreadable(path, wanted, error) from error


def describe(source: Source, wanted: str) -> Description:
    """Read what the format declares about a layer. Raises DivebellError when GDAL cannot open it."""
    restrict()
    try:
        with ExitStack() as stack, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with _plainly_named(source) as path:
                info = pyogrio.read_info(path, layer=source.layer, **dict(source.options))
            meta, reader = stack.enter_context(_open(source))
            return Description(
                schema=reader.schema,
                geometry_field=_geometry_field(meta, reader.schema),
                crs=meta["crs"],
                features=int(info["features"]),
                at_once=_at_once(source, int(info["features"])),
                key=info["fid_column"] if re.fullmatch(r"\w+", info["fid_column"]) else "",
            )
    except FAILURES as error:
        raise unreadable(source.path, wanted, error) from error


def stream(source: Source, said: list[str] | None = None, **part: Any) -> Iterator[pa.RecordBatch]:
    """Stream a layer's rows with fid, fields and geometry; what GDAL warns of is added to `said`.

    `part` starts elsewhere than at the first row: `skip_features=number` or `where="fid > number"`.
    """
    with ExitStack() as stack:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _, reader = stack.enter_context(_open(source, **part))
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


def _at_once(source: Source, features: int) -> int:
    """Choose how many rows to read at once, by the file's size.

    GDAL's own limit, OGR_ARROW_MEM_LIMIT, makes 3.12 crash when a GeoPackage is closed before its end.
    """
    bytes_each = source.path.stat().st_size / max(features, 1)
    return max(1, min(_BATCH, int(_BATCH_BYTES / max(bytes_each, 1)))) if features > 0 else _BATCH


@contextmanager
def _open(source: Source, **part: Any) -> Iterator[Any]:
    restrict()
    more: dict[str, Any] = {"batch_size": _BATCH, **dict(source.options), **part}
    with (
        _plainly_named(source) as path,
        pyogrio.raw.open_arrow(
            path,
            layer=source.layer,
            encoding=source.encoding,
            read_geometry=source.geometry,
            return_fids=True,
            use_pyarrow=True,
            **more,
        ) as opened,
    ):
        yield opened


@contextmanager
def _plainly_named(source: Source) -> Iterator[str]:
    """Give an absolute path without signs, so that no name is taken for an address or an archive."""
    path = (source.alias or source.path).absolute()
    if _PLAIN_PATH.fullmatch(str(path)):
        yield str(path)
        return
    with tempfile.TemporaryDirectory(prefix="divebell-read-") as folder:
        for sibling in path.parent.glob(glob.escape(path.stem) + ".*"):
            if sibling.name == path.stem + sibling.suffix and sibling.is_file():
                (Path(folder) / f"data{sibling.suffix}").symlink_to(sibling)
        yield str(Path(folder) / f"data{path.suffix}")


def _geometry_field(meta: dict[str, Any], schema: pa.Schema) -> str | None:
    if meta["geometry_type"] is None:
        return None
    name = meta["geometry_name"] or "wkb_geometry"
    return name if name in schema.names else None


def _messages(caught: list[warnings.WarningMessage]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(one.message) for one in caught))
