"""What volunteers share is on the map within seconds, and gone when they take it back."""

import time
from urllib.parse import quote

import pytest

from live import until

MINE = (
    "CREATE TABLE v_{who}.{name} AS SELECT 1 AS id, 2.5::float8 AS score,"
    " ST_SetSRID(ST_MakePoint(5, 5), 4326) AS geom"
)


def until_so(condition):
    until(condition, "it does not become so")


def test_a_table_is_everyones_map_once_it_is_shared_and_no_longer_when_it_is_not(volunteer, site, features):
    with volunteer("ana") as ana, site.client("ben") as client:
        ana.execute("DROP TABLE IF EXISTS v_ana.finding")
        ana.execute(MINE.format(who="ana", name="finding"))
        time.sleep(2.1)
        assert client.get("tiles/v_ana.finding.json").status_code == 404
        ana.execute("GRANT SELECT ON v_ana.finding TO event_reader")
        until_so(lambda: client.get("tiles/v_ana.finding.json").status_code == 200)
        assert len(features(client.get("tiles/v_ana.finding/0/0/0.mvt?column=score"))) == 1
        assert "finding" in client.get("", headers={"Accept": "text/html"}).text
        ana.execute("REVOKE SELECT ON v_ana.finding FROM event_reader")
        until_so(lambda: client.get("tiles/v_ana.finding/0/0/0.mvt?column=score").status_code == 404)
        assert client.get("data/v_ana.finding").status_code == 404
        assert client.get("maps/v_ana.finding").status_code == 404


def test_a_dropped_table_is_gone(volunteer, client):
    with volunteer("ana") as ana:
        ana.execute("DROP TABLE IF EXISTS v_ana.brief")
        ana.execute(MINE.format(who="ana", name="brief"))
        ana.execute("GRANT SELECT ON v_ana.brief TO event_reader")
        until_so(lambda: client.get("tiles/v_ana.brief/0/0/0.mvt").status_code == 200)
        ana.execute("DROP TABLE v_ana.brief")
        assert client.get("tiles/v_ana.brief/1/1/0.mvt").status_code in {404, 204}
        until_so(lambda: client.get("tiles/v_ana.brief.json").status_code == 404)


def test_a_shared_view_is_a_map_and_carries_its_attributes(volunteer, client, features):
    with volunteer("ana") as ana:
        ana.execute("DROP VIEW IF EXISTS v_ana.joined")
        ana.execute(
            "CREATE VIEW v_ana.joined AS SELECT 'x'::text AS label,"
            " ST_SetSRID(ST_MakePoint(5, 5), 4326) AS geom"
        )
        ana.execute("GRANT SELECT ON v_ana.joined TO event_reader")
        until_so(lambda: client.get("tiles/v_ana.joined.json").status_code == 200)
    [one] = features(client.get("tiles/v_ana.joined/0/0/0.mvt"))
    assert one["label"] == "x"
    assert client.get("tiles/v_ana.joined.json").json()["divebell"]["findable"] is False


@pytest.mark.parametrize(
    "name",
    ["Odd / name?", 'with "quotes"', "Straße 北京", "a.b.c", "x'; DROP TABLE y; --", "..", "<b>%2F", "~x"],
)
def test_hostile_names_are_maps_like_any_other(volunteer, client, features, name):
    quoted = '"' + name.replace('"', '""') + '"'
    with volunteer("ana") as ana:
        ana.execute(f"DROP TABLE IF EXISTS v_ana.{quoted}")
        ana.execute(MINE.replace("{name}", "{{}}").format(who="ana").format(quoted))
        ana.execute(f"GRANT SELECT ON v_ana.{quoted} TO event_reader")
        from divebell.tiles import to_slug

        slug = quote(to_slug("v_ana", name))
        until_so(lambda: client.get(f"tiles/{slug}.json").status_code == 200)
        assert len(features(client.get(f"tiles/{slug}/0/0/0.mvt"))) == 1
        assert client.get(f"maps/{slug}").status_code == 200
        assert client.get(f"data/{slug}").status_code == 200
        front = client.get("", headers={"Accept": "text/html"})
        assert front.status_code == 200
        assert "<b>%2F" not in front.text
        ana.execute(f"DROP TABLE v_ana.{quoted}")


def test_a_view_that_always_fails_says_so_and_breaks_nothing_else(volunteer, client):
    with volunteer("ana") as ana:
        ana.execute("DROP VIEW IF EXISTS v_ana.trap")
        ana.execute(
            "CREATE VIEW v_ana.trap AS SELECT 1 / (random() * 0)::int AS id,"
            " ST_SetSRID(ST_MakePoint(1, 1), 4326) AS geom"
        )
        ana.execute("GRANT SELECT ON v_ana.trap TO event_reader")
        time.sleep(2.1)
        answers = [
            client.get(f"{path}")
            for path in ("tiles/v_ana.trap.json", "tiles/v_ana.trap/0/0/0.mvt?column=id")
        ]
        assert all(answer.status_code in {200, 422} for answer in answers)
        assert client.get("data/v_ana.trap").status_code in {200, 422}
        assert client.get("", headers={"Accept": "text/html"}).status_code == 200
        ana.execute("DROP VIEW v_ana.trap")


def test_a_view_cannot_leave_anything_behind_on_our_connection(volunteer, client, site):
    with volunteer("ana") as ana, site.client("maria") as maria:
        ana.execute("DROP VIEW IF EXISTS v_ana.trap")
        ana.execute(
            "CREATE VIEW v_ana.trap AS SELECT set_config('role', 'event_reader', false) AS role,"
            " ST_SetSRID(ST_MakePoint(1, 1), 4326) AS geom"
        )
        ana.execute("GRANT SELECT ON v_ana.trap TO event_reader")
        assert client.get("data/v_ana.trap").status_code == 200
        assert maria.get("people").status_code == 200
        ana.execute("DROP VIEW v_ana.trap")


def test_a_view_that_meddles_with_our_transaction_is_its_own_problem(volunteer, client):
    with volunteer("ana") as ana:
        ana.execute("DROP VIEW IF EXISTS v_ana.trap")
        ana.execute("CREATE VIEW v_ana.trap AS SELECT set_config('transaction_read_only', 'off', true) AS x")
        ana.execute("GRANT SELECT ON v_ana.trap TO event_reader")
        assert client.get("data/v_ana.trap").status_code == 422
        ana.execute("DROP VIEW v_ana.trap")
