"""Tables to draw - a million points, 200,000 polygons, real counties - and which tiles people look at."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from math import asinh, floor, pi, radians, tan
from pathlib import Path

import psycopg

COUNTIES = Path(__file__).parents[3] / "examples/jobs-datadive/data/geo/counties.geojson"
LAYERS = {"points": "rate", "polygons": "rate", "counties": "unemployment_rate"}
"""Tables in `data`, and the column their maps are coloured by."""
ZOOMS = (0, 1, 2, 3, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 14)
"""How often each zoom is looked at: people look at the whole once and then around."""

_POINTS = """
CREATE TABLE data.points AS
SELECT i AS id, random() * 100 AS rate, 'Place ' || i AS name, i % 7 AS kind, now() AS seen,
       ST_SetSRID(ST_MakePoint(-124 + 57 * x, 25 + 24 * y), 4326)::geometry(Point, 4326) AS geom
  FROM (SELECT i, CASE WHEN i % 2 = 0 THEN random() ELSE 0.7 + 0.05 * (random() + random() - 1) END AS x,
               CASE WHEN i % 2 = 0 THEN random() ELSE 0.6 + 0.05 * (random() + random() - 1) END AS y
          FROM generate_series(1, {rows}) i) p
"""
_POLYGONS = """
CREATE TABLE data.polygons AS
SELECT row_number() OVER () AS id, random() * 100 AS rate, 'Cell ' || i || ' ' || j AS name,
       ST_Transform(geom, 4326)::geometry(Polygon, 4326) AS geom
  FROM ST_HexagonGrid({size}, ST_MakeEnvelope(-13800000, 2900000, -7500000, 6200000, 3857))
"""
_COUNTIES = """
CREATE TABLE data.counties AS
SELECT row_number() OVER () AS id, (f -> 'properties' ->> 'unemployment_rate')::float8 AS unemployment_rate,
       f -> 'properties' ->> 'county' AS name, f -> 'properties' ->> 'geoid' AS geoid,
       ST_Multi(ST_SetSRID(ST_GeomFromGeoJSON(f -> 'geometry'), 4326))::geometry(MultiPolygon, 4326) AS geom
  FROM jsonb_array_elements(%s::jsonb) f
"""


@dataclass(frozen=True)
class Place:
    """One tile of one table."""

    layer: str
    z: int
    x: int
    y: int


def make(connection: psycopg.Connection, *, points: int, polygons: int) -> None:
    """Make the tables, with key and spatial index, as the loader would leave them."""
    size = round((20_790_000_000_000 / polygons / 2.598) ** 0.5)  # 2.598: a hexagon's area for a side of 1
    connection.execute(_POINTS.format(rows=points))  # type: ignore[arg-type]
    connection.execute(_POLYGONS.format(size=size))  # type: ignore[arg-type]
    features = [one for one in json.loads(COUNTIES.read_text())["features"] if one["geometry"]]
    connection.execute(_COUNTIES, (json.dumps(features),))
    for layer in LAYERS:
        connection.execute(f"ALTER TABLE data.{layer} ADD PRIMARY KEY (id)")  # type: ignore[arg-type]
        connection.execute(f"CREATE INDEX ON data.{layer} USING gist (geom)")  # type: ignore[arg-type]
        connection.execute(f"VACUUM ANALYZE data.{layer}")  # type: ignore[arg-type]


class Views:
    """Tiles that people look at: where rows are, at every zoom; none is given twice."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._random = random.Random(7)
        self._seen: set[Place] = set()
        self._spots = {
            layer: connection.execute(
                f"SELECT ST_X(c), ST_Y(c) FROM (SELECT ST_PointOnSurface(geom) AS c FROM data.{layer}"  # type: ignore[arg-type]
                " ORDER BY hashint8(id) LIMIT 3000) s"
            ).fetchall()
            for layer in LAYERS
        }

    def some(self, count: int) -> list[Place]:
        """Give tiles nobody has asked for yet; those of low zooms are few and come once."""
        found: list[Place] = []
        for turn in range(count * 20):
            if len(found) == count:
                break
            layer = list(LAYERS)[turn % len(LAYERS)]
            place = self._place(layer, self._random.choice(ZOOMS))
            if place not in self._seen:
                self._seen.add(place)
                found.append(place)
        return found

    def walk(self, layer: str, steps: int) -> list[list[Place]]:
        """Give what one person's window shows, step by step: three by three tiles, moved or zoomed."""
        z = self._random.choice((7, 8, 9, 10))
        middle = self._place(layer, z)
        x, y, seen = middle.x, middle.y, []
        for _ in range(steps):
            seen.append(
                [
                    Place(layer, z, (x + dx) % 2**z, max(0, min(2**z - 1, y + dy)))
                    for dx in (-1, 0, 1)
                    for dy in (-1, 0, 1)
                ]
            )
            if self._random.random() < 0.3:
                z, x, y = z + 1, 2 * x, 2 * y
            else:
                x, y = x + self._random.choice((-1, 1)), y + self._random.choice((-1, 0, 1))
        return seen

    def _place(self, layer: str, z: int) -> Place:
        longitude, latitude = self._random.choice(self._spots[layer])
        across = floor((longitude + 180) / 360 * 2**z)
        down = floor((1 - asinh(tan(radians(latitude))) / pi) / 2 * 2**z)
        return Place(layer, z, min(across, 2**z - 1), down)
