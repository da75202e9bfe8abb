"""Draw one tile, or tell the values of one place. Runs in a process of its own: see `workers`."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from divebell.pipeline.reading.frames import Raster
from divebell.rasters.palettes import table
from divebell.tiles.boxes import tile_box

SIZE = 256
OTHER = (128, 128, 128, 255)
"""The colour of a value that none was chosen for: it is rarer than those that were."""
_OPEN = 16


@dataclass(frozen=True)
class Style:
    """How a raster of one band at a time is coloured; `low` and `high` are the ramp's ends."""

    band: int
    palette: str
    low: float
    high: float


@dataclass(frozen=True)
class Wanted:
    """One tile of one raster."""

    path: Path
    facts: Raster
    z: int
    x: int
    y: int
    style: Style
    form: str
    """png or webp."""


def tile(wanted: Wanted) -> bytes:
    """Draw a tile; nothing where nothing lies in it."""
    facts = wanted.facts
    bands = facts.channels[:3] if facts.drawn == "rgb" else (wanted.style.band,)
    values, held = _read(wanted, bands)
    if not held.any():
        return b""
    picture = _picture(facts, wanted.style, bands, values)
    picture[3][~held] = 0
    return _encoded(picture, wanted.form, lossless=facts.drawn in {"classes", "palette"})


def value(path: Path, facts: Raster, longitude: float, latitude: float) -> list[float | None] | None:
    """Give the value of each band at a place, None for one that holds nothing; None outside the raster."""
    from rasterio import warp  # noqa: PLC0415 - loaded in the worker
    from rasterio.windows import Window  # noqa: PLC0415

    raster = _opened(path, None)
    for turn in (0, 360, -360):
        xs, ys = warp.transform("EPSG:4326", facts.crs, [longitude + turn], [latitude])
        if not np.isfinite([*xs, *ys]).all():
            continue
        column, row = _pixel(raster, xs[0], ys[0])
        if 0 <= column < raster.width and 0 <= row < raster.height:
            found = raster.read(window=Window(column, row, 1, 1), masked=True)[:, 0, 0]
            return [_number(one) for one in found]
    return None


