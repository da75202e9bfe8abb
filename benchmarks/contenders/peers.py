"""The tools people use instead, each with a spatial index and ANALYZE, each into a table of its own."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import geopandas
import pandas as pd  # type: ignore[import-untyped]
import sqlalchemy
from psycopg import sql

from contenders.event import SCHEMA, Event, check, run
from contenders.files import Job

_CRS = "EPSG:4326"


class Peer(Protocol):
    """A way to get a file into PostGIS."""

    @property
    def name(self) -> str:
        """How it is called on the command line."""
        ...

    def refuses(self, job: Job) -> str | None:
        """Say why it takes no part for this format, None when it does."""
        ...

    def load(self, event: Event, job: Job, table: str) -> None:
        """Load the file into `peers.<table>`, with a spatial index."""
        ...


def timed(peer: Peer, event: Event, job: Job) -> float:
    """Give the seconds of a load into a fresh table, ANALYZE included; its rows are counted afterwards."""
    table = f"{peer.name}_{event.turn}"
    place = sql.Identifier(SCHEMA, table)
    began = time.perf_counter()
    peer.load(event, job, table)
    event.connection.execute(sql.SQL("ANALYZE {}").format(place))
    seconds = time.perf_counter() - began
    check(event.connection, SCHEMA, table, job.rows)
    event.connection.execute(sql.SQL("DROP TABLE {}").format(place))
    return seconds


@dataclass(frozen=True)
class Ogr2ogr:
    """GDAL's own tool, by COPY."""

    name: str = "ogr2ogr"

    def refuses(self, job: Job) -> str | None:
        """Debian's GDAL has no Parquet driver."""
        if shutil.which("ogr2ogr") is None:
            return "it is not installed (Debian: gdal-bin)"
        driver = {"geoparquet": "Parquet", "geopackage": "GPKG", "csv": "CSV", "geojson": "GeoJSON"}
        wanted = driver.get(job.format, "ESRI Shapefile")
        return None if f" {wanted} -" in _drivers() else f"its GDAL has no {wanted} driver"

    def load(self, event: Event, job: Job, table: str) -> None:
        """Load with types detected over the file for text, else as the file has them."""
        text = ("AUTODETECT_TYPE=YES", "X_POSSIBLE_NAMES=longitude", "Y_POSSIBLE_NAMES=latitude")
        options = [word for option in text for word in ("-oo", option)] if job.format == "csv" else []
        promoted = ["-nlt", "PROMOTE_TO_MULTI"] if job.format == "shapefile" else []
        run(
            [
                *("ogr2ogr", "-f", "PostgreSQL", "PG:", str(job.file), "-nln", f"{SCHEMA}.{table}"),
                *("-lco", "SPATIAL_INDEX=GIST", "-a_srs", _CRS, *options, *promoted),
            ],
            {**event.target, "PG_USE_COPY": "YES"},
        )


@dataclass(frozen=True)
class Geopandas:
    """What a notebook does: read_file (pandas.read_csv for text), then to_postgis."""

    name: str = "geopandas"

    def refuses(self, job: Job) -> str | None:  # noqa: ARG002 - it reads them all
        """Nothing."""
        return None

    def load(self, event: Event, job: Job, table: str) -> None:
        """Read everything into memory, then send it as text COPY."""
        to = event.target
        address = sqlalchemy.URL.create(
            "postgresql+psycopg",
            to["PGUSER"],
            to["PGPASSWORD"],
            to["PGHOST"],
            int(to["PGPORT"]),
            to["PGDATABASE"],
        )
        engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.NullPool)
        _frame(job).to_postgis(table, engine, schema=SCHEMA, index=False)
        indexed = event.connection.execute(
            "SELECT count(*) FROM pg_indexes WHERE schemaname = %s AND tablename = %s AND indexdef ~ 'gist'",
            (SCHEMA, table),
        ).fetchone()
        if indexed == (0,):
            place = sql.Identifier(SCHEMA, table)
            event.connection.execute(sql.SQL("CREATE INDEX ON {} USING gist (geometry)").format(place))


@dataclass(frozen=True)
class Shp2pgsql:
    """PostGIS's own tool for Shapefiles, in its COPY format and with its index, piped into psql."""

    name: str = "shp2pgsql"

    def refuses(self, job: Job) -> str | None:
        """Whatever is no Shapefile."""
        if job.format != "shapefile":
            return "it reads Shapefiles alone"
        return None if shutil.which("shp2pgsql") else "it is not installed (Debian: postgis)"

    def load(self, event: Event, job: Job, table: str) -> None:
        """Pipe one into the other; both must end well."""
        words = ["shp2pgsql", "-D", "-I", "-s", "4326", str(job.file), f"{SCHEMA}.{table}"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as writer:
            subprocess.run(
                ["psql", "-q", "-v", "ON_ERROR_STOP=1"],
                stdin=writer.stdout,
                stdout=subprocess.DEVNULL,
                env={"PATH": "/usr/bin:/bin", **event.target},
                check=True,
            )
        if writer.returncode:
            raise RuntimeError(f"shp2pgsql ended with {writer.returncode}")


PEERS: tuple[Peer, ...] = (Ogr2ogr(), Geopandas(), Shp2pgsql())


def _frame(job: Job) -> geopandas.GeoDataFrame:
    if job.format == "csv":
        table = pd.read_csv(job.file)
        points = geopandas.points_from_xy(table["longitude"], table["latitude"])
        return geopandas.GeoDataFrame(table, geometry=points, crs=_CRS)
    if job.format == "geoparquet":
        return geopandas.read_parquet(job.file)
    return geopandas.read_file(job.file)


@cache
def _drivers() -> str:
    return run(["ogr2ogr", "--formats"])
