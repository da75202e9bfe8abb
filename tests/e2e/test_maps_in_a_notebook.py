"""Maps within JupyterLab, behind the proxy: the event's own page in a frame."""

import pytest
from selenium.webdriver.common.by import By

from browser import chromium
from live import wait_until_loaded
from visitor import COLOURS, claim, open_notebook, run_all_cells, run_cell, wait


@pytest.fixture(scope="module")
def zoe(event):
    wait_until_loaded(event, "counties")
    with chromium() as driver:
        claim(driver, event, "zoe")
        open_notebook(driver)
        yield driver


def in_frame(driver, title):
    frame = wait(driver).until(lambda d: d.find_element(By.CSS_SELECTOR, f'iframe[title="Map of {title}"]'))
    driver.execute_script("arguments[0].scrollIntoView()", frame)
    driver.switch_to.frame(frame)
    wait(driver).until(lambda d: d.execute_script("return !!window.divebellMap"))
    seen = driver.execute_async_script(COLOURS)
    driver.switch_to.default_content()
    return seen


def test_the_welcome_notebook_shows_a_map_to_move_about_in(zoe):
    run_all_cells(zoe)
    seen = in_frame(zoe, "data.counties")
    assert seen["features"] > 500
    assert len(seen["colours"]) >= 4


def test_a_frame_that_was_just_made_is_on_the_map_coloured_as_asked(zoe):
    said = run_cell(
        zoe,
        "import divebell, geopandas\n"
        "some = geopandas.read_postgis('SELECT * FROM data.counties WHERE geom IS NOT NULL LIMIT 300',"
        " divebell.engine())\n"
        "some['twice'] = range(len(some))\n"
        "divebell.show(some, 'some', color='twice', classes=3)",
    )
    assert "v_zoe.some" in said
    seen = in_frame(zoe, "v_zoe.some")
    assert seen["features"] >= 300
    assert len(seen["colours"]) == 3
