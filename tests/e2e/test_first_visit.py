"""What a volunteer does on Saturday morning, in a real browser."""

import pytest
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from browser import chromium
from live import wait_until_loaded

COLOURS = """
const map = window.divebellMap, done = arguments[arguments.length - 1];
const ready = () => map && map.loaded() && map.areTilesLoaded();
const look = () => {
  if (!ready()) return setTimeout(look, 200);
  const features = map.queryRenderedFeatures().filter(f => f.sourceLayer);
  const filled = features.filter(f => f.layer.type === "fill");
  const fill = filled.map(f => JSON.stringify(f.layer.paint["fill-color"]));
  done({features: features.length, colours: [...new Set(fill)]});
};
look();
"""


def wait(driver, seconds=90):
    ignored = (NoSuchElementException, StaleElementReferenceException)
    return WebDriverWait(driver, seconds, poll_frequency=0.2, ignored_exceptions=ignored)


def sign_in(driver, event, name, password=None, code=""):
    driver.get(event.address)
    wait(driver).until(lambda d: d.find_element(By.NAME, "username")).send_keys(name)
    driver.find_element(By.NAME, "password").send_keys(password or event.password)
    if code:
        driver.find_element(By.CSS_SELECTOR, "summary").click()
        driver.find_element(By.NAME, "code").send_keys(code)
    driver.find_element(By.CSS_SELECTOR, "form [type=submit]").click()


def claim(driver, event, name):
    sign_in(driver, event, name)
    code = wait(driver).until(lambda d: d.find_element(By.ID, "return-code")).text
    driver.find_element(By.CSS_SELECTOR, "form [type=submit]").click()
    wait(driver).until(lambda d: d.current_url.endswith("/services/event/"))
    return code


def open_notebook(driver):
    driver.find_element(By.LINK_TEXT, "Open my notebook").click()
    wait(driver, 150).until(lambda d: d.find_element(By.CSS_SELECTOR, ".jp-Notebook .jp-CodeCell"))
    wait(driver).until(lambda d: "Idle" in d.find_element(By.ID, "jp-main-statusbar").text)


def run_all_cells(driver):
    menu = next(e for e in driver.find_elements(By.CSS_SELECTOR, ".lm-MenuBar-item") if e.text == "Run")
    menu.click()
    wait(driver).until(lambda d: d.find_element(By.CSS_SELECTOR, '[data-command="runmenu:run-all"]')).click()


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
    picture = wait(driver).until(
        lambda d: d.find_element(By.CSS_SELECTOR, '.jp-OutputArea-output[data-mime-type="image/png"] img')
    )
    assert picture.size["width"] > 200
    wait(driver).until(lambda d: "Idle" in d.find_element(By.ID, "jp-main-statusbar").text)
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
        wait(other).until(lambda d: "return code" in d.find_element(By.TAG_NAME, "main").text.lower())
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
        assert "ana" in wait(driver).until(lambda d: d.find_element(By.TAG_NAME, "main")).text


def test_a_phone_shows_the_portal_without_sideways_scrolling(event):
    with chromium(size=(390, 844)) as driver:
        claim(driver, event, "phone")
        wide = driver.execute_script("return document.documentElement.scrollWidth")
        assert wide <= 390
