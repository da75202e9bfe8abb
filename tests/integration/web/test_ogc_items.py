"""Features as GeoJSON: what is on a page, which features a box, a time or a value selects, and where a page ends."""

import json
from urllib.parse import parse_qsl, urlsplit

import pytest

ROOT = "/services/event/"
POINTS = """
    SELECT i AS row_id, 'name ' || i AS name, (i % 7)::int AS kind, i / 3.0::float8 AS share,
           timestamptz '2021-03-05 12:00Z' + make_interval(hours => i) AS seen,
           ST_SetSRID(ST_MakePoint(-180 + (i * 37 % 3600) / 10.0, -60 + (i * 11 % 1200) / 10.0), 4326) AS geom
      FROM generate_series(1, 2500) i"""


@pytest.fixture(scope="module")
def places(table, cluster):
    from divebell.database import connect

    name = table("ogc_places", POINTS)
    with connect(cluster.state, "event_loader") as loader:
        loader.execute("ALTER TABLE data.ogc_places ADD PRIMARY KEY (row_id)")
        loader.execute(
            "INSERT INTO data.ogc_places VALUES (9001, 'nowhere', 1, NULL, NULL, NULL),"
            " (9002, NULL, NULL, 'NaN', '2021-03-06 00:00Z', ST_SetSRID(ST_MakePoint(179.5, 1), 4326)),"
            " (9003, 'x', NULL, 1, '2021-03-06 00:00Z', ST_SetSRID(ST_MakePoint(-179.5, 1), 4326))"
        )
    return name


def rows_of(cluster, query):
    from divebell.database import connect

    with connect(cluster.state, "event_loader") as loader:
        return loader.execute(query).fetchall()


def page(client, address, **parameters):
    answer = client.get(address, params=parameters)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/geo+json"
    return answer.json()


def every(client, address, **parameters):
    """Follow the links to the next page to the end."""
    found, seen = [], page(client, address, **parameters)
    while True:
        assert seen["numberReturned"] == len(seen["features"])
        found += seen["features"]
        following = [link["href"] for link in seen["links"] if link["rel"] == "next"]
        if not following:
            return found
        parts = urlsplit(following[0])
        seen = page(client, parts.path.removeprefix(ROOT), **dict(parse_qsl(parts.query)))


def items(name):
    return f"ogc/collections/{name}/items"


def test_pages_follow_each_other_and_hold_every_row_once(client, places, cluster):
    found = every(client, items(places), limit=400)
    expected = rows_of(cluster, "SELECT row_id FROM data.ogc_places ORDER BY row_id")
    assert [one["id"] for one in found] == [row[0] for row in expected]
    assert page(client, items(places), limit=400)["numberMatched"] == len(expected)


def test_geometry_and_attributes_are_those_of_the_table(client, places, cluster):
    by_id = {one["id"]: one for one in every(client, items(places), limit=1000)}
    for row_id, name, share, x, y in rows_of(
        cluster, "SELECT row_id, name, share, ST_X(geom), ST_Y(geom) FROM data.ogc_places WHERE row_id < 9000"
    ):
        assert by_id[row_id]["geometry"]["coordinates"] == pytest.approx([x, y], abs=1e-9)
        assert by_id[row_id]["properties"]["name"] == name
        assert by_id[row_id]["properties"]["share"] == pytest.approx(share)
    assert by_id[9001]["geometry"] is None
    assert by_id[9002]["properties"]["share"] == "NaN"


def test_pages_of_a_table_without_a_key_go_by_place(client, table):
    name = table("ogc_keyless", POINTS.replace("i AS row_id, ", ""))
    found = every(client, items(name), limit=333)
    assert len(found) == 2500
    assert len({one["properties"]["name"] for one in found}) == 2500
    one = found[1234]
    assert page(client, f"{items(name)}/{one['id']}")["properties"] == one["properties"]


def test_pages_of_a_view_lose_and_repeat_nothing_though_rows_are_the_same(client, volunteer):
    with volunteer("vic") as vic:
        vic.execute("DROP VIEW IF EXISTS v_vic.same")
        vic.execute(
            "CREATE VIEW v_vic.same AS SELECT i / 50 AS t, ST_SetSRID(ST_MakePoint(i / 50, 1), 4326) AS geom"
            " FROM generate_series(0, 499) i"
        )
        vic.execute("GRANT SELECT ON v_vic.same TO event_reader")
    found = every(client, items("v_vic.same"), limit=33)
    counts = {}
    for one in found:
        counts[one["properties"]["t"]] = counts.get(one["properties"]["t"], 0) + 1
    assert counts == dict.fromkeys(range(10), 50)
    assert page(client, f"{items('v_vic.same')}/{found[7]['id']}")["properties"] == found[7]["properties"]


