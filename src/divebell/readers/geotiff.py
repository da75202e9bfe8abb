"""GeoTIFF: one row that says where the raster lies and how it is made. Its pixels are never read."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import shapes
from divebell.readers.claims import head, refuse_imposter
from divebell.readers.crs import UNKNOWN, Reference, identify
from divebell.readers.model import GEOMETRY_COLUMN, Column, Geometry, Layer

_DRIVERS = frozenset({"GTiff", "COG"})
_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_COLUMNS = tuple(
    Column(name, name, kind)
    for name, kind in (
        ("file", pa.string()),
        ("width", pa.int64()),
        ("height", pa.int64()),
        ("bands", pa.int64()),
        ("data_type", pa.string()),
        ("nodata", pa.float64()),
        ("pixel_width", pa.float64()),
        ("pixel_height", pa.float64()),
        ("compression", pa.string()),
    )
)


class GeoTiffReader:
    """Describes a raster by one row: its outline, its size in pixels and on the ground, its bands."""

    name = "GeoTIFF"
    suffixes: tuple[str, ...] = (".tif", ".tiff")

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe the raster. Raises DivebellError when it is no TIFF, or does not say where it lies."""
        if not head(path, 4).startswith(_SIGNATURES):
            refuse_imposter(path, "GeoTIFF")
            raise DivebellError(f"{path.name} is no TIFF", next_step="export it again as GeoTIFF")
        return [_layer(_raster(path), hint)]


@dataclass(frozen=True)
class _Raster:
    """What a GeoTIFF says of itself."""

    values: tuple[Any, ...]
    """In the order of the columns."""
    outline: bytes
    crs: str | None
    code: str | None


def _raster(path: Path) -> _Raster:
    import rasterio  # noqa: PLC0415 - brings a GDAL of its own, a tenth of a second that other formats need not wait
    import rasterio.errors  # noqa: PLC0415

    _restrict()
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            rasterio.Env(),
            rasterio.open(path.resolve(), driver="GTiff") as raster,
        ):
            return _described(path, raster)
    except (rasterio.errors.RasterioError, ValueError, OverflowError) as error:
        reason = str(error).replace(str(path.resolve()), path.name)[:200]
        raise DivebellError(
            f"{path.name} cannot be read as GeoTIFF: {reason}",
            next_step="check that it was uploaded completely, or export it again",
        ) from error


def _described(path: Path, raster: Any) -> _Raster:
    west, across_x, down_x, north, across_y, down_y = grid = raster.transform.to_gdal()
    if raster.gcps[0] and grid == (0, 1, 0, 0, 0, 1):
        raise DivebellError(
            f"{path.name} is tied to the ground by control points only",
            next_step="put it straight first, for example with gdalwarp or QGIS's georeferencer",
        )
    area = abs(across_x * down_y - across_y * down_x)
    if grid == (0, 1, 0, 0, 0, 1) or not np.isfinite(grid).all() or not area:
        raise DivebellError(
            f"{path.name} does not say where on Earth it lies: it is a picture, not a map",
            next_step="export it with its georeference (GeoTIFF), or commit its world file (.tfw) beside it",
        )
    corners = [(0, 0), (raster.width, 0), (raster.width, raster.height), (0, raster.height)]
    ground = [(west + x * across_x + y * down_x, north + x * across_y + y * down_y) for x, y in corners]
    values = (
        path.name,
        raster.width,
        raster.height,
        raster.count,
        ", ".join(dict.fromkeys(raster.dtypes)),
        None if raster.nodata is None else float(raster.nodata),
        float(np.hypot(across_x, across_y)),
        float(np.hypot(down_x, down_y)),
        raster.tags(ns="IMAGE_STRUCTURE").get("COMPRESSION", "none").lower(),
    )
    authority = raster.crs.to_authority() if raster.crs else None
    return _Raster(
        values,
        shapely.to_wkb(shapely.Polygon(ground), byte_order=1, flavor="iso"),
        raster.crs.to_wkt() if raster.crs else None,
        ":".join(authority) if authority else None,
    )


def _layer(raster: _Raster, hint: DatasetHint) -> Layer:
    reference = identify(hint.crs) if hint.crs else _reference(raster).unless_beyond(fits=_in_degrees(raster))
    survey, outline = shapes.Survey(), pa.array([raster.outline], pa.binary())
    survey.see(outline)
    degrees = reference.in_degrees and survey.looks_like_degrees
    plan = shapes.plan(survey, degrees=degrees)
    schema = pa.schema([(one.name, one.type) for one in _COLUMNS] + [(GEOMETRY_COLUMN, pa.binary())])

    def batches() -> Iterator[pa.RecordBatch]:
        arrays = [pa.array([value], one.type) for value, one in zip(raster.values, _COLUMNS, strict=True)]
        yield pa.RecordBatch.from_arrays([*arrays, shapes.apply(outline, plan, 1)], schema=schema)

    return Layer(
        name=None,
        columns=_COLUMNS,
        geometry=Geometry(plan.type, reference.code, reference.wkt),
        warnings=(
            "a raster becomes one row with its outline; its pixels are drawn on the map",
            *reference.warnings,
            *shapes.warnings_of(survey, plan),
        ),
        batches=batches,
    )


def _reference(raster: _Raster) -> Reference:
    return identify(raster.crs, raster.code) if raster.crs else UNKNOWN


def _in_degrees(raster: _Raster) -> bool:
    """Whether its middle may be a longitude and latitude; grids of the whole Earth reach past the poles."""
    middle = shapely.from_wkb(raster.outline).centroid
    return bool(abs(middle.x) <= 540 and abs(middle.y) <= 90)


@cache
def _restrict() -> None:
    """Take every driver but `_DRIVERS` out of rasterio's GDAL. Raises RuntimeError if one stays."""
    import rasterio  # noqa: PLC0415
    from rasterio import _env  # noqa: PLC0415

    with rasterio.Env() as every:
        skip = ",".join(sorted(set(every.drivers()) - _DRIVERS))
    _env._have_registered_drivers = False  # noqa: SLF001 - GDAL applies GDAL_SKIP whenever drivers are registered
    with rasterio.Env(GDAL_SKIP=skip) as few:
        left = set(few.drivers()) - _DRIVERS
    if left:
        raise RuntimeError(f"GDAL keeps drivers that could read other files: {', '.join(sorted(left))}")
