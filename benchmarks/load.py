"""From a commit to a table: divebell beside ogr2ogr, in one run, on the same files and the same PostgreSQL.

divebell's time is that of its whole job: commit, fetch, decide types over all values, check geometries,
index, ANALYZE, swap, catalogue. ogr2ogr's is PG_USE_COPY with its spatial index, and ANALYZE. Prints
medians and the ratio ogr2ogr / divebell (above 1: divebell is faster).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas
import numpy as np
import shapely

from divebell.database import conninfo
from divebell.event import State

EVENT = "name: Benchmark\ndata: {repository: .}\n"


def main() -> int:
    """Run the benchmark and print what it found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the text file (default: 200,000)")
    parser.add_argument(
        "--polygons", type=int, default=50_000, help="polygons of the GeoPackage (default: 50,000)"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    writers: dict[str, Callable[[Path, int], None]] = {
        "points.csv": lambda path, seed: write_points(path, args.rows, seed),
        "areas.gpkg": lambda path, seed: write_areas(path, args.polygons, seed),
    }
    times: dict[str, dict[str, list[float]]] = {name: {"divebell": [], "ogr2ogr": []} for name in writers}
    with running_event() as folder:
        for seed in range(args.rounds):
            for name, write in writers.items():
                write(folder / "data" / name, seed)
                times[name]["divebell"].append(seconds(lambda: divebell_load(folder)))
                times[name]["ogr2ogr"].append(seconds(lambda name=name: ogr_load(folder, name)))
    report(times, as_json=args.json)
    return 0


def report(times: dict[str, dict[str, list[float]]], *, as_json: bool) -> None:
    """Print medians and ratios."""
    facts = {
        name: {who: round(statistics.median(each), 2) for who, each in by.items()}
        for name, by in times.items()
    }
    ratios = {name: round(by["ogr2ogr"] / by["divebell"], 2) for name, by in facts.items()}
    if as_json:
        print(json.dumps({"median_s": facts, "vs_ogr2ogr": ratios}))
        return
    for name, by in facts.items():
        print(f"{name}: divebell {by['divebell']} s, ogr2ogr {by['ogr2ogr']} s, ratio {ratios[name]}")


def write_points(path: Path, rows: int, seed: int) -> None:
    """Write a text table as an event's files are: codes with leading zeros, dates, gaps, coordinates."""
    dice = random.Random(seed)
    with path.open("w") as file:
        file.write("fips,name,filed,amount,share,open,longitude,latitude\n")
        for row in range(rows):
            amount = "" if row % 7 == 0 else str(dice.randrange(10**6))
            place = f"{dice.uniform(-124, -67):.6f},{dice.uniform(25, 49):.6f}"
            date = f"20{dice.randrange(10, 22)}-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}"
            file.write(
                f"{row % 60000:05},name {row},{date},{amount},{dice.random():.4f},{row % 2 == 0},{place}\n"
            )


def write_areas(path: Path, count: int, seed: int) -> None:
    """Write polygons of 50 vertices with a few attributes."""
    dice = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * np.pi, 50, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1) * 0.01
    centres = dice.uniform((-124, 25), (-67, 49), (count, 2))
    shapes = shapely.polygons(centres[:, None, :] + ring[None, :, :])
    frame = geopandas.GeoDataFrame(
        {"code": [f"{n:06}" for n in range(count)], "value": dice.random(count)},
        geometry=shapes,
        crs="EPSG:4326",
    )
    path.unlink(missing_ok=True)
    frame.to_file(path, driver="GPKG")


@contextmanager
def running_event() -> Iterator[Path]:
    """Keep an event up in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="divebell-bench-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        (folder / "event.yaml").write_text(EVENT)
        run([sys.executable, "-m", "divebell", "up", str(folder), "--detach", "--port", "8765"])
        try:
            yield folder
        finally:
            run([sys.executable, "-m", "divebell", "down", str(folder)])


def divebell_load(folder: Path) -> None:
    """Commit what changed and wait until it is a table."""
    git = ["git", "-C", str(folder), "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    run([*git, "add", "--all"])
    run([*git, "commit", "--quiet", "--allow-empty", "--message=data"])
    run([sys.executable, "-m", "divebell", "data", "load", str(folder)])


def ogr_load(folder: Path, name: str) -> None:
    """Load one file with ogr2ogr into the loader's staging schema."""
    known = conninfo(State.beside(folder / "event.yaml"), "event_loader")
    environment = os.environ | {"PG_USE_COPY": "YES", "PGPASSWORD": str(known["password"])}
    target = "PG:" + " ".join(f"{key}={value}" for key, value in known.items() if key != "password")
    options = [
        "-oo",
        "AUTODETECT_TYPE=YES",
        "-oo",
        "X_POSSIBLE_NAMES=longitude",
        "-oo",
        "Y_POSSIBLE_NAMES=latitude",
    ]
    layer = f"ogr_{Path(name).stem}"
    subprocess.run(
        [
            *("ogr2ogr", "-f", "PostgreSQL", target, str(folder / "data" / name)),
            *("-overwrite", "-nln", f"stage.{layer}", "-lco", "SPATIAL_INDEX=GIST", "-a_srs", "EPSG:4326"),
            *(options if name.endswith(".csv") else []),
        ],
        check=True,
        env=environment,
        capture_output=True,
    )
    psql = ["psql", "-q", target.removeprefix("PG:"), "-c", f"ANALYZE stage.{layer}"]
    subprocess.run(psql, check=True, env=environment, capture_output=True)


def run(command: list[str]) -> None:
    """Run a command that must succeed, with its words only when it does not."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def seconds(act: Callable[[], None]) -> float:
    """Time one call."""
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


if __name__ == "__main__":
    sys.exit(main())