def _pixel(raster: Any, x: float, y: float) -> tuple[int, int]:
    west, across_x, down_x, north, across_y, down_y = raster.transform.to_gdal()
    area = across_x * down_y - down_x * across_y
    east, south = x - west, y - north
    return int((east * down_y - south * down_x) // area), int((south * across_x - east * across_y) // area)


def _number(one: Any) -> float | None:
    if one is np.ma.masked or not np.isfinite(one):
        return None
    return one.item()  # type: ignore[no-any-return]


def _read(wanted: Wanted, bands: tuple[int, ...]) -> tuple[Any, Any]:
    """Give the bands' values on the tile's grid, and where there are any."""
    source = _opened(wanted.path, _overview(wanted))
    values, held = _warped(wanted, source, bands, None)
    for transform in _turned(source, wanted.facts.crs):
        more, there = _warped(wanted, source, bands, transform)
        values, held = np.where(held, values, more), held | there
    if values.dtype.kind == "f":
        held &= np.isfinite(values).all(axis=0)
    return values, held


def _warped(wanted: Wanted, source: Any, bands: tuple[int, ...], transform: Any) -> tuple[Any, Any]:
    """Read with the raster where it says it is, or where `transform` says."""
    from rasterio import Affine  # noqa: PLC0415
    from rasterio.enums import ColorInterp, Resampling  # noqa: PLC0415
    from rasterio.vrt import WarpedVRT  # noqa: PLC0415

    facts = wanted.facts
    exact = facts.drawn in {"classes", "palette"} or wanted.z > facts.zoom
    opaque = source.nodata is None and ColorInterp.alpha not in source.colorinterp
    west, south, east, north = tile_box(wanted.z, wanted.x, wanted.y)
    options = {
        "src_crs": facts.crs,
        "crs": "EPSG:3857",
        "transform": Affine((east - west) / SIZE, 0, west, 0, (south - north) / SIZE, north),
        "width": SIZE,
        "height": SIZE,
        "resampling": Resampling.nearest if exact else Resampling.bilinear,
        "add_alpha": opaque,
        **({"src_transform": transform} if transform else {}),
    }
    with WarpedVRT(source, **options) as warped:
        values = warped.read(list(bands))
        if source.nodata is not None:
            return values, warped.read_masks(list(bands)).all(axis=0)
        last = warped.count if opaque else source.colorinterp.index(ColorInterp.alpha) + 1
        return values, warped.read(last) > 0


def _turned(source: Any, crs: str) -> list[Any]:
    """Give where else a raster in degrees lies that reaches over the antimeridian: once around the Earth."""
    from rasterio import Affine  # noqa: PLC0415
    from rasterio.crs import CRS  # noqa: PLC0415

    if not CRS.from_user_input(crs).is_geographic:
        return []
    west, _, east, _ = source.bounds
    turns = [turn for turn, reaches in ((-360, east > 180), (360, west < -180)) if reaches]
    here = source.transform
    return [Affine(here.a, here.b, here.c + turn, here.d, here.e, here.f) for turn in turns]


def _picture(facts: Raster, style: Style, bands: tuple[int, ...], values: Any) -> Any:
    """Give red, green, blue and opacity of each pixel."""
    match facts.drawn:
        case "rgb":
            colours = [_bytes(facts, number, one) for number, one in zip(bands, values, strict=True)]
            return np.stack([*colours, np.full(colours[0].shape, 255, np.uint8)])
        case "palette" | "classes":
            return _looked_up(facts, values[0])
        case "ramp":
            place = _scaled(values[0], style.low, style.high)
            opacity = np.full((1, *place.shape), 255, np.uint8)
            return np.concatenate([np.moveaxis(table(style.palette)[place], 2, 0), opacity])


def _looked_up(facts: Raster, values: Any) -> Any:
    known = sorted(facts.colours)
    colours = np.array([*(facts.colours[one] for one in known), OTHER], np.uint8)
    places = np.searchsorted(known, values)
    found = np.append(np.array(known), 0)[np.minimum(places, len(known) - 1)] == values
    return np.moveaxis(colours[np.where(found, places, len(known))], 2, 0).copy()


def _bytes(facts: Raster, number: int, values: Any) -> Any:
    """Give a channel as bytes: as it is, or between the values that nearly all pixels lie between."""
    band = facts.bands[number - 1]
    if values.dtype == np.uint8 or band.middle is None:
        return values.astype(np.uint8)
    return _scaled(values, *band.middle)


def _scaled(values: Any, low: float, high: float) -> Any:
    with np.errstate(all="ignore"):
        share = (values.astype(np.float64) - low) / (high - low if high > low else 1.0)
    return (np.clip(np.nan_to_num(share), 0, 1) * 255).round().astype(np.uint8)


def _overview(wanted: Wanted) -> int | None:
    """Choose the smaller copy within the file that still has a pixel for each of the tile's."""
    factors = _opened(wanted.path, None).overviews(1)
    enough = [at for at, factor in enumerate(factors) if factor <= 2 ** (wanted.facts.zoom - wanted.z)]
    return enough[-1] if enough else None


@lru_cache(maxsize=_OPEN)
def _opened(path: Path, overview: int | None) -> Any:
    import rasterio  # noqa: PLC0415

    with _quiet():
        more = {} if overview is None else {"overview_level": overview}
        return rasterio.open(path, driver="GTiff", **more)


def _encoded(picture: Any, form: str, *, lossless: bool) -> bytes:
    from rasterio.io import MemoryFile  # noqa: PLC0415

    options = {"driver": "PNG", "zlevel": 3} if form == "png" else {"driver": "WEBP", "quality": 80}
    if lossless and form == "webp":
        options["lossless"] = True
    with _quiet(), MemoryFile() as memory:
        with memory.open(width=SIZE, height=SIZE, count=4, dtype="uint8", **options) as file:
            file.write(picture)
        return bytes(memory.read())


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back that a picture lies nowhere on Earth."""
    with warnings.catch_warnings(action="ignore"):
        yield
