"""Pages on a phone, in a real Chromium."""

import time

import pytest
from selenium.webdriver.common.by import By

from browser import chromium
from divebell.event.maps import Maps
from signed_in import COOKIE, ROOT, serving


@pytest.fixture(scope="module")
def squares(table):
    return table(
        "squares",
        "SELECT i AS id, i::float8 AS score, '<img src=x onerror=\"document.title=1\">' || i AS words,"
        " ST_MakeEnvelope(i * 10 - 60, 0, i * 10 - 52, 8, 4326) AS geom FROM generate_series(1, 10) i",
    )


def visit(driver, site, path, name="ana"):
    driver.get(f"{site.address}{ROOT}static/icon.svg")
    driver.add_cookie({"name": COOKIE, "value": site.cookie(name), "path": ROOT})
    driver.get("about:blank")
    driver.get(f"{site.address}{ROOT}{path}")


@pytest.mark.parametrize("path", ["", "data/squares", "maps/data.squares", "people", "nothing"])
def test_no_page_is_wider_than_a_phone(site, squares, path):
    with chromium((390, 844)) as phone:
        visit(phone, site, path, "maria")
        time.sleep(0.5)
        width, screen = phone.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        assert width <= screen
        assert phone.find_elements(By.TAG_NAME, "h1")


def test_a_stranger_is_asked_to_sign_in_where_that_may_show_the_map(cluster):
    with (
        serving(cluster, maps=Maps(public=True)) as site,
        site.client() as stranger,
        site.client("ana") as ana,
    ):
        answer = stranger.get("maps/v_ana.mine?embed=1")
        assert (
            answer.headers["location"]
            == f"{ROOT}enter?next=%2Fservices%2Fevent%2Fmaps%2Fv_ana.mine%3Fembed%3D1"
        )
        enter = answer.headers["location"].removeprefix(ROOT)
        assert "/hub/api/oauth2/authorize" in stranger.get(enter).headers["location"]
        assert ana.get(enter).headers["location"] == f"{ROOT}maps/v_ana.mine?embed=1"
        for elsewhere in ("//evil.example", "https://evil.example/services/event/", "/hub/logout"):
            assert ana.get("enter", params={"next": elsewhere}).headers["location"] == ROOT
