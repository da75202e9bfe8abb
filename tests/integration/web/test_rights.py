"""Tiles show what whoever asks may read, and nothing else: also to somebody who tries."""

import time

import psycopg
import pytest

from divebell.web.pool import DRAFTS, connection_arguments
from live import until

SECRET = (
    "CREATE TABLE {name} AS SELECT 1 AS id, 7.5::float8 AS score, 'hidden'::text AS name,"
    " ST_SetSRID(ST_MakePoint(5, 5), 4326) AS geom"
)
PATHS = (
    "tiles/{}.json",
    "tiles/{}/0/0/0.mvt",
    "tiles/{}/0/0/0.mvt?column=score",
    "tiles/{}/feature/1",
    "tiles/{}/breaks?column=score",
    "tiles/{}/categories?column=name",
    "tiles/{}/search?q=hid",
    "preview/{}.svg",
)


@pytest.fixture
def people(volunteer, site):
    """Ana and Ben, each with a connection to the database and a browser."""
    with (
        volunteer("ana") as ana,
        volunteer("ben") as ben,
        site.client("ana") as ana_sees,
        site.client("ben") as ben_sees,
    ):
        yield ana, ben, ana_sees, ben_sees


def made(connection, name, statement=SECRET):
    kind = "VIEW" if "CREATE VIEW" in statement else "TABLE"
    connection.execute(f"DROP {kind} IF EXISTS {name} CASCADE")
    connection.execute(statement.format(name=name))


def statuses(client, name):
    return {client.get(path.format(name)).status_code for path in PATHS}


def soon(condition):
    until(condition, "it does not become so")


def test_what_is_not_shared_is_a_map_for_its_owner_alone(people):
    ana, _, ana_sees, ben_sees = people
    made(ana, "v_ana.secret")
    assert statuses(ana_sees, "v_ana.secret") == {200}
    assert statuses(ben_sees, "v_ana.secret") == {404}
    facts = ana_sees.get("tiles/v_ana.secret.json").json()["divebell"]
    assert (facts["shared"], facts["owner"]) == (False, "ana")
    assert ana_sees.get("maps/v_ana.secret").status_code == 200
    assert ben_sees.get("maps/v_ana.secret").status_code == 404
    soon(lambda: "v_ana.secret" in {one["name"] for one in ana_sees.get("api/layers").json()})
    assert "v_ana.secret" not in {one["name"] for one in ben_sees.get("api/layers").json()}


def test_a_stranger_to_a_public_event_sees_what_is_shared_alone(cluster, volunteer):
    from divebell.event.model import Maps
    from signed_in import serving

    with volunteer("ana") as ana, serving(cluster, maps=Maps(public=True)) as site, site.client() as stranger:
        made(ana, "v_ana.secret")
        made(ana, "v_ana.open")
        ana.execute("GRANT SELECT ON v_ana.open TO event_reader")
        assert statuses(stranger, "v_ana.secret") == {404}
        assert statuses(stranger, "v_ana.open") == {200}
        soon(lambda: "v_ana.open" in {one["name"] for one in stranger.get("api/layers").json()})
        assert "v_ana.secret" not in {one["name"] for one in stranger.get("api/layers").json()}


def test_a_table_granted_to_one_person_is_a_map_for_both(people, site):
    ana, _, ana_sees, ben_sees = people
    made(ana, "v_ana.secret")
    ana.execute("GRANT SELECT ON v_ana.secret TO v_ben")
    soon(lambda: statuses(ben_sees, "v_ana.secret") == {200})
    assert statuses(ana_sees, "v_ana.secret") == {200}
    with site.client("carl") as carl_sees:
        assert statuses(carl_sees, "v_ana.secret") == {404}
    ana.execute("REVOKE SELECT ON v_ana.secret FROM v_ben")
    soon(lambda: statuses(ben_sees, "v_ana.secret") == {404})


def test_a_tile_that_is_kept_is_not_shown_once_the_table_is_taken_back(people):
    ana, _, _, ben_sees = people
    made(ana, "v_ana.secret")
    ana.execute("GRANT SELECT ON v_ana.secret TO event_reader")
    soon(lambda: ben_sees.get("tiles/v_ana.secret/0/0/0.mvt").status_code == 200)
    tag = ben_sees.get("tiles/v_ana.secret/0/0/0.mvt").headers["etag"]
    ana.execute("REVOKE SELECT ON v_ana.secret FROM event_reader")
    asked = lambda: ben_sees.get("tiles/v_ana.secret/0/0/0.mvt", headers={"If-None-Match": tag})  # noqa: E731
    soon(lambda: asked().status_code == 404)


@pytest.mark.parametrize("options", ["", "WITH (security_invoker = true)"])
def test_a_view_over_somebody_elses_secret_shows_nothing(people, options):
    """A view that asks with its reader's rights must not be read by whoever may read more."""
    ana, ben, _, ben_sees = people
    made(ana, "v_ana.secret")
    made(ben, "v_ben.spy", f"CREATE VIEW {{name}} {options} AS SELECT * FROM v_ana.secret")
    soon(lambda: ben_sees.get("tiles/v_ben.spy/0/0/0.mvt").status_code == 204)
    assert "not shared" in ben_sees.get("tiles/v_ben.spy.json").json()["divebell"]["reason"]
    assert {ben_sees.get(path.format("v_ben.spy")).status_code for path in PATHS[3:7]} == {422}
    ben.execute("GRANT SELECT ON v_ben.spy TO event_reader")
    soon(lambda: ben_sees.get("tiles/v_ben.spy.json").status_code in {404, 422})
    answers = [ben_sees.get(path.format("v_ben.spy")) for path in PATHS]
    assert all(answer.status_code in {404, 422} for answer in answers)
    assert all("hidden" not in answer.text and "7.5" not in answer.text for answer in answers)


