"""A volunteer's notebook server: what works in it with nothing typed, and what it cannot reach."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def nora(hub, open_browser, kernel_class):
    browser = open_browser()
    browser.claim("nora", hub.password)
    browser.open_notebook("nora")
    kernel = kernel_class(browser, "nora")
    yield kernel
    kernel.socket.close()


def test_the_database_is_there_in_every_way_people_ask_for_it(nora):
    assert "v_nora" in nora.run("!psql -Atc 'select current_user'")
    assert "v_nora" in nora.run(
        "import psycopg\nwith psycopg.connect('') as c: print(c.execute('select current_user').fetchone())"
    )
    assert "v_nora" in nora.run("%sql select current_user")
    assert "POINT (1 2)" in nora.run(
        "import divebell, geopandas\n"
        "print(geopandas.read_postgis('select ST_MakePoint(1, 2) AS geom', divebell.engine(), geom_col='geom'))"
    )
