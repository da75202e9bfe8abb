"""A program reads with a token what its person may read, and nothing else: also when somebody tries."""

import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from divebell.database import admin
from divebell.event.model import Maps
from live import until

sys.path.insert(0, str(Path(__file__).parents[2]))

from signed_in import serving

SECRET = "CREATE {kind} {name} AS SELECT 1 AS id, 'hidden'::text AS name, ST_SetSRID(ST_MakePoint(5, 5), 4326) AS geom"
PATHS = ("ogc/collections/{}", "ogc/collections/{}/items", "ogc/collections/{}/items?bbox=0,0,9,9")


def made(connection, name, kind="TABLE"):
    connection.execute(f"DROP {kind} IF EXISTS {name} CASCADE")
    connection.execute(SECRET.format(name=name, kind=kind))


@pytest.fixture
def programs(site, cluster):
    """Give the function that gives a program with a token of somebody's."""
    with admin(cluster.state) as database:
        database.execute("DELETE FROM tokens.token")

    made = []

    def program(name):
        with site.client(name) as browser:
            answer = browser.post("tokens/make", data={"token": f"form-{name}", "label": "x"})
        client = site.client()
        token = answer.text.split('class="token">')[1].split("<")[0]
        client.headers["Authorization"] = f"Bearer {token}"
        made.append(client)
        return client

    yield program
    for client in made:
        client.close()


def statuses(client, name):
    return {client.get(path.format(name)).status_code for path in PATHS}


def listed(client):
    return {one["id"] for one in client.get("ogc/collections").json()["collections"]}


def test_an_own_table_is_given_to_its_owner_alone_until_it_is_shared(programs, volunteer):
    ana_reads, ben_reads = programs("ana"), programs("ben")
    with volunteer("ana") as ana:
        made(ana, "v_ana.mine")
        time.sleep(1.1)
        assert statuses(ana_reads, "v_ana.mine") == {200}
        assert statuses(ben_reads, "v_ana.mine") == {404}
        until(lambda: "v_ana.mine" in listed(ana_reads), "an own table is not listed")
        assert "v_ana.mine" not in listed(ben_reads)
        [one] = ana_reads.get("ogc/collections/v_ana.mine/items").json()["features"]
        assert one["properties"]["name"] == "hidden"
        for path in (f"items/{one['id']}", "items?name=hidden", "items?after=0", "items?datetime=2020-01-01"):
            assert ben_reads.get(f"ogc/collections/v_ana.mine/{path}").status_code == 404
        ana.execute("GRANT SELECT ON v_ana.mine TO event_reader")
        time.sleep(1.1)
        assert statuses(ben_reads, "v_ana.mine") == {200}
        ana.execute("REVOKE SELECT ON v_ana.mine FROM event_reader")
        time.sleep(1.1)
        assert statuses(ben_reads, "v_ana.mine") == {404}
        assert statuses(ana_reads, "v_ana.mine") == {200}


def test_a_table_granted_to_somebody_by_name_is_given_to_them(programs, volunteer):
    with volunteer("ana") as ana, volunteer("ben"):
        made(ana, "v_ana.forben")
        ana.execute("GRANT SELECT ON v_ana.forben TO v_ben")
        time.sleep(1.1)
        assert statuses(programs("ben"), "v_ana.forben") == {200}
        assert statuses(programs("cleo"), "v_ana.forben") == {404}


def test_a_view_that_is_not_shared_is_run_for_nobody(programs, volunteer):
    with volunteer("ana") as ana:
        made(ana, "v_ana.seen", "VIEW")
        time.sleep(1.1)
        ana_reads = programs("ana")
        assert "v_ana.seen" not in listed(ana_reads)
        assert ana_reads.get("ogc/collections/v_ana.seen/items").status_code == 422


@pytest.mark.parametrize(
    "name",
    [
        "people.person",
        "tokens.token",
        "catalogue.dataset",
        "pg_catalog.pg_authid",
        "public.spatial_ref_sys",
        "stage.x",
        "divebell.limits",
        "data.nothing",
        "mine",
        '"v_ana"."mine"',
        "V_ANA.mine",
        "v_ana.mine ",
        "v_ana.mine;--",
        "v_ana.mine\0",
        "../v_ana.mine",
    ],
)
def test_nothing_else_can_be_named(programs, volunteer, name):
    with volunteer("ana") as ana:
        made(ana, "v_ana.mine")
    ben_reads = programs("ben")
    for path in PATHS:
        assert ben_reads.get(path.format(quote(name, safe=""))).status_code == 404


@pytest.mark.parametrize("options", ["", "WITH (security_invoker = true)"])
def test_a_view_that_reads_more_than_its_author_may_gives_nothing(programs, volunteer, options):
    with volunteer("ana") as ana, volunteer("ben") as ben:
        made(ana, "v_ana.mine")
        ben.execute("DROP VIEW IF EXISTS v_ben.trap")
        ben.execute(f"CREATE VIEW v_ben.trap {options} AS SELECT id, name, geom FROM v_ana.mine")
        ben.execute("GRANT SELECT ON v_ben.trap TO event_reader")
        time.sleep(1.1)
        for reader in ("ben", "ana", "cleo"):
            answer = programs(reader).get("ogc/collections/v_ben.trap/items")
            assert answer.status_code == 404
            assert "hidden" not in answer.text
        ben.execute("DROP VIEW v_ben.trap")


def test_a_stranger_to_a_public_event_reads_what_is_shared_alone(cluster, volunteer):
    with volunteer("ana") as ana, serving(cluster, maps=Maps(public=True)) as site, site.client() as stranger:
        made(ana, "v_ana.mine")
        made(ana, "v_ana.open")
        ana.execute("GRANT SELECT ON v_ana.open TO event_reader")
        assert statuses(stranger, "v_ana.open") == {200}
        assert statuses(stranger, "v_ana.mine") == {404}
        assert "v_ana.mine" not in listed(stranger)


def test_a_token_reads_tiles_too(programs, volunteer):
    with volunteer("ana") as ana:
        made(ana, "v_ana.mine")
    time.sleep(1.1)
    assert programs("ana").get("tiles/v_ana.mine/0/0/0.mvt").status_code == 200
    assert programs("ben").get("tiles/v_ana.mine/0/0/0.mvt").status_code == 404
