"""What a volunteer does on Saturday morning, in a real browser."""

import pytest
from selenium.webdriver.common.by import By

from browser import chromium
from live import wait_until_loaded
from visitor import COLOURS, claim, open_notebook, run_all_cells, sign_in, wait, wait_until_all_ran


@pytest.fixture(scope="module")
def ana(event):
    """Ana's browser after she claimed her name, and her return code."""
    wait_until_loaded(event, "counties")
    with chromium() as driver:
        yield driver, claim(driver, event, "ana")


def test_from_the_link_to_a_cell_that_draws(event, ana):
    driver, code = ana
    assert len(code) >= 8
    open_notebook(driver)
    run_all_cells(driver)
    wait_until_all_ran(driver)
    picture = '.jp-OutputArea-output[data-mime-type="image/png"] img'
    wait(driver).until(lambda d: d.find_element(By.CSS_SELECTOR, picture).size["width"] > 200)
    outputs = driver.find_elements(By.CSS_SELECTOR, ".jp-OutputArea-output")
    assert any("counties" in output.text for output in outputs)
    assert not driver.find_elements(By.CSS_SELECTOR, '[data-mime-type="application/vnd.jupyter.error"]')
    assert not driver.find_elements(By.CSS_SELECTOR, '[data-mime-type="application/vnd.jupyter.stderr"]')


def test_the_map_of_a_dataset_shows_coloured_features(event, ana):
    driver, _ = ana
    driver.get(f"{event.address}services/event/maps/data.counties")
    wait(driver).until(lambda d: d.execute_script("return !!window.divebellMap"))
    seen = driver.execute_async_script(COLOURS)
    assert seen["features"] > 500
    assert len(seen["colours"]) >= 4


def test_the_same_name_elsewhere_needs_the_return_code(event, ana):
    _, code = ana
    with chromium() as other:
        sign_in(other, event, "ana")
        wait(other).until(lambda d: "type the return code" in d.find_element(By.ID, "sign-in-error").text)
        assert "/hub/login" in other.current_url
        sign_in(other, event, "ana", code=code)
        wait(other).until(lambda d: d.current_url.endswith("/services/event/"))


@pytest.mark.parametrize("name", ["Maria", " maria", "ｍａｒｉａ", "MARIA"])
def test_an_ambassadors_name_is_refused_with_the_events_password(event, name):
    with chromium() as driver:
        sign_in(driver, event, name)
        wait(driver).until(lambda d: d.find_element(By.CSS_SELECTOR, "[role=alert]").text)
        driver.get(f"{event.address}services/event/people")
        wait(driver).until(lambda d: d.find_element(By.NAME, "username"))


def test_an_ambassador_sees_who_is_there_and_resets_a_code(event, ana):
    with chromium() as driver:
        sign_in(driver, event, "maria", password=event.ambassadors["maria"])
        wait(driver).until(lambda d: d.current_url.endswith("/services/event/"))
        driver.get(f"{event.address}services/event/people")
        wait(driver).until(lambda d: "ana" in d.find_element(By.TAG_NAME, "main").text)


def test_a_phone_shows_the_portal_without_sideways_scrolling(event):
    with chromium(size=(390, 844)) as driver:
        claim(driver, event, "phone")
        wide = driver.execute_script("return document.documentElement.scrollWidth")
        assert wide <= 390