def test_statistics_of_somebody_elses_secret_do_not_leak_through_a_view(people):
    """pg_stats shows what its reader may read; it runs inside Ben's view as whoever draws it."""
    ana, ben, _, ben_sees = people
    made(ana, "v_ana.secret", SECRET + ", generate_series(1, 50)")
    ana.execute("ANALYZE v_ana.secret")
    made(
        ben,
        "v_ben.spy",
        "CREATE VIEW {name} AS SELECT most_common_vals::text AS name, ST_SetSRID(ST_MakePoint(5, 5), 4326)"
        " AS geom FROM pg_catalog.pg_stats WHERE tablename = 'secret'",
    )
    for _ in range(2):
        answers = [ben_sees.get(path.format("v_ben.spy")) for path in PATHS]
        assert all(b"hidden" not in answer.content for answer in answers)
        ben.execute("GRANT SELECT ON v_ben.spy TO event_reader")
        time.sleep(1.2)


def test_a_table_that_becomes_a_view_between_two_looks_is_refused(people, site):
    """The server itself refuses views to the role that can read everything."""
    ana, ben, _, ben_sees = people
    made(ana, "v_ana.secret")
    ben.execute("DROP VIEW IF EXISTS v_ben.swap")
    made(ben, "v_ben.swap")
    assert ben_sees.get("tiles/v_ben.swap/0/0/0.mvt").status_code == 200
    ben.execute("DROP TABLE v_ben.swap")
    made(ben, "v_ben.swap", "CREATE VIEW {name} WITH (security_invoker = true) AS SELECT * FROM v_ana.secret")
    answers = [ben_sees.get(f"tiles/v_ben.swap/1/1/{y}.mvt?column=score") for y in (0, 0, 1)]
    assert {answer.status_code for answer in answers} <= {204, 404, 422}
    ben.execute("DROP VIEW v_ben.swap")


def drafts(cluster):
    """Connect as the web app does to read what is not shared."""
    given = connection_arguments(cluster.state, DRAFTS)
    settings = " ".join(
        f"-c {name}={value.replace(' ', chr(92) + ' ')}"
        for name, value in given["server_settings"].items()
        if name != "application_name"
    )
    return psycopg.connect(
        host=given["host"],
        port=given["port"],
        user=given["user"],
        password=given["password"],
        dbname=given["database"],
        options=settings,
    )


def test_the_role_behind_it_reads_tables_and_neither_views_nor_writes(cluster, people):
    ana, ben, _, _ = people
    made(ana, "v_ana.secret")
    made(ben, "v_ben.spy", "CREATE VIEW {name} AS SELECT 1 AS id")
    with drafts(cluster) as reading:
        assert reading.execute("SELECT score FROM v_ana.secret").fetchone() == (7.5,)
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            reading.execute("SELECT * FROM v_ben.spy")
        reading.rollback()
        with pytest.raises(psycopg.errors.Error):
            reading.execute("DELETE FROM v_ana.secret")
        reading.rollback()
        with pytest.raises(psycopg.errors.Error):
            reading.execute("SELECT people.reset('ana')")


@pytest.mark.parametrize("role", ["event_tiles", "event_web"])
def test_no_other_role_of_the_web_app_reads_what_is_not_shared(cluster, people, role):
    from divebell.database import connect

    ana, _, _, _ = people
    made(ana, "v_ana.secret")
    with connect(cluster.state, role) as other, pytest.raises(psycopg.errors.InsufficientPrivilege):
        other.execute("SELECT * FROM v_ana.secret")


@pytest.mark.parametrize("target", ["event_drafts", "event_web", "v_ana", "pg_read_all_data"])
def test_a_shared_view_cannot_become_somebody_else(people, target):
    ana, ben, _, ben_sees = people
    made(ana, "v_ana.secret")
    made(
        ben,
        "v_ben.spy",
        f"CREATE VIEW {{name}} AS SELECT set_config('role', '{target}', false) AS name,"
        " ST_SetSRID(ST_MakePoint(5, 5), 4326) AS geom",
    )
    ben.execute("GRANT SELECT ON v_ben.spy TO event_reader")
    time.sleep(1.1)
    assert ben_sees.get("tiles/v_ben.spy/0/0/0.mvt?column=name").status_code in {404, 422}
    ben.execute("DROP VIEW v_ben.spy")


def test_a_policy_on_ones_rows_holds_on_the_map_too(people):
    ana, _, _, ben_sees = people
    made(ana, "v_ana.secret")
    ana.execute("ALTER TABLE v_ana.secret ENABLE ROW LEVEL SECURITY")
    ana.execute("CREATE POLICY none ON v_ana.secret USING (false)")
    ana.execute("GRANT SELECT ON v_ana.secret TO event_reader")
    soon(lambda: ben_sees.get("tiles/v_ana.secret.json").status_code != 200)
    assert statuses(ben_sees, "v_ana.secret") <= {404, 422}


def test_temporary_tables_and_columns_shared_alone_are_no_layers(people):
    ana, _, _, ben_sees = people
    made(ana, "v_ana.secret")
    ana.execute("GRANT SELECT (id, geom) ON v_ana.secret TO event_reader")
    time.sleep(1.1)
    assert statuses(ben_sees, "v_ana.secret") == {404}
