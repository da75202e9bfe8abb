"""In the reading process: make a cloud-optimised copy of a raster, and say what its pixels hold."""

from __future__ import annotations

import math
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.pipeline.reading import frames
from divebell.readers.geotiff import GeoTiffReader

MOST_BANDS = 64
MOST_BYTES = 8 * 1024**3
"""Of all pixels, unpacked."""
FEW = 12
"""Up to so many different whole numbers are classes, each with a colour of its own."""
CLASSES = 24
"""Into so many classes the values of a band are counted."""
_SIDE = 1000
"""A band is looked at on so many pixels across and down."""
_PIECE = 8 << 20
_BLOCK = 512
_CACHE_MB = 256
_LARGEST_PALETTE = 256
_EDGE = 33
"""Places along each side of a raster that are looked at to find its bounds."""
_ALL_AROUND = 20.0
"""Degrees: where no stretch without a place is wider, a raster goes all around the Earth."""
_COLOURS = (
    (0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0),
    (240, 228, 66), (120, 94, 60), (150, 150, 150), (100, 70, 160), (30, 100, 60), (60, 60, 60),
)  # fmt: skip
"""Okabe and Ito's eight, whose differences colour-blind people see, and four more."""


def send(path: Path, hint: DatasetHint, out: frames.Sender) -> None:
    """Tell what a raster holds, then send its copy. Raises DivebellError where it cannot be drawn."""
    import rasterio  # noqa: PLC0415 - brings a GDAL of its own

    [layer] = GeoTiffReader().read(path, hint)
    where = layer.geometry
    if where is None or (where.crs is None and where.crs_wkt is None):
        raise DivebellError(
            "it does not say which coordinate system it is in",
            next_step="name it (crs) in the event file, or export the file with it",
        )
    copy = Path.cwd() / "copy.tif"
    settings = {"GDAL_CACHEMAX": _CACHE_MB, "GDAL_PAM_ENABLED": "NO", "GDAL_NUM_THREADS": "1"}
    with warnings.catch_warnings(action="ignore"), rasterio.Env(**settings):
        _copy(path, copy)
        with rasterio.open(copy, driver="GTiff") as raster:
            out.say(_described(raster, where.crs or str(where.crs_wkt)))
    with copy.open("rb") as file:
        while piece := file.read(_PIECE):
            out.rows(0, piece)


def _copy(path: Path, copy: Path) -> None:
    import rasterio.shutil  # noqa: PLC0415

    with rasterio.open(path.resolve(), driver="GTiff") as raster:
        refuse(raster)
        whole = raster.count == 1 and np.dtype(raster.dtypes[0]).kind in "iu"
        rasterio.shutil.copy(
            raster,
            os.fspath(copy),
            driver="COG",
            compress="DEFLATE",
            blocksize=_BLOCK,
            bigtiff="IF_SAFER",
            overviews="IGNORE_EXISTING",
            overview_resampling="NEAREST" if whole else "AVERAGE",
            overview_compress="DEFLATE",
        )


def refuse(raster: Any) -> None:
    """Raise DivebellError for what no map can show, or this machine should not unpack."""
    kinds = {np.dtype(kind).kind if not kind.startswith("complex") else "c" for kind in raster.dtypes}
    if "c" in kinds:
        raise DivebellError(
            "its values are complex numbers, which have no one colour",
            next_step="commit their amplitude or phase instead",
        )
    if raster.count > MOST_BANDS:
        raise DivebellError(
            f"it has {raster.count:,} bands; up to {MOST_BANDS} are drawn",
            next_step="commit those that matter",
        )
    size = raster.width * raster.height * sum(np.dtype(kind).itemsize for kind in raster.dtypes)
    if size > MOST_BYTES:
        raise DivebellError(
            f"its {raster.width:,} x {raster.height:,} pixels unpack to {size / 1024**3:,.1f} GB; up to "
            f"{MOST_BYTES // 1024**3} GB are drawn",
            next_step="commit a coarser or smaller piece of it",
        )


def _described(raster: Any, crs: str) -> frames.Raster:
    values = [_values(raster, number) for number in range(1, raster.count + 1)]
    drawn, colours, channels = _manner(raster, values[0])
    west, south, east, north = bounds(raster, crs)
    return frames.Raster(
        width=raster.width,
        height=raster.height,
        crs=crs,
        bounds=(west, south, east, north),
        drawn=drawn,
        colours=colours,
        channels=channels,
        nodata=_nodata(raster),
        bands=tuple(band(_name(raster, number), raster, number, one) for number, one in enumerate(values, 1)),
        zoom=_zoom(raster, (west, south, east, north)),
    )


def _nodata(raster: Any) -> float | None:
    value = raster.nodata
    return None if value is None or not math.isfinite(value) else float(value)


