"""Try out what a workspace is for, inside it: `python smoke.py [--json]`, as any account.

Imports every package, converts a file with ogr2ogr, draws a map, and reads PostGIS where PGHOST says there is
one. Exit code 1 when anything fails.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from typing import Any

BESIDE = Path(__file__).parent
LISTS = (BESIDE / "packages.in", Path("/opt/packages/packages.in"))
COMMANDS = (
    "git",
    "git-lfs",
    "psql",
    "ogr2ogr",
    "gdalinfo",
    "curl",
    "jq",
    "nano",
    "vim.tiny",
    "less",
    "make",
    "ssh",
)
SQUARE = '{"type":"Polygon","coordinates":[[[-93,44],[-92,44],[-92,45],[-93,45],[-93,44]]]}'
FEATURE = f'{{"type":"Feature","properties":{{"n":7}},"geometry":{SQUARE}}}'
PLACES = f'{{"type":"FeatureCollection","features":[{FEATURE}]}}'


def main() -> int:
    """Run every check, all of them even when one fails, and print what each found."""
    checks: dict[str, Callable[[], str]] = {
        "packages": import_packages,
        "divebell": import_divebell,
        "commands": find_commands,
        "ogr2ogr": convert,
        "map": draw,
    }
    if "PGHOST" in os.environ:
        checks["postgis"] = read_postgis
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        found = {name: attempt(check) for name, check in checks.items()}
    if "--json" in sys.argv:
        print(json.dumps(found, indent=2))
    else:
        for name, result in found.items():
            mark = "good  " if result["good"] else "FAILED"
            print(f"{mark} {name}: {result['found']} ({result['seconds']} s)")
    return 0 if all(result["good"] for result in found.values()) else 1


def attempt(check: Callable[[], str]) -> dict[str, Any]:
    """Run one check and say how it went."""
    begun = time.monotonic()
    try:
        good, found = True, check()
    except Exception as error:  # noqa: BLE001 - whatever is wrong is what the check is for
        good, found = False, f"{type(error).__name__}: {error}"
        traceback.print_exc()
    return {"good": good, "found": found, "seconds": round(time.monotonic() - begun, 1)}


def import_packages() -> str:
    """Import every package that was asked for by name."""
    wanted = [name for place in LISTS for name in names(place.read_text())]
    modules = [module for name in wanted for module in modules_of(name)]
    failed = [problem for module in modules if (problem := import_problem(module))]
    if failed:
        raise ImportError("; ".join(failed))
    return f"{len(wanted)} packages, {len(modules)} modules"


def names(requirements: str) -> list[str]:
    """Give the names of the packages in a list of requirements."""
    return re.findall(r"^[\w.-]+", requirements, re.MULTILINE)


def modules_of(name: str) -> list[str]:
    """Give the module that is called like the package, else all that it brings to import."""
    real = distribution(name).metadata["Name"]
    found = [
        module
        for module, owners in packages_distributions().items()
        if real in owners and module.isidentifier() and not module.startswith("_")
    ]
    same = real.lower().replace("-", "_")
    return [same] if same in found else found


def import_problem(module: str) -> str:
    """Say why a module cannot be imported."""
    try:
        importlib.import_module(module)
    except Exception as error:  # noqa: BLE001
        return f"{module}: {type(error).__name__}: {error}"
    return ""


def import_divebell() -> str:
    """Import what notebooks have of divebell."""
    folder = BESIDE / "divebell" / "workspace"
    modules = [f"divebell.workspace.{file.stem}" for file in folder.glob("*.py") if file.stem != "__init__"]
    failed = [problem for module in modules if (problem := import_problem(module))]
    if failed:
        raise ImportError("; ".join(failed))
    return f"divebell {importlib.import_module('divebell').__version__}"


def find_commands() -> str:
    """Find what people type in a terminal, and no Node.js: JupyterLab would start it each time."""
    missing = [command for command in COMMANDS if shutil.which(command) is None]
    if missing:
        raise FileNotFoundError(", ".join(missing))
    if node := shutil.which("node"):
        raise FileExistsError(node)
    return ", ".join(COMMANDS)


def convert() -> str:
    """Make a GeoPackage of a GeoJSON file."""
    Path("places.geojson").write_text(PLACES)
    subprocess.run(["ogr2ogr", "places.gpkg", "places.geojson"], check=True)
    frame = importlib.import_module("geopandas").read_file("places.gpkg")
    if list(frame["n"]) != [7]:
        raise ValueError(f"the copy holds {frame.to_dict()}")
    return f"GeoJSON to GeoPackage, {Path('places.gpkg').stat().st_size} bytes"


def draw() -> str:
    """Draw a map into a file."""
    importlib.import_module("matplotlib").use("Agg")
    Path("places.geojson").write_text(PLACES)
    frame = importlib.import_module("geopandas").read_file("places.geojson")
    frame.plot(column="n").figure.savefig("map.png")
    picture = Path("map.png").read_bytes()
    if not picture.startswith(b"\x89PNG"):
        raise ValueError("map.png is no PNG")
    return f"map.png, {len(picture)} bytes"


def read_postgis() -> str:
    """Read a geometry through psycopg, SQLAlchemy and geopandas, and count tables with psql."""
    engine = importlib.import_module("sqlalchemy").create_engine("postgresql+psycopg://")
    sql = (
        f"SELECT 7 AS n, ST_SetSRID(ST_GeomFromGeoJSON('{SQUARE}'), 4326) AS geom, postgis_lib_version() AS v"
    )
    frame = importlib.import_module("geopandas").read_postgis(sql, engine)
    engine.dispose()
    if frame.crs != "EPSG:4326" or frame.geometry.area[0] != 1:
        raise ValueError(f"read {frame.to_dict()}")
    psql = ["psql", "-XAtc", "SELECT current_user"]
    user = subprocess.run(psql, check=True, capture_output=True, text=True).stdout.strip()
    return f"PostGIS {frame['v'][0]} as {user}"


if __name__ == "__main__":
    sys.exit(main())
