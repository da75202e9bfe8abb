"""Pages in a real Chromium: drawn features, colours, popups, phones, and pages without scripts."""

import time

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from browser import chromium, complaints
from signed_in import COOKIE, ROOT

IDLE = """
const done = arguments[0];
const timer = setInterval(() => {
  const map = window.divebellMap;
  if (!map?.getSource("data") || !map.loaded() || !map.areTilesLoaded()) return;
  if (document.querySelector("#legend caption, #legend td") === null) return;
  clearInterval(timer);
  const shown = ["areas", "lines", "points", "grid"].filter((name) => map.getLayer(name));
  const found = map.queryRenderedFeatures({ layers: shown });
  done(found.map((one) => [one.layer.id, one.id ?? null, one.properties]));
}, 100);
"""


@pytest.fixture(scope="module")
def squares(table):
    return table(
        "squares",
        "SELECT i AS id, i::float8 AS score, '<img src=x onerror=\"document.title=1\">' || i AS words,"
        " ST_MakeEnvelope(i * 10 - 60, 0, i * 10 - 52, 8, 4326) AS geom FROM generate_series(1, 10) i",
    )


@pytest.fixture(scope="module")
def driver():
    with chromium() as one:
        yield one


def visit(driver, site, path, name="ana"):
    driver.get(f"{site.address}{ROOT}static/icon.svg")
    driver.add_cookie({"name": COOKIE, "value": site.cookie(name), "path": ROOT})
    driver.get("about:blank")
    driver.get(f"{site.address}{ROOT}{path}")


def test_a_map_draws_every_feature_in_the_colour_of_its_class(driver, site, squares):
    visit(driver, site, f"maps/{squares}#column=score&scheme=equal&k=2")
    found = driver.execute_async_script(IDLE)
    assert {one[2]["value"] for one in found if one[0] == "areas"} == set(range(1, 11))
    rows = [row.text.split("\n") for row in driver.find_elements(By.CSS_SELECTOR, "#legend tbody tr")]
    assert [" ".join(row) for row in rows] == ["1 to 5.5 5", "over 5.5 to 10 5"]
    colour = driver.execute_script(
        "const map = divebellMap, at = (lng) => { const p = map.project([lng, 4]);"
        " const gl = map.getCanvas().getContext('webgl2') ?? map.getCanvas().getContext('webgl');"
        " return JSON.stringify(map.getPaintProperty('areas', 'fill-color')) }; return at(-46);"
    )
    assert '"<=",["get","value"],5.5' in colour
    assert "Content Security Policy" not in " ".join(complaints(driver))


def test_a_choice_is_kept_in_the_address_and_survives_loading_anew(driver, site, squares):
    visit(driver, site, f"maps/{squares}")
    driver.execute_async_script(IDLE)
    Select(driver.find_element(By.ID, "scheme")).select_by_value("natural")
    WebDriverWait(driver, 20).until(lambda one: "scheme=natural" in one.current_url)
    assert "column=score" in driver.current_url
    assert "view=" in driver.current_url
    driver.refresh()
    driver.execute_async_script(IDLE)
    assert (
        Select(driver.find_element(By.ID, "scheme")).first_selected_option.get_attribute("value") == "natural"
    )


def test_a_click_shows_attributes_as_text_never_as_html(driver, site, squares):
    visit(driver, site, f"maps/{squares}")
    driver.execute_async_script(IDLE)
    driver.execute_script("divebellMap.jumpTo({ center: [-46, 4], zoom: 5 })")
    driver.execute_async_script(IDLE)
    driver.find_element(By.CSS_SELECTOR, "canvas.maplibregl-canvas").send_keys(Keys.ENTER)
    popup = WebDriverWait(driver, 20).until(
        lambda one: one.find_element(By.CSS_SELECTOR, ".maplibregl-popup-content")
    )
    assert "<img src=x onerror=" in popup.text
    assert popup.find_elements(By.CSS_SELECTOR, "img") == []
    assert driver.title != "1"


def test_too_many_features_are_gathered_and_the_map_says_so(driver, site, table):
    name = table(
        "gathered",
        "SELECT i AS id, ST_SetSRID(ST_MakePoint(-90 + sin(i) * 8, 40 + cos(i * 1.7) * 5), 4326) AS geom"
        " FROM generate_series(1, 150000) i",
    )
    visit(driver, site, f"maps/{name}")
    found = driver.execute_async_script(IDLE)
    assert any(one[0] == "grid" for one in found)
    assert driver.find_element(By.ID, "aggregated").is_displayed()


def test_a_map_that_cannot_be_drawn_says_why(driver, site, table):
    name = table("unplaced", "SELECT 1 AS id, ST_MakePoint(530000, 180000) AS geom")
    visit(driver, site, f"maps/{name}")
    WebDriverWait(driver, 20).until(
        lambda one: "does not say which coordinate system" in one.find_element(By.ID, "status").text
    )


@pytest.mark.parametrize("path", ["", "data/squares", "maps/data.squares", "people", "nothing"])
def test_no_page_is_wider_than_a_phone(site, squares, path):
    with chromium((390, 844)) as phone:
        visit(phone, site, path, "maria")
        time.sleep(0.5)
        width, screen = phone.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        assert width <= screen
        assert phone.find_elements(By.TAG_NAME, "h1")
