"""Layers that are hard to draw, or to list, or to stop: none harms the others."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import quote

import httpx
import pytest

from divebell.database import admin, connect
from divebell.tiles import to_slug
from divebell.tiles.layers import Layers
from live import until
from signed_in import serving

LONG = "ä" * 31  # 62 bytes


@pytest.mark.parametrize(
    "name", ['quo"te', "do.t", "Ünï cödé 🚀", LONG, "select", "a/b", "100%", "{format}", "$1"]
)
def test_hostile_names_of_tables_and_columns_are_only_names(cluster, client, features, name):
    quoted = '"' + name.replace('"', '""') + '"'
    with connect(cluster.state, "event_loader") as loader:
        loader.execute(f"DROP TABLE IF EXISTS data.{quoted}")
        loader.execute(
            f"CREATE TABLE data.{quoted} AS SELECT i AS {quoted}, 'name ' || i AS \"name {name[:20].replace(chr(34), '')}\","
            " ST_SetSRID(ST_MakePoint(i / 1e4, 5), 4326) AS geom FROM generate_series(1, 30000) i"
        )
    slug = quote(to_slug("data", name))
    query = f"column={quote(name)}&size={quote(name)}&min=1&stat=max"
    found = features(client.get(f"tiles/{slug}/0/0/0.mvt?{query}"))
    assert sum(one["count"] for one in found) == 30_000
    assert features(client.get(f"tiles/{slug}/12/2048/1991.mvt?{query}"))
    assert client.get(f"tiles/{slug}.json?{query}").status_code == 200
    assert len(client.get(f"tiles/{slug}/breaks?column={quote(name)}").json()["classes"]) == 5
    assert client.get(f"tiles/{slug}/search?q=name 29").json()["results"][0]["label"].startswith("name 29")
    assert client.get(f"preview/{slug}.svg").status_code == 200


def test_a_search_finds_a_place_and_says_where(table, client):
    name = table(
        "places",
        "SELECT i AS id, CASE i WHEN 7 THEN 'Miami-Dade' WHEN 8 THEN 'Old Miami' WHEN 9 THEN '100%_sure' ELSE 'x' || i END"
        " AS name, ST_MakeEnvelope(i, 10, i + 1, 12, 4326) AS geom FROM generate_series(1, 50) i",
    )
    assert client.get(f"tiles/{name}.json").json()["divebell"]["names"] == ["name"]
    found = client.get(f"tiles/{name}/search?q=mIaMi").json()
    assert found["complete"] is True
    assert [one["label"] for one in found["results"]] == ["Miami-Dade", "Old Miami"]
    assert found["results"][0]["bounds"] == [7, 10, 8, 12]
    assert found["results"][0]["point"] == [7.5, 11]
    number = found["results"][0]["id"]
    assert ["name", "Miami-Dade"] in client.get(f"tiles/{name}/feature/{number}").json()["attributes"]
    assert [one["label"] for one in client.get(f"tiles/{name}/search?q=%25_").json()["results"]] == [
        "100%_sure"
    ]
    assert client.get(f"tiles/{name}/search?q=nobody").json()["results"] == []
    for wrong in ("q=", f"q={'a' * 81}", "q=a&limit=0", "q=a&limit=21", "q=%00"):
        assert client.get(f"tiles/{name}/search?{wrong}").status_code == 400


def test_categories_are_counted_with_what_is_left(table, client):
    name = table(
        "kinds",
        "SELECT (ARRAY['a', 'a', 'a', 'b', 'b', 'c', NULL])[1 + i % 7] AS kind, i % 2 = 0 AS even,"
        " ST_SetSRID(ST_MakePoint(1, 1), 4326) AS geom FROM generate_series(0, 699) i",
    )
    found = client.get(f"tiles/{name}/categories?column=kind&limit=2").json()
    assert found == {
        "column": "kind",
        "categories": [{"value": "a", "count": 300}, {"value": "b", "count": 200}],
        "other": 100,
        "distinct": 3,
        "missing": 100,
        "exact": True,
    }
    assert len(client.get(f"tiles/{name}/categories?column=even").json()["categories"]) == 2
    assert client.get(f"tiles/{name}/categories?column=geom").status_code == 400
    assert client.get(f"tiles/{name}/categories?column=kind&limit=51").status_code == 400


def test_breaks_around_zero_say_where_zero_is(table, client):
    name = table(
        "signed",
        "SELECT i::float8 AS v, ST_SetSRID(ST_MakePoint(1, 1), 4326) AS geom FROM generate_series(-50, 100) i",
    )
    found = client.get(f"tiles/{name}/breaks?column=v&scheme=diverging&k=6").json()
    assert found["crosses_zero"] is True
    assert found["classes"][found["zero"] - 1]["upper"] == 0
    assert sum(one["count"] for one in found["classes"]) == 151
    assert client.get(f"tiles/{name}/breaks?column=v").json()["zero"] is None


def test_a_prime_meridian_of_its_own_is_drawn_where_it_is(table, client):
    """EPSG:4807 counts in grads from Paris."""
    name = table("paris", "SELECT 1 AS id, ST_SetSRID(ST_MakePoint(0, 54.3), 4807) AS geom")
    west, south, east, north = client.get(f"tiles/{name}.json").json()["bounds"]
    assert west == pytest.approx(2.337, abs=0.01)
    assert north == pytest.approx(48.87, abs=0.05)
    assert (east, south) == (pytest.approx(west, abs=0.01), pytest.approx(north, abs=0.01))


def test_a_large_table_without_an_index_is_drawn_and_it_is_said(cluster, client, features):
    with connect(cluster.state, "event_loader") as loader:
        loader.execute("DROP TABLE IF EXISTS data.bare")
        loader.execute(
            "CREATE TABLE data.bare AS SELECT ST_SetSRID(ST_MakePoint(i / 1e3, 5), 4326) AS geom"
            " FROM generate_series(1, 40000) i"
        )
    facts = client.get("tiles/data.bare.json").json()["divebell"]
    assert facts["indexed"] is False
    assert any("spatial index" in note for note in facts["notes"])
    assert sum(one["count"] for one in features(client.get("tiles/data.bare/0/0/0.mvt"))) == 40_000


@contextmanager
def patient_tiles(cluster):
    """Serve the event with a database that waits longer for tiles than any machine takes to cancel them."""
    with admin(cluster.state, autocommit=True) as database:
        database.execute("ALTER ROLE event_tiles SET statement_timeout = '60s'")
        try:
            with serving(cluster) as site:
                yield site
        finally:
            database.execute("ALTER ROLE event_tiles SET statement_timeout = '5s'")


def test_what_a_browser_leaves_behind_is_cancelled_in_the_database(cluster, volunteer):
    """Ana pans on; her query ends at once, neither by itself after 40 seconds nor at its timeout."""
    with volunteer("ana") as ana, patient_tiles(cluster) as site, site.client("ana") as client:
        ana.execute("DROP VIEW IF EXISTS v_ana.slow")
        ana.execute(
            "CREATE VIEW v_ana.slow AS SELECT 1 AS id, ST_SetSRID(ST_MakePoint(CASE WHEN pg_sleep(0.4) IS NULL THEN 0 ELSE 1 END"
            " + i, 1), 4326) AS geom FROM generate_series(1, 100) i"
        )
        ana.execute("GRANT SELECT ON v_ana.slow TO event_reader")
        running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%v_ana%slow%' AND usename = 'event_tiles'"
        with admin(cluster.state, autocommit=True) as database, ThreadPoolExecutor(1) as pool:
            asked = pool.submit(client.get, "tiles/v_ana.slow/0/0/0.mvt", timeout=8)
            until(lambda: database.execute(running).fetchone()[0], "nothing runs")
            with pytest.raises(httpx.ReadTimeout):
                asked.result()
            until(lambda: not database.execute(running).fetchone()[0], "it runs on", 10)
        ana.execute("DROP VIEW v_ana.slow")


def test_ten_thousand_layers_are_listed_and_found(cluster, site, client):
    with admin(cluster.state, autocommit=True) as database:
        database.execute("CREATE SCHEMA IF NOT EXISTS v_crowd")
        database.execute("GRANT USAGE ON SCHEMA v_crowd TO event_reader")
        for start in range(0, 10_000, 500):
            database.execute(
                f"DO $$ BEGIN FOR i IN {start}..{start + 499} LOOP EXECUTE format("
                "'CREATE TABLE IF NOT EXISTS v_crowd.t%s (id int, name text, geom geometry(Point, 4326))', i);"
                " EXECUTE format('GRANT SELECT ON v_crowd.t%s TO event_reader', i); END LOOP; END $$"
            )
        try:

            async def listed():
                from divebell.web.pool import TILES, open_pool

                pool = await open_pool(cluster.state, TILES)
                try:
                    layers = Layers(pool, pool)
                    return await layers.all(), await layers.find("v_crowd.t77", None)
                finally:
                    pool.terminate()

            entries, one = asyncio.run(listed())
            assert len(entries) >= 10_000
            assert one is not None
            assert client.get("tiles/v_crowd.t9999.json").status_code == 200
            assert len(client.get("api/layers").json()) >= 10_000
        finally:
            for start in range(0, 10_000, 500):
                database.execute(
                    f"DO $$ BEGIN FOR i IN {start}..{start + 499} LOOP EXECUTE format("
                    "'DROP TABLE IF EXISTS v_crowd.t%s', i); END LOOP; END $$"
                )
            database.execute("DROP SCHEMA v_crowd CASCADE")
            database.execute(
                "VACUUM"
            )  # else what they leave in the catalogue slows down the tests that follow
