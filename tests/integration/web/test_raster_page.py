"""A raster on the map page: its pixels in their colours, and the values of the place one clicks."""

import base64
import io
import warnings

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from browser import chromium, complaints
from divebell.database import connect
from divebell.event.model import DatasetHint
from divebell.pipeline import rasters
from divebell.pipeline.reading.service import Readings
from map_page import legend, text, until, visit

LEFT, RIGHT = 11, 42


@pytest.fixture(scope="module")
def driver():
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def cover(cluster, table, tmp_path_factory):
    """A raster of two classes of land, beside each other, as the loader keeps it."""
    data = np.full((1, 100, 200), LEFT, "int16")
    data[:, :, 100:] = RIGHT
    cluster.state.checkout.mkdir(mode=0o755, exist_ok=True)
    path = cluster.state.checkout / "cover.tif"
    known = {"driver": "GTiff", "width": 200, "height": 100, "count": 1, "dtype": "int16", "crs": "EPSG:4326"}
    with (
        warnings.catch_warnings(action="ignore"),
        rasterio.open(path, "w", transform=Affine(0.1, 0, -10, 0, -0.1, 5), **known) as file,
    ):
        file.write(data)
    name = table(
        "cover",
        "SELECT 1 AS row_id, 'cover.tif' AS file, 200::bigint AS width, 100::bigint AS height, 1::bigint AS bands,"
        " 'int16' AS data_type, ST_MakeEnvelope(-10, -5, 10, 5, 4326) AS geom",
    )
    with connect(cluster.state, "event_loader", autocommit=True) as loader:
        loader.execute(
            "INSERT INTO catalogue.dataset (file, table_name, format, identity, commit, committed_at, author, rows,"
            " columns, load_seconds) VALUES ('cover.tif', 'cover', 'GeoTIFF', 'cover', 'c', now(), 'a', 1, '[]', 0)"
        )
        with Readings([cluster.state.checkout], tmp_path_factory.mktemp("reading") / "scratch") as readings:
            rasters.keep(loader, readings, cluster.state, {"cover.tif": DatasetHint()}, lambda _: None)
    return name


def shown_at(driver, longitude, latitude):
    """Give the colour of a place on the screen."""
    x, y = place(driver, longitude, latitude)
    picture = base64.b64decode(driver.get_screenshot_as_base64())
    with warnings.catch_warnings(action="ignore"), rasterio.open(io.BytesIO(picture)) as screen:
        scale = driver.execute_script("return devicePixelRatio")
        return tuple(int(channel) for channel in screen.read()[:3, int(y * scale), int(x * scale)])


def place(driver, longitude, latitude):
    return driver.execute_script(
        "const p = window.divebellMap.project(arguments[0]);"
        " const box = window.divebellMap.getCanvas().getBoundingClientRect(); return [box.x + p.x, box.y + p.y];",
        [longitude, latitude],
    )


def at_rest(driver):
    until(
        driver,
        lambda one: one.execute_script(
            "const m = window.divebellMap; return Boolean(m && m.loaded() && m.areTilesLoaded()"
            " && m.getLayer('pixels-0') && document.querySelector('#legend tbody tr'))"
        ),
    )


def close(one, other):
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 6


def rgb(colour):
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def test_pixels_have_the_colours_that_the_legend_gives_them(driver, site, cover):
    visit(driver, site, f"maps/{cover}#opacity=1")
    at_rest(driver)
    colours = {words: rgb(colour) for colour, words, _ in legend(driver)}
    assert colours.keys() == {str(LEFT), str(RIGHT)}
    until(driver, lambda one: close(shown_at(one, -5, 1), colours[str(LEFT)]))
    until(driver, lambda one: close(shown_at(one, 5, 1), colours[str(RIGHT)]))
    assert not close(shown_at(driver, 5, 8), colours[str(RIGHT)])
    assert "200 × 100 pixels" in text(driver, "status")
    assert "Content Security Policy" not in " ".join(complaints(driver))


def test_a_click_tells_the_values_of_the_place(driver, site, cover):
    visit(driver, site, f"maps/{cover}")
    at_rest(driver)
    for longitude, value in ((-5, LEFT), (5, RIGHT)):
        canvas = driver.find_element(By.CSS_SELECTOR, "#map canvas")
        x, y = place(driver, longitude, 1)
        box = canvas.rect
        ActionChains(driver).move_to_element_with_offset(
            canvas, round(x - box["x"] - box["width"] / 2), round(y - box["y"] - box["height"] / 2)
        ).click().perform()
        until(
            driver,
            lambda one, value=value: (
                f"band 1{value}"
                in one.execute_script(
                    "return document.querySelector('.maplibregl-popup-content')?.textContent ?? ''"
                )
            ),
        )


def test_opacity_makes_the_raster_fainter_and_the_box_hides_it(driver, site, cover):
    visit(driver, site, f"maps/{cover}#opacity=0.2")
    at_rest(driver)
    colour = {words: rgb(one) for one, words, _ in legend(driver)}[str(LEFT)]
    assert not close(shown_at(driver, -5, 1), colour)
    assert (
        driver.execute_script("return window.divebellMap.getPaintProperty('pixels-0', 'raster-opacity')")
        == 0.2
    )
    driver.execute_script("document.querySelector('[data-choice=shown]').click()")
    until(
        driver,
        lambda one: (
            one.execute_script("return window.divebellMap.getLayoutProperty('pixels-0', 'visibility')")
            == "none"
        ),
    )
    assert not driver.find_elements(By.CSS_SELECTOR, "[data-choice=column]")
