#!/usr/bin/env python3
"""Make the data of examples/jobs-datadive and of `divebell init` from two npm packages.

    cd /tmp && npm pack us-atlas@3.0.1 vega-datasets@3.2.1
    mkdir us-atlas vega-datasets
    tar xzf us-atlas-*.tgz -C us-atlas && tar xzf vega-datasets-*.tgz -C vega-datasets
    .venv/bin/python scripts/example_data.py /tmp/us-atlas/package /tmp/vega-datasets/package

The packages carry figures of the US Census Bureau, the Bureau of Labor Statistics and GeoNames; sources
and licences stand in each data/README.md. Running it again gives the same data (Excel and GeoPackage files
note the time of writing).
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString, MultiPolygon, Polygon

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "jobs-datadive" / "data"
STARTER = ROOT / "src" / "divebell" / "cli" / "starter" / "data"

NOT_CONTIGUOUS = {"02", "15", "60", "66", "69", "72", "78"}
"""State codes of Alaska, Hawaii and the territories, left out of the polygon layers."""

ALBERS = "EPSG:5070"
INCOME_GROUPS = {
    "<10000": "income_under_10k",
    "10000 to 14999": "income_10k_to_15k",
    "15000 to 24999": "income_15k_to_25k",
    "25000 to 34999": "income_25k_to_35k",
    "35000 to 49999": "income_35k_to_50k",
    "50000 to 74999": "income_50k_to_75k",
    "75000 to 99999": "income_75k_to_100k",
    "100000 to 149999": "income_100k_to_150k",
    "150000 to 199999": "income_150k_to_200k",
    "200000+": "income_200k_and_more",
}


@dataclass(frozen=True)
class Topology:
    """A TopoJSON file whose arcs are decoded and simplified once, so that neighbours keep a common border."""

    objects: dict[str, Any]
    arcs: list[np.ndarray]

    @classmethod
    def read(cls, file: Path, tolerance: float, digits: int) -> Topology:
        """Read a quantised topology; `tolerance` in degrees, coordinates rounded to `digits`."""
        source = json.loads(file.read_text())
        scale, translate = (np.array(source["transform"][key]) for key in ("scale", "translate"))
        arcs = [np.cumsum(np.array(arc), axis=0) * scale + translate for arc in source["arcs"]]
        return cls(source["objects"], [np.round(_simpler(arc, tolerance), digits) for arc in arcs])

    def frame(self, name: str) -> geopandas.GeoDataFrame:
        """Give one object's geometries with `id` and properties."""
        shapes = [item for item in self.objects[name]["geometries"] if item.get("arcs")]
        rows = [{"id": shape["id"], **shape["properties"]} for shape in shapes]
        return geopandas.GeoDataFrame(
            rows, geometry=[self._shape(shape) for shape in shapes], crs="EPSG:4326"
        )

    def _shape(self, shape: dict[str, Any]) -> shapely.Geometry:
        polygons = [shape["arcs"]] if shape["type"] == "Polygon" else shape["arcs"]
        parts = [Polygon(rings[0], rings[1:]) for rings in map(self._rings, polygons) if rings]
        whole = parts[0] if len(parts) == 1 else MultiPolygon(parts)
        return (
            whole if whole.is_valid else shapely.make_valid(whole, method="structure", keep_collapsed=False)
        )

    def _rings(self, polygon: list[list[int]]) -> list[np.ndarray]:
        """Give shell and holes; what the source's own rounding has made a line is left out."""
        rings = [self._ring(ring) for ring in polygon]
        return [ring for ring in rings if len(ring) >= 4] if len(rings[0]) >= 4 else []

    def _ring(self, indexes: list[int]) -> np.ndarray:
        arcs = [self.arcs[index] if index >= 0 else self.arcs[~index][::-1] for index in indexes]
        return np.vstack([arcs[0], *(arc[1:] for arc in arcs[1:])])


def _simpler(arc: np.ndarray, tolerance: float) -> np.ndarray:
    """Simplify an arc unless it is so short that a small county or island could vanish."""
    if np.ptp(arc, axis=0).max() < 25 * tolerance:
        return arc
    return shapely.get_coordinates(shapely.simplify(LineString(arc), tolerance, preserve_topology=True))


def main(us_atlas: Path, vega: Path) -> None:
    fine = Topology.read(us_atlas / "counties-10m.json", tolerance=0.004, digits=4)
    coarse = Topology.read(us_atlas / "states-10m.json", tolerance=0.02, digits=3)
    rates = read_rates(vega / "data" / "unemployment.tsv")
    incomes = read_incomes(vega / "data" / "income.json")
    states = fine.frame("states").rename(columns={"id": "state_fips", "name": "state"})
    counties = make_counties(fine, states, rates)

    write_geojson(counties, EXAMPLE / "geo" / "counties.geojson")
    write_shapefile(contiguous(states).to_crs("EPSG:4269"), EXAMPLE / "geo" / "states.zip", "states")
    write_regions(contiguous(states), incomes, EXAMPLE / "geo" / "census_regions.gpkg")
    write_rates(rates, EXAMPLE / "labour" / "unemployment_2009.tsv")
    write_zip_codes(vega / "data" / "zipcodes.csv", EXAMPLE / "reference" / "zipcodes.csv")
    write_incomes(incomes, EXAMPLE / "households" / "income_2013.xlsx")
    write_starter(coarse, incomes, STARTER / "us_states.geojson")