def _values(raster: Any, number: int) -> Any:
    """Give the pixels of a band that hold something, of at most a million, and how large their share is."""
    shape = (min(raster.height, _SIDE), min(raster.width, _SIDE))
    read = raster.read(number, out_shape=shape, masked=True)
    held = read.compressed()
    if held.dtype.kind == "f":
        held = held[np.isfinite(held)]
    return held, held.size / read.size


def band(name: str, raster: Any, number: int, found: tuple[Any, float]) -> frames.Band:
    """Say what a band holds."""
    held, share = found
    kind = str(raster.dtypes[number - 1])
    if not held.size:
        return frames.Band(
            name=name, type=kind, low=None, high=None, mean=None, middle=None, valid=0.0, counts=()
        )
    held = held.astype(np.float64)
    low, high = float(held.min()), float(held.max())
    first, last = (float(value) for value in np.quantile(held, (0.02, 0.98)))
    scaled = (held - low) / (high - low) if 0 < high - low < math.inf else np.zeros(held.shape)
    counts, _ = np.histogram(scaled, bins=CLASSES, range=(0.0, 1.0))
    mean = float(np.mean(held / 2) * 2)  # the sum of values near the largest possible is none
    return frames.Band(
        name=name,
        type=kind,
        low=low,
        high=high,
        mean=mean if math.isfinite(mean) else None,
        middle=(first, last),
        valid=share,
        counts=tuple(int(count) for count in counts),
    )


def _manner(raster: Any, first: tuple[Any, float]) -> tuple[Any, dict[int, Any], tuple[int, ...]]:
    """Say how it is drawn: by the file's own colours, as classes, or by a ramp."""
    names = [one.name for one in raster.colorinterp]
    if all(name in names for name in ("red", "green", "blue")):
        wanted = ("red", "green", "blue", *(["alpha"] if "alpha" in names else []))
        return "rgb", {}, tuple(names.index(name) + 1 for name in wanted)
    if raster.count == 1 and names[0] == "palette":
        palette = raster.colormap(1)
        if len(palette) <= _LARGEST_PALETTE:
            return "palette", palette, ()
    held = first[0]
    if raster.count == 1 and held.size and held.dtype.kind in "iu":
        different = np.unique(held)
        if len(different) <= FEW:
            colours = zip(different.tolist(), _COLOURS, strict=False)
            return "classes", {value: (*colour, 255) for value, colour in colours}, ()
    return "ramp", {}, ()


def _name(raster: Any, number: int) -> str:
    said = raster.descriptions[number - 1] or ""
    words = "".join(letter for letter in said if letter.isprintable())[:100].strip()
    return words or f"band {number}"


def bounds(raster: Any, crs: str) -> tuple[float, float, float, float]:
    """Give west, south, east, north in degrees; west is more than east across the antimeridian."""
    from rasterio import warp  # noqa: PLC0415

    steps = np.linspace(0, 1, _EDGE)
    across = np.concatenate([steps, steps, np.zeros(_EDGE), np.ones(_EDGE), steps]) * raster.width
    down = np.concatenate([np.zeros(_EDGE), np.ones(_EDGE), steps, steps, steps]) * raster.height
    west, across_x, down_x, north, across_y, down_y = raster.transform.to_gdal()
    xs, ys = west + across * across_x + down * down_x, north + across * across_y + down * down_y
    found = np.array(warp.transform(crs, "EPSG:4326", xs.tolist(), ys.tolist()))
    found = found[:, np.isfinite(found).all(axis=0)]
    if not found.size:
        raise DivebellError(
            "it lies outside the area its coordinate system is made for",
            next_step="check its coordinate system",
        )
    longitudes, latitudes = found
    first, last = _ends(longitudes)
    return first, max(-90.0, float(latitudes.min())), last, min(90.0, float(latitudes.max()))


def _ends(longitudes: Any) -> tuple[float, float]:
    """Give the shorter way round: where the longest stretch without any place is over the antimeridian."""
    wrapped = np.sort((longitudes + 180) % 360 - 180)
    gaps = np.diff(np.append(wrapped, wrapped[0] + 360))
    widest = int(gaps.argmax())
    if gaps[widest] < _ALL_AROUND:
        return -180.0, 180.0
    if widest == len(wrapped) - 1:
        return float(wrapped[0]), float(wrapped[-1])
    return float(wrapped[widest + 1]), float(wrapped[widest])


def _zoom(raster: Any, box: tuple[float, float, float, float]) -> int:
    """Give the zoom whose tiles of 256 pixels show about one pixel for each of its own."""
    width = (box[2] - box[0]) % 360 or 360.0
    return max(0, min(24, math.ceil(math.log2(360 / max(width, 1e-9) * raster.width / 256) - 0.01)))
