"""The files that are loaded: one large table of points as text, and polygons in four formats."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import shapely

FORMATS = {
    "csv": "points.csv",
    "geojson": "areas.geojson",
    "geopackage": "areas.gpkg",
    "shapefile": "areas.shp",
    "geoparquet": "areas.parquet",
}
_SIDECARS = (".shx", ".dbf", ".prj", ".cpg")
_VERTICES = 50


@dataclass(frozen=True)
class Job:
    """One file to load, and how many rows it must become."""

    format: str
    file: Path
    rows: int

    @property
    def files(self) -> list[Path]:
        """The file with those that belong to it."""
        return [self.file, *_sidecars(self.file)]


@dataclass(frozen=True)
class Sizes:
    """How many rows the files have."""

    rows: int
    polygons: int


def make(formats: list[str], folder: Path, sizes: Sizes) -> list[Job]:
    """Write the files that are missing in `folder`; those of an earlier run serve again."""
    jobs = []
    for name in formats:
        count = sizes.rows if name == "csv" else sizes.polygons
        below = folder / f"{count}"
        job = Job(name, below / FORMATS[name], count)
        if not job.file.exists():
            print(f"writing {job.file}", file=sys.stderr)
            below.mkdir(parents=True, exist_ok=True)
            _write(job)
        jobs.append(job)
    return jobs


def fresh(job: Job, folder: Path, turn: int) -> Job:
    """Put a copy into `folder` that differs by a trifle from every other turn's, so that git never has it."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in job.files:
        shutil.copyfile(file, folder / file.name)
    copy = Job(job.format, folder / job.file.name, job.rows)
    match job.format:
        case "csv":
            _change_last_digit(copy.file, turn)
        case "geojson":
            with copy.file.open("a") as out:
                out.write(" " * (turn + 1))
        case "geopackage":
            with sqlite3.connect(copy.file) as database:
                database.execute(f"PRAGMA user_version = {10200 + turn}")
            database.close()
        case "shapefile":
            for suffix in (".shp", ".shx"):
                _overwrite(copy.file.with_suffix(suffix), 4, turn.to_bytes(4, "big"))  # bytes nobody uses
            _overwrite(copy.file.with_suffix(".dbf"), 3, bytes([1 + turn % 28]))  # the day of its last update
        case _:
            table = pa.parquet.read_table(copy.file)
            told = {**(table.schema.metadata or {}), b"turn": str(turn).encode()}
            pa.parquet.write_table(table.replace_schema_metadata(told), copy.file)
    return copy


def _sidecars(file: Path) -> list[Path]:
    if file.suffix != ".shp":
        return []
    return [side for suffix in _SIDECARS if (side := file.with_suffix(suffix)).exists()]


def _write(job: Job) -> None:
    part = job.file.with_name(f"part-{job.file.name}")
    if job.format == "csv":
        pa.csv.write_csv(_points(job.rows), part, pa.csv.WriteOptions(quoting_style="needed"))
    elif job.format == "geoparquet":
        _areas(job.rows).to_parquet(part)
    else:
        _areas(job.rows).to_file(part)
    for side in _sidecars(part):
        side.rename(job.file.with_suffix(side.suffix))
    part.rename(job.file)


def _points(rows: int) -> pa.Table:
    """Sixteen columns as an event's files have them: codes, texts, dates, numbers, flags, NA, coordinates."""
    dice = np.random.default_rng(1)
    street = _labels(800)[dice.integers(0, 800, rows)]
    filed = np.datetime64("2010-01-01") + dice.integers(0, 4000, rows).astype("timedelta64[D]")
    return pa.table(
        {
            "id": np.arange(rows),
            "fips": _codes(dice, rows),
            "zip": _codes(dice, rows),
            "name": _labels(5000)[dice.integers(0, 5000, rows)],
            "addr": np.char.add(dice.integers(1, 9999, rows).astype(str), street),
            "city": np.array(["Tampa", "Brandon", "Plant City"])[dice.integers(0, 3, rows)],
            "filed": filed.astype(str),
            "amount": np.round(dice.uniform(0, 1e5, rows), 2),
            "rate": dice.random(rows),
            "count": dice.integers(0, 1000, rows),
            "open": np.array(["true", "false"])[dice.integers(0, 2, rows)],
            "year": dice.integers(2010, 2022, rows),
            "score": np.round(dice.normal(0, 10, rows), 3),
            "status": np.array(["filed", "closed", "NA"])[dice.integers(0, 3, rows)],
            "longitude": np.round(dice.uniform(-124, -67, rows), 6),
            "latitude": np.round(dice.uniform(25, 49, rows), 6),
        }
    )


def _areas(count: int) -> geopandas.GeoDataFrame:
    """Make as many compact outlines, whose validity is easily shown, as crescents, whose is not.

    Of the real census tracts at hand a quarter to six tenths were of the first kind.
    """
    dice = np.random.default_rng(2)
    angles = np.tile(np.linspace(0, 2 * np.pi, _VERTICES, endpoint=False), (count, 1))
    reach = dice.uniform(0.005, 0.01, (count, _VERTICES))
    there = np.linspace(0, 1.5 * np.pi, _VERTICES // 2)
    angles[::2] = np.concatenate((there, there[::-1]))
    inner = np.repeat([1.0, 0.4], _VERTICES // 2)
    reach[::2] = inner * dice.uniform(0.008, 0.01, (len(reach[::2]), _VERTICES))
    centres = dice.uniform((-124, 25), (-67, 49), (count, 1, 2))
    outlines = np.stack([np.cos(angles) * reach, np.sin(angles) * reach], axis=-1) + centres
    values = {
        "code": [f"{number:06}" for number in range(count)],
        "value": dice.random(count),
        "n": dice.integers(0, 1000, count),
        "label": _labels(1000)[dice.integers(0, 1000, count)],
    }
    return geopandas.GeoDataFrame(values, geometry=shapely.polygons(outlines), crs="EPSG:4326")


def _labels(count: int) -> np.ndarray:
    return np.array([f"street {number} avenue" for number in range(count)])


def _codes(dice: np.random.Generator, rows: int) -> np.ndarray:
    return np.char.zfill(dice.integers(0, 99999, rows).astype(str), 5)


def _change_last_digit(file: Path, turn: int) -> None:
    # a text table ends with a coordinate and a line end
    _overwrite(file, file.stat().st_size - 2, str(turn % 10).encode())


def _overwrite(file: Path, at: int, what: bytes) -> None:
    with file.open("r+b") as target:
        target.seek(at)
        target.write(what)