def read_rates(file: Path) -> dict[str, float]:
    """Read unemployment in percent by county code, with the leading zeros the source has lost."""
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    return {row["id"].zfill(5): round(float(row["rate"]) * 100, 1) for row in rows}


def read_incomes(file: Path) -> pd.DataFrame:
    """Read households by income group: a row a state."""
    rows = pd.DataFrame(json.loads(file.read_text()))
    rows["state_fips"] = rows["id"].astype(str).str.zfill(2)
    keys = ["state_fips", "name", "region", "total"]
    wide = rows.pivot_table(index=keys, columns="group", values="pct").reset_index()
    wide = wide.rename(columns={"name": "state", "total": "households", **INCOME_GROUPS})
    for column in INCOME_GROUPS.values():
        wide[column] = (wide[column] * 100).round(1)
    return wide[["state_fips", "state", "region", "households", *INCOME_GROUPS.values()]]


def make_counties(
    topology: Topology, states: geopandas.GeoDataFrame, rates: dict[str, float]
) -> geopandas.GeoDataFrame:
    """Give the contiguous counties with their state's name and unemployment rate."""
    counties = topology.frame("counties").rename(columns={"id": "geoid", "name": "county"})
    counties["state_fips"] = counties["geoid"].str[:2]
    counties = counties.merge(states[["state_fips", "state"]], on="state_fips")
    counties["unemployment_rate"] = counties["geoid"].map(rates)
    columns = ["geoid", "county", "state_fips", "state", "unemployment_rate", "geometry"]
    return contiguous(counties)[columns].sort_values("geoid")


def contiguous(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    return frame[~frame["state_fips"].isin(NOT_CONTIGUOUS)]


def write_geojson(frame: geopandas.GeoDataFrame, file: Path) -> None:
    """Write RFC 7946 GeoJSON, a feature a line, so that git shows what changed."""
    features = []
    for row in frame.to_dict("records"):
        shape = row.pop("geometry")
        geometry = None if shape.is_empty else shapely.geometry.mapping(shape)
        values = {key: None if pd.isna(value) else value for key, value in row.items()}
        feature = {"type": "Feature", "properties": values, "geometry": geometry}
        features.append(json.dumps(feature, separators=(",", ":")))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('{"type":"FeatureCollection","features":[\n' + ",\n".join(features) + "\n]}\n")


def write_shapefile(frame: geopandas.GeoDataFrame, file: Path, name: str) -> None:
    """Write a zip with one shapefile in a folder of its own, as statistical offices hand them out."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        frame.sort_values("state_fips").to_file(Path(folder, f"{name}.shp"))
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for part in sorted(Path(folder).iterdir()):
                info = zipfile.ZipInfo(f"{name}/{part.name}", (2020, 1, 1, 0, 0, 0))
                info.external_attr = 0o644 << 16
                archive.writestr(info, part.read_bytes(), zipfile.ZIP_DEFLATED)


def write_regions(states: geopandas.GeoDataFrame, incomes: pd.DataFrame, file: Path) -> None:
    """Write the census regions in an equal-area projection, with the number of households and states."""
    merged = states.merge(incomes[["state_fips", "region", "households"]], on="state_fips")
    regions = merged.dissolve("region", aggfunc={"households": "sum", "state": "count"}, method="unary")
    regions = regions.rename(columns={"state": "states"}).reset_index().to_crs(ALBERS)
    regions["area_km2"] = (regions.area / 1e6).round()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    regions.to_file(file, layer="census_regions")


def write_rates(rates: dict[str, float], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{code}\t{rate}" for code, rate in sorted(rates.items())]
    file.write_text("\n".join(["county_fips\tunemployment_rate", *lines]) + "\n")


def write_zip_codes(source: Path, file: Path) -> None:
    """Carry the ZIP codes over, coordinates rounded to about ten metres."""
    with source.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["zip_code", "city", "county", "state", "longitude", "latitude"])
        for row in rows:
            place = [round(float(row[key]), 4) for key in ("longitude", "latitude")]
            writer.writerow([row["zip_code"], row["city"], row["county"], row["state"], *place])


def write_incomes(incomes: pd.DataFrame, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    incomes.to_excel(file, sheet_name="income_2013", index=False)


def write_starter(topology: Topology, incomes: pd.DataFrame, file: Path) -> None:
    """Write the small file a new event begins with: states and their share of poor households."""
    states = topology.frame("states").rename(columns={"id": "state_fips", "name": "state"})
    low = incomes[["income_under_10k", "income_10k_to_15k", "income_15k_to_25k"]].sum(axis=1).round(1)
    figures = incomes[["state_fips", "households"]].assign(percent_under_25k=low)
    columns = ["state_fips", "state", "households", "percent_under_25k", "geometry"]
    merged = contiguous(states).merge(figures, on="state_fips")[columns]
    write_geojson(merged.sort_values("state_fips"), file)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
