"""GDAL's own driver for OGC API - Features (Debian's ogr2ogr, which QGIS is built on) reads a layer end to end."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from divebell.database import admin, connect
from live import until

sys.path.insert(0, str(Path(__file__).parents[2]))

ROWS = 10_000


@pytest.fixture(scope="module")
def bearer(site, cluster):
    with admin(cluster.state) as database:
        database.execute("DELETE FROM tokens.token")
    with site.client("ana") as browser:
        answer = browser.post("tokens/make", data={"token": "form-ana", "label": "gdal"})
    return answer.text.split('class="token">')[1].split("<")[0]


@pytest.fixture(scope="module")
def parcels(table, cluster, site):
    name = table(
        "gdal_parcels",
        "SELECT i AS row_id, 'Straße ' || i AS street, i / 7.0::float8 AS rate, (i % 2 = 0) AS sold,"
        " date '2021-03-05' + i % 30 AS day,"
        " ST_Multi(ST_Transform(ST_MakeEnvelope(500000 + i % 100 * 50, 5000000 + i / 100 * 50,"
        " 500040 + i % 100 * 50, 5000040 + i / 100 * 50, 32633), 32633)) AS geom"
        f" FROM generate_series(1, {ROWS}) i",
    )
    with connect(cluster.state, "event_loader") as loader:
        loader.execute("ALTER TABLE data.gdal_parcels ADD PRIMARY KEY (row_id)")
    with site.client("ana") as browser:
        until(lambda: name in browser.get("ogc/collections").text, "the table is not listed")
    return name


def gdal(site, bearer, command, layer, *options):
    done = subprocess.run(
        [
            command,
            *options,
            *(["/vsistdout/"] if command == "ogr2ogr" else []),
            f"OAPIF:{site.address}/services/event/ogc/",
            layer,
            "-oo",
            "PAGE_SIZE=1000",
            "--config",
            "GDAL_HTTP_HEADERS",
            f"Authorization: Bearer {bearer}",
        ],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done


def test_gdal_reads_every_row_over_many_pages(site, bearer, parcels, cluster):
    done = gdal(site, bearer, "ogr2ogr", parcels, "-f", "GeoJSONSeq", "-lco", "RS=NO")
    assert "ERROR" not in done.stderr
    found = {one["properties"]["row_id"]: one for one in map(json.loads, done.stdout.splitlines())}
    with connect(cluster.state, "event_loader") as loader:
        rows = loader.execute(
            "SELECT row_id, street, rate, sold, day::text, ST_AsGeoJSON(ST_Transform(geom, 4326)) FROM data.gdal_parcels"
        ).fetchall()
    assert len(found) == len(rows) == ROWS
    for row_id, street, rate, sold, day, geometry in rows:
        one = found[row_id]
        assert one["properties"]["street"] == street
        assert one["properties"]["rate"] == pytest.approx(rate)
        assert bool(one["properties"]["sold"]) is sold
        assert one["properties"]["day"].replace("/", "-") == day
        expected = json.loads(geometry)
        assert one["geometry"]["type"] == expected["type"] == "MultiPolygon"
        ring, wanted = one["geometry"]["coordinates"][0][0], expected["coordinates"][0][0]
        assert min(ring) == pytest.approx(min(wanted), abs=1e-6)
        assert max(ring) == pytest.approx(max(wanted), abs=1e-6)
        assert len(ring) == len(wanted)


def test_gdal_knows_the_count_the_extent_and_the_coordinate_system(site, bearer, parcels):
    said = gdal(site, bearer, "ogrinfo", parcels, "-so").stdout
    assert f"Feature Count: {ROWS}" in said
    assert "WGS 84" in said
    assert "street: String" in said
    assert "rate: Real" in said
    assert "Extent: (15.0" in said


def test_gdal_asks_for_a_box_and_gets_what_lies_in_it(site, bearer, parcels, cluster):
    box = ("15.0", "45.15", "15.02", "45.16")
    done = gdal(site, bearer, "ogr2ogr", parcels, "-f", "GeoJSONSeq", "-lco", "RS=NO", "-spat", *box)
    with connect(cluster.state, "event_loader") as loader:
        [(count,)] = loader.execute(
            "SELECT count(*) FROM data.gdal_parcels"
            f" WHERE ST_Intersects(ST_Transform(geom, 4326), ST_MakeEnvelope({', '.join(box)}, 4326))"
        ).fetchall()
    assert 0 < count < ROWS
    assert len(done.stdout.splitlines()) == count


def test_gdal_signs_in_with_a_password_too(site, bearer, parcels):
    done = subprocess.run(
        [
            "ogrinfo",
            "-so",
            "-ro",
            f"OAPIF:{site.address}/services/event/ogc/",
            "-oo",
            f"USERPWD=ana:{bearer}",
            "-oo",
            "PAGE_SIZE=1000",
            parcels,
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert f"Feature Count: {ROWS}" in done.stdout


def test_gdal_is_refused_without_a_token(site, parcels):
    done = subprocess.run(
        ["ogrinfo", "-so", "-ro", f"OAPIF:{site.address}/services/event/ogc/", parcels],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Feature Count" not in done.stdout
    assert "401" in done.stderr