@pytest.mark.parametrize(
    ("box", "where"),
    [
        ("-10,-10,30.5,20", "ST_Intersects(geom, ST_MakeEnvelope(-10, -10, 30.5, 20, 4326))"),
        ("-10,-10,0,30.5,20,9", "ST_Intersects(geom, ST_MakeEnvelope(-10, -10, 30.5, 20, 4326))"),
        ("179,-20,-179,20", "abs(ST_X(geom)) >= 179 AND ST_Y(geom) BETWEEN -20 AND 20"),
        ("170,-20,190,20", "(ST_X(geom) >= 170 OR ST_X(geom) <= -170) AND ST_Y(geom) BETWEEN -20 AND 20"),
        ("-180,-90,180,90", "true"),
        ("-1000,-90,1000,100", "true"),
        ("8.1,8.1,8.1,8.1", "false"),
    ],
)
def test_a_box_selects_what_lies_in_it_and_what_lies_nowhere(client, places, cluster, box, where):
    found = every(client, items(places), limit=2000, bbox=box)
    expected = rows_of(
        cluster, f"SELECT row_id FROM data.ogc_places WHERE geom IS NULL OR ({where}) ORDER BY 1"
    )
    assert [one["id"] for one in found] == [row[0] for row in expected]


@pytest.mark.parametrize("srid", [3857, 3035, 4269, 2154])
def test_a_box_selects_the_same_in_every_coordinate_system(client, table, cluster, srid):
    name = table(
        f"ogc_{srid}",
        "SELECT i AS id, ST_Transform(ST_SetSRID(ST_MakePoint(2 + (i % 40) / 10.0, 44 + (i / 40) / 10.0), 4326),"
        f" {srid}) AS geom FROM generate_series(0, 1599) i",
    )
    found = every(client, items(name), limit=5000, bbox="3.05,45.05,4.05,46.55")
    assert len(found) == 10 * 15
    for one in found:
        x, y = one["geometry"]["coordinates"]
        assert 3.05 <= x <= 4.05
        assert 45.05 <= y <= 46.55
    everywhere = every(client, items(name), limit=5000, bbox="-180,-90,180,90")
    assert len(everywhere) == 1600


@pytest.mark.parametrize(
    ("moment", "where"),
    [
        ("2021-03-06T00:00:00Z", "seen = '2021-03-06 00:00Z'"),
        ("2021-03-06T02:00:00+02:00", "seen = '2021-03-06 00:00Z'"),
        ("2021-03-06", "seen >= '2021-03-06 00:00Z' AND seen < '2021-03-07 00:00Z'"),
        (
            "2021-03-06T00:00:00Z/2021-03-08T12:00:00Z",
            "seen BETWEEN '2021-03-06 00:00Z' AND '2021-03-08 12:00Z'",
        ),
        ("../2021-03-06T00:00:00Z", "seen <= '2021-03-06 00:00Z'"),
        ("2021-05-01T00:00:00Z/", "seen >= '2021-05-01 00:00Z'"),
    ],
)
def test_a_time_selects_what_was_then_and_what_has_none(client, places, cluster, moment, where):
    found = every(client, items(places), limit=2000, datetime=moment)
    expected = rows_of(
        cluster, f"SELECT row_id FROM data.ogc_places WHERE seen IS NULL OR ({where}) ORDER BY 1"
    )
    assert [one["id"] for one in found] == [row[0] for row in expected]


def test_dates_and_times_without_a_zone_are_asked_for_in_the_same_way(client, table):
    for kind in ("date", "timestamp"):
        name = table(
            f"ogc_{kind}",
            f"SELECT i AS id, ('2021-03-0' || i)::{kind} AS day, ST_SetSRID(ST_MakePoint(i, i), 4326) AS geom"
            " FROM generate_series(1, 9) i",
        )
        found = every(client, items(name), datetime="2021-03-03/2021-03-05")
        assert [one["properties"]["id"] for one in found] == [3, 4, 5], kind


def test_columns_select_by_equality(client, places, cluster):
    found = every(client, items(places), kind=3, limit=100, bbox="-100,-50,100,50")
    expected = rows_of(
        cluster,
        "SELECT row_id FROM data.ogc_places WHERE kind = 3"
        " AND ST_Intersects(geom, ST_MakeEnvelope(-100, -50, 100, 50, 4326)) ORDER BY 1",
    )
    assert [one["id"] for one in found] == [row[0] for row in expected]
    [one] = every(client, items(places), name="name 17")
    assert one["id"] == 17


@pytest.mark.parametrize(
    "query",
    [
        "bbox=1,2,3",
        "bbox=a,b,c,d",
        "bbox=1,nan,3,4",
        "bbox=0,10,5,5",
        "limit=0",
        "limit=-1",
        "limit=ten",
        "datetime=yesterday",
        "datetime=2021-13-45T00:00:00Z",
        "datetime=2021-03-08/2021-03-05",
        "nothing=1",
        "geom=1",
        "kind=three",
        "kind=1&kind=2",
        "f=html",
        "after=x",
        "after=99999999999999999999",
        "name=a%00b",
        "name=" + "x" * 2000,
    ],
)
def test_what_cannot_be_right_is_refused_in_words(client, places, query):
    answer = client.get(f"{items(places)}?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"].endswith(".")


