"""Tiles of real tables on the real PostGIS, decoded by GDAL."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from divebell.database import connect
from divebell.tiles.boxes import tile_box, to_degrees
from live import until

SCATTER = (
    "SELECT i AS id, i * 0.5 AS v, ST_SetSRID(ST_MakePoint(-170 + 340 * ((i * 7919) % 100003) / 100003.0,"
    " -80 + 160 * ((i * 104729) % 99991) / 99991.0), 4326)::geometry(Point, 4326) AS geom"
    " FROM generate_series(1, {rows}::bigint) i"
)


@pytest.fixture(scope="module")
def scatter(table):
    return table("scatter", SCATTER.format(rows=3000))


@pytest.fixture(scope="module")
def crowd(table):
    return table("crowd", SCATTER.format(rows=60_000))


@pytest.fixture(scope="module")
def projected(table):
    """The same crowd in a national grid, around Orlando."""
    return table(
        "projected",
        "SELECT i AS id, ST_SetSRID(ST_MakePoint(300000 + 300000 * ((i * 7919) % 100003) / 100003.0,"
        " 300000 + 300000 * ((i * 104729) % 99991) / 99991.0), 3087)::geometry(Point, 3087) AS geom"
        " FROM generate_series(1, 50000::bigint) i",
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(z=st.integers(2, 5), data=st.data())
def test_a_tile_holds_exactly_the_rows_within_it(scatter, client, features, cluster, z, data):
    x, y = data.draw(st.integers(0, 2**z - 1)), data.draw(st.integers(0, 2**z - 1))
    found = features(client.get(f"tiles/{scatter}/{z}/{x}/{y}.mvt?column=v"))
    box = to_degrees(tile_box(z, x, y))
    with connect(cluster.state, "event_tiles") as database:
        rows = database.execute(
            "SELECT id::int, v::float8 FROM data.scatter WHERE geom && ST_MakeEnvelope(%s, %s, %s, %s, 4326)",
            box,
        ).fetchall()
    inside = {
        one["value"] for one in found if 0 <= one["geometry"].x <= 4096 and 0 <= one["geometry"].y <= 4096
    }
    assert inside >= {value for _, value in rows}
    assert len(found) <= len(rows) * 1.2 + 5  # the buffer around a tile adds a few


@pytest.mark.parametrize("z", [0, 1])
def test_counts_of_all_tiles_of_a_zoom_add_up_to_the_rows(table, client, features, z):
    name = table(f"crowd_{z}", SCATTER.format(rows=100_000))  # enough for each of four tiles to be a grid
    places = [(x, y) for x in range(2**z) for y in range(2**z)]
    answers = [client.get(f"tiles/{name}/{z}/{x}/{y}.mvt") for x, y in places]
    assert {answer.headers["x-divebell-aggregated"] for answer in answers} == {"true"}
    assert sum(cell["count"] for answer in answers for cell in features(answer)) == 100_000


def test_counts_add_up_in_a_projected_layer_too(projected, client, features):
    assert client.get(f"tiles/{projected}.json").json()["divebell"]["srid"] == 3087
    cells = features(client.get(f"tiles/{projected}/4/4/6.mvt"))
    cells += features(client.get(f"tiles/{projected}/4/4/7.mvt"))
    assert sum(cell["count"] for cell in cells) == 50_000
    near = client.get(f"tiles/{projected}/12/1114/1709.mvt")
    assert near.headers["x-divebell-aggregated"] == "false"


def test_the_mean_of_a_cell_is_weighted_by_its_rows(table, client, features):
    name = table(
        "one_cell",
        "SELECT (i = 1)::int * 21000.0 AS v, ST_SetSRID(ST_MakePoint(10, 10), 4326) AS geom"
        " FROM generate_series(1, 21000) i",
    )
    [cell] = features(client.get(f"tiles/{name}/0/0/0.mvt?column=v"))
    assert (cell["count"], cell["value"]) == (21_000, pytest.approx(1.0))


@pytest.mark.parametrize(
    ("srid", "point", "place"),
    [
        (3857, (-10_000_000, 5_000_000), (6, 16, 24)),
        (4269, (-89.8, 40.9), (6, 16, 24)),
        (4326, (179.99, -17), (6, 63, 35)),
        (4326, (-179.99, -17), (6, 0, 35)),
        (27700, (530_000, 180_000), (6, 31, 21)),
        (2263, (985_000, 200_000), (6, 18, 24)),
        (3413, (-2_000_000, -1_000_000), (3, 1, 1)),
        (2193, (1_570_000, 5_180_000), (6, 62, 40)),
    ],
)
def test_every_coordinate_system_lands_where_it_is(table, client, features, srid, point, place):
    name = table(
        f"system_{srid}_{place[1]}", f"SELECT 1 AS id, ST_SetSRID(ST_MakePoint{point}, {srid}) AS geom"
    )
    facts = client.get(f"tiles/{name}.json").json()
    assert facts["divebell"]["reason"] is None
    west, south, east, north = facts["bounds"]
    box = to_degrees(tile_box(*place))
    assert box[0] <= west <= east <= box[2]
    assert box[1] <= south <= north <= box[3]
    z, column, row = place
    assert len(features(client.get(f"tiles/{name}/{z}/{column}/{row}.mvt"))) == 1
    assert len(features(client.get(f"tiles/{name}/0/0/0.mvt"))) == 1


def test_degrees_without_a_system_are_drawn_and_it_is_said(table, client, features):
    name = table("unsaid", "SELECT 1 AS id, ST_MakePoint(-82.4, 27.9) AS geom")
    facts = client.get(f"tiles/{name}.json").json()["divebell"]
    assert facts["reason"] is None
    assert "taken for longitude" in facts["notes"][0]
    assert len(features(client.get(f"tiles/{name}/0/0/0.mvt"))) == 1


def test_metres_without_a_system_are_not_drawn_and_it_is_said(table, client):
    name = table("nowhere", "SELECT 1 AS id, ST_MakePoint(530000, 180000) AS geom")
    assert (
        "does not say which coordinate system"
        in client.get(f"tiles/{name}.json").json()["divebell"]["reason"]
    )
    assert client.get(f"tiles/{name}/0/0/0.mvt").status_code == 204


def test_an_empty_table_is_an_empty_map(table, client):
    name = table("empty", "SELECT 1 AS id, ST_SetSRID(ST_MakePoint(0, 0), 4326) AS geom WHERE false")
    facts = client.get(f"tiles/{name}.json").json()
    assert facts["divebell"]["reason"] == "It has no rows with a geometry yet."
    assert client.get(f"tiles/{name}/0/0/0.mvt").status_code == 204
    assert client.get(f"preview/{name}.svg").status_code == 200


@pytest.mark.parametrize("srid", [4326, 3857, 2263])
def test_one_absurd_coordinate_spoils_nothing(table, client, features, srid):
    x, y = {4326: (-74, 40.7), 3857: (-8_237_000, 4_970_000), 2263: (985_000, 200_000)}[srid]
    name = table(
        f"absurd_{srid}",
        f"SELECT i AS id, ST_SetSRID(ST_MakePoint({x} + i * 1e-4, {y}), {srid}) AS geom"
        " FROM generate_series(1, 50) i"
        f" UNION ALL SELECT 51, ST_SetSRID(ST_MakePoint(1e300, 1e300), {srid})"
        f" UNION ALL SELECT 52, ST_SetSRID(ST_MakeLine(ST_MakePoint({x}, {y}),"
        f" ST_MakePoint(1e300, {y})), {srid})"
        f" UNION ALL SELECT 53, ST_SetSRID(ST_MakePoint('NaN', 1), {srid})"
        " UNION ALL SELECT 54, NULL",
    )
    facts = client.get(f"tiles/{name}.json").json()
    assert facts["divebell"]["reason"] is None
    west, south, east, north = facts["divebell"]["view"]
    assert -75 < west < east < -73
    assert 40 < south < north < 41.5
    for z, column, row in ((0, 0, 0), (6, 18, 24)):
        found = features(client.get(f"tiles/{name}/{z}/{column}/{row}.mvt"))
        assert len(found) >= 50, (z, len(found))
    assert client.get(f"preview/{name}.svg").status_code == 200


def test_heights_measures_curves_and_collections_are_drawn(table, client, features):
    name = table(
        "shapes",
        "SELECT row_number() OVER () AS id, ST_SetSRID(g, 4326) AS geom FROM unnest(ARRAY["
        " 'POINT ZM (1 1 5 6)', 'LINESTRING Z (0 0 1, 2 2 1)', 'POLYGON M ((3 3 1, 4 3 1, 4 4 1, 3 3 1))',"
        " 'GEOMETRYCOLLECTION (POINT (5 5), POLYGON ((6 6, 8 6, 8 8, 6 6)))',"
        " 'CIRCULARSTRING (0 5, 1 6, 2 5)',"
        " 'MULTIPOINT (1 9, 2 9)', 'POLYGON EMPTY', 'POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))'"
        " ]::geometry[]) g",
    )
    assert client.get(f"tiles/{name}.json").json()["divebell"]["reason"] is None
    assert len(features(client.get(f"tiles/{name}/4/8/7.mvt"))) == 7


def test_the_poles_and_the_whole_world_are_drawn(table, client, features):
    name = table(
        "poles",
        "SELECT 1 AS id, ST_SetSRID('POLYGON((-180 -90, 180 -90, 180 -60, -180 -60, -180 -90))'::geometry,"
        " 4326)"
        " AS geom"
        " UNION ALL SELECT 2, ST_MakeEnvelope(-180, -90, 180, 90, 4326)",
    )
    assert len(features(client.get(f"tiles/{name}/0/0/0.mvt"))) == 2
    assert len(features(client.get(f"tiles/{name}/3/0/7.mvt"))) == 2


def test_an_unchanged_tile_is_not_sent_again_and_a_changed_one_is(table, client, features, cluster):
    name = table("changing", "SELECT 1 AS id, ST_SetSRID(ST_MakePoint(1, 1), 4326) AS geom")
    first = client.get(f"tiles/{name}/0/0/0.mvt")
    again = client.get(f"tiles/{name}/0/0/0.mvt", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    table(
        "changing",
        "SELECT i AS id, ST_SetSRID(ST_MakePoint(i, i), 4326) AS geom FROM generate_series(1, 3) i",
    )

    def changed():
        answer = client.get(f"tiles/{name}/0/0/0.mvt", headers={"If-None-Match": first.headers["etag"]})
        return answer.status_code == 200 and len(features(answer)) == 3

    until(changed, "the old tile is still given")


def test_a_browser_without_gzip_gets_a_plain_tile(scatter, client, features):
    answer = client.get(f"tiles/{scatter}/0/0/0.mvt", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in answer.headers
    assert len(features(answer)) > 2900


def test_a_click_gives_every_attribute_as_text(table, client, features):
    name = table(
        "clicked",
        "SELECT 9007199254740993::bigint AS big, '<b>&'::text AS words, NULL::text AS nothing,"
        " '01234'::text AS code,"
        " ST_SetSRID(ST_MakePoint(1, 1), 4326) AS geom",
    )
    [one] = features(client.get(f"tiles/{name}/0/0/0.mvt"))
    answer = client.get(f"tiles/{name}/feature/{one['mvt_id']}").json()
    assert answer["attributes"] == [
        ["big", "9007199254740993"],
        ["words", "<b>&"],
        ["nothing", None],
        ["code", "01234"],
    ]
    assert client.get(f"tiles/{name}/feature/999999").status_code == 404
    assert client.get(f"tiles/{name}/feature/{2**62}").status_code == 404
    assert client.get(f"tiles/{name}/feature/{2**70}").status_code == 404


@pytest.mark.parametrize("place", ["1/2/0", "30/0/0", "0/0/1", "a/0/0", "0/0/-1", "0/0/0;DROP", "1e3/0/0"])
def test_tiles_that_do_not_exist_are_not_found(scatter, client, place):
    assert client.get(f"tiles/{scatter}/{place}.mvt").status_code == 404


@pytest.mark.parametrize(
    "name", ["data.nothing", "pg_catalog.pg_class", "people.person", "x", "catalogue.dataset"]
)
def test_only_layers_are_served(client, name):
    assert client.get(f"tiles/{name}.json").status_code == 404
    assert client.get(f"tiles/{name}/0/0/0.mvt").status_code == 404


def test_classes_are_counted_exactly_and_missing_values_apart(table, client):
    name = table(
        "classed",
        "SELECT CASE WHEN i % 10 = 0 THEN NULL WHEN i = 1 THEN 'NaN' ELSE i::float8 END AS v,"
        " 'a'::text AS words,"
        " ST_SetSRID(ST_MakePoint(1, 1), 4326) AS geom FROM generate_series(1, 1000) i",
    )
    for scheme in ("quantiles", "natural", "equal"):
        found = client.get(f"tiles/{name}/breaks?column=v&scheme={scheme}&k=4").json()
        assert found["missing"] == 101
        assert sum(one["count"] for one in found["classes"]) == 899
        assert found["classes"][0]["lower"] == 2
        assert found["classes"][-1]["upper"] == 999
    assert client.get(f"tiles/{name}/breaks?column=words").status_code == 400
    assert client.get(f"tiles/{name}/breaks?column=v&scheme=pretty").status_code == 400
    assert client.get(f"tiles/{name}/breaks?column=v&k=1").status_code == 400
    assert client.get(f"tiles/{name}/breaks?column=v&k=99999999").status_code == 400


def test_fifty_people_who_open_one_map_get_the_same_tile(crowd, site):
    def tile(_):
        with site.client("ana") as one:
            return one.get(f"tiles/{crowd}/0/0/0.mvt").content

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(tile, range(50)))) == 1
