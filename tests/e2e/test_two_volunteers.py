"""Two volunteers at once: what is theirs, what is everybody's, and what one shares."""

import httpx
import pytest

from live import until, wait_until_loaded
from volunteer import at_notebook

SHARE = """
import divebell, geopandas
engine = divebell.engine()
counties = geopandas.read_postgis("SELECT * FROM data.counties WHERE geom IS NOT NULL LIMIT 50", engine)
counties.to_postgis("worth_a_look", engine)
divebell.share("worth_a_look")
"""


@pytest.fixture(scope="module")
def ben(event):
    wait_until_loaded(event, "counties")
    browser, kernel = at_notebook(event.address, "ben", event.password)
    yield browser, kernel
    kernel.close()
    browser.client.close()


@pytest.fixture(scope="module")
def eva(event):
    wait_until_loaded(event, "counties")
    browser, kernel = at_notebook(event.address, "eva", event.password)
    yield browser, kernel
    kernel.close()
    browser.client.close()


def sql(statement):
    return f"import psycopg\nwith psycopg.connect('') as c: print(c.execute({statement!r}).fetchone())"


def test_each_reads_the_events_data_and_neither_writes_it(ben, eva):
    for _, kernel in (ben, eva):
        assert kernel.run(sql("SELECT count(*) > 3000 FROM data.counties")).strip() == "(True,)"
        for statement in (
            "DELETE FROM data.counties",
            "DROP TABLE data.counties",
            "CREATE TABLE data.mine ()",
        ):
            assert "InsufficientPrivilege" in kernel.run(sql(statement)), statement


def test_neither_reads_what_the_other_has_not_shared(ben, eva):
    ben[1].run(
        "import psycopg\nwith psycopg.connect('') as c: c.execute('CREATE TABLE secret AS SELECT 42 AS n')"
    )
    assert ben[1].run(sql("SELECT n FROM secret")).strip() == "(42,)"
    assert "InsufficientPrivilege" in eva[1].run(sql("SELECT n FROM v_ben.secret"))


def test_a_shared_table_is_on_everybodys_map_by_itself(event, ben, eva):
    address = f"{event.address}services/event/tiles/v_ben.worth_a_look.json"
    eva[0].follow("/services/event/")
    assert eva[0].client.get(address).status_code == 404
    shown = ben[1].run(SHARE)
    assert "worth_a_look" in shown, shown
    until(lambda: eva[0].client.get(address).status_code == 200, "it is not on the map")
    assert eva[0].client.get(address).json()["tilejson"].startswith("3")
    until(lambda: "worth_a_look" in eva[0].follow("/services/event/").text, "it is not on the front page")
    assert eva[1].run(sql("SELECT count(*) FROM v_ben.worth_a_look")).strip() == "(50,)"


def test_nobody_sees_data_without_signing_in(event):
    for path in (
        "api/datasets",
        "tiles/data.counties.json",
        "tiles/data.counties/0/0/0.mvt",
        "maps/data.counties",
    ):
        answer = httpx.get(f"{event.address}services/event/{path}", follow_redirects=False)
        assert answer.status_code in {302, 303, 307, 401, 403}, path
        assert "counties" not in answer.text
