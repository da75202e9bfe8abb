"""What people do with the event's pages in a real browser."""

from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

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
"""What a map shows: how many features, and in which fill colours."""


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


def run_cell(driver, code):
    """Run code in a new cell at the end of the open notebook; give what it showed as text."""
    driver.execute_script("document.querySelector('.jp-Notebook .jp-Notebook-footer').scrollIntoView()")
    driver.find_element(By.CSS_SELECTOR, ".jp-Notebook .jp-Notebook-footer").click()
    editor = wait(driver).until(
        lambda d: d.find_element(By.CSS_SELECTOR, ".jp-Notebook .jp-Cell.jp-mod-active .cm-content")
    )
    driver.execute_script("arguments[0].focus()", editor)
    driver.execute_cdp_cmd("Input.insertText", {"text": code})
    ActionChains(driver).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
    output = ".jp-Notebook .jp-Cell.jp-mod-active .jp-OutputArea-output"
    return wait(driver).until(lambda d: d.find_element(By.CSS_SELECTOR, output)).text
