"""What the web app tells the web server in front of it: who may see a layer, and in which state it is."""

import pytest

from live import until
from signed_in import serving

ROOT = "/services/event/"


@pytest.fixture
def places(table):
    table("seen_places", "SELECT 1 AS id, ST_Point(1, 1, 4326)::geometry(Point, 4326) AS geom")
    return "data.seen_places"


def state(client, address):
    answer = client.get("api/seen", headers={"X-Divebell-Asked": address})
    assert answer.status_code == 204
    assert answer.headers["cache-control"] == "max-age=1"
    assert "set-cookie" not in answer.headers
    return answer.headers["x-divebell-state"]


def test_a_layers_state_is_said_and_changes_with_its_table(client, table, places):
    address = f"{ROOT}tiles/{places}/0/0/0.mvt?column=id"
    first = state(client, address)
    assert first
    assert state(client, address.replace("0/0/0", "3/1/2")) == first
    table("seen_places", "SELECT 2 AS id, ST_Point(2, 2, 4326)::geometry(Point, 4326) AS geom")
    until(lambda: state(client, address) != first, "another table has the same state")


@pytest.mark.parametrize(
    "address",
    ["", "/", f"{ROOT}tiles/", f"{ROOT}tiles/data.seen_nowhere/0/0/0.mvt", f"{ROOT}data/data.seen_places"],
)
def test_what_is_no_layer_has_no_state(client, places, address):
    assert state(client, address) == ""


def test_who_has_not_signed_in_is_told_nothing(site, places):
    with site.client() as stranger:
        answer = stranger.get("api/seen", headers={"X-Divebell-Asked": f"{ROOT}tiles/{places}/0/0/0.mvt"})
    assert answer.status_code == 401
    assert "x-divebell-state" not in answer.headers


def test_everybody_may_where_maps_are_public(cluster, places):
    public = cluster.event.maps.model_copy(update={"public": True})
    with serving(cluster, maps=public) as site, site.client() as stranger:
        assert state(stranger, f"{ROOT}tiles/{places}/0/0/0.mvt")


def test_no_cookie_is_on_what_is_kept_in_front(client, places):
    for path in (f"tiles/{places}/0/0/0.mvt", f"tiles/{places}.json", "api/seen"):
        assert "set-cookie" not in client.get(path).headers