def test_more_than_the_most_is_the_most(client, table):
    name = table(
        "ogc_many",
        "SELECT i AS id, ST_SetSRID(ST_MakePoint(i / 1000.0, 1), 4326) AS geom FROM generate_series(1, 12000) i",
    )
    first = page(client, items(name), limit=1_000_000)
    assert first["numberReturned"] == 10_000
    assert first["numberMatched"] == 12_000


@pytest.mark.parametrize("item", ["0", "77777", "x", "-1", "1e3", "99999999999999999999", "%F0%9F%98%80"])
def test_what_is_no_feature_is_not_found(client, places, item):
    assert client.get(f"{items(places)}/{item}").status_code == 404


def test_odd_shapes_are_given_as_far_as_geojson_can(client, table):
    name = table(
        "ogc_odd",
        """SELECT * FROM (VALUES
            (1, ST_GeomFromText('CIRCULARSTRING(0 0, 1 1, 2 0)', 4326)),
            (2, ST_GeomFromText('POINT EMPTY', 4326)),
            (3, ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(0 0, 1 1))', 4326)),
            (4, ST_GeomFromText('POINT ZM (1 2 3 4)', 4326)),
            (5, ST_SetSRID(ST_MakePoint('NaN', 1), 4326)),
            (6, ST_SetSRID(ST_MakePoint(1e300, 1), 4326)),
            (7, ST_GeomFromText('POLYGON((0 0, 0 1, 1 1, 1 0, 0 0))', 4326))) v (id, geom)""",
    )
    found = {one["properties"]["id"]: one["geometry"] for one in page(client, items(name))["features"]}
    assert found[1]["type"] == "LineString"
    assert found[3]["type"] == "GeometryCollection"
    assert found[4]["coordinates"] == [1, 2, 3]
    assert found[5] is None
    assert found[7]["coordinates"][0][1] == [1, 0]


def test_coordinates_outside_their_system_cost_the_geometry_not_the_page(client, table):
    name = table(
        "ogc_outside",
        "SELECT * FROM (VALUES (1, ST_SetSRID(ST_MakePoint(1e300, 1), 32633)),"
        " (2, ST_SetSRID(ST_MakePoint(500000, 5000000), 32633)),"
        " (3, ST_SetSRID(ST_MakePoint('NaN', 5000000), 32633))) v (id, geom)",
    )
    found = {one["properties"]["id"]: one["geometry"] for one in page(client, items(name))["features"]}
    assert found[1] is None
    assert found[2]["coordinates"] == pytest.approx([15, 45.1535], abs=1e-3)
    assert found[3] is None


def test_a_table_of_unknown_place_says_why_it_is_not_given(client, table):
    name = table("ogc_unknown", "SELECT 1 AS id, ST_MakePoint(500000, 4000000) AS geom")
    answer = client.get(items(name))
    assert answer.status_code == 422
    assert "coordinate system" in answer.json()["error"]


def test_a_page_is_never_larger_than_it_may_be(client, table):
    name = table(
        "ogc_heavy",
        "SELECT i AS id, repeat('x', 4000000) AS words, ST_SetSRID(ST_MakePoint(i, 1), 4326) AS geom"
        " FROM generate_series(1, 30) i",
    )
    answer = client.get(items(name), params={"limit": 30}, headers={"Accept-Encoding": "identity"})
    assert len(answer.content) < 72 * 1024**2
    assert answer.json()["numberReturned"] < 30
    assert [one["properties"]["id"] for one in every(client, items(name), limit=30)] == list(range(1, 31))


def test_an_empty_table_is_an_empty_page(client, table):
    name = table("ogc_empty", "SELECT 1 AS id, ST_SetSRID(ST_MakePoint(1, 1), 4326) AS geom LIMIT 0")
    found = page(client, items(name), bbox="0,0,1,1")
    assert found["features"] == []
    assert found["numberMatched"] == 0
    assert client.get(f"ogc/collections/{name}").status_code == 200


def test_names_of_tables_and_columns_are_only_names(client, volunteer):
    from urllib.parse import quote

    from divebell.tiles import to_slug

    table, column = "x'; DROP TABLE y; --/\"", "limit\"; SELECT 'x"
    quoted = '"' + table.replace('"', '""') + '"'
    with volunteer("vic") as vic:
        vic.execute(f"DROP TABLE IF EXISTS v_vic.{quoted}")
        vic.execute(
            f'CREATE TABLE v_vic.{quoted} AS SELECT 1 AS "{column.replace(chr(34), chr(34) * 2)}", 2 AS bbox,'
            " 'a' AS t, ST_SetSRID(ST_MakePoint(5, 5), 4326) AS geom"
        )
        vic.execute(f"GRANT SELECT ON v_vic.{quoted} TO event_reader")
    address = items(quote(to_slug("v_vic", table)))
    [one] = page(client, address, **{column: "1", "t": "a"})["features"]
    assert one["properties"][column] == 1
    assert client.get(address, params={"bbox": "2"}).status_code == 400


def test_a_page_is_packed_where_that_is_welcome(client, places):
    plain = client.get(items(places), headers={"Accept-Encoding": "identity"})
    packed = client.get(items(places), headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert json.loads(plain.text)["features"] == packed.json()["features"]
