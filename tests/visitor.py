"""What people do with the event's pages in a real browser."""

import re

from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    NoSuchElementException,
    StaleElementReferenceException,
)
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import expected_conditions as EC  # noqa: N812 - so Selenium's own pages call it
from selenium.webdriver.support.ui import WebDriverWait

COLOURS = """
const done = arguments[arguments.length - 1];
let calm = 0;
const look = () => {
  const map = window.divebellMap, legend = document.getElementById("legend");
  const ready = map && map.loaded() && map.areTilesLoaded() && !legend.ariaBusy && legend.children.length;
  calm = ready ? calm + 1 : 0;
  if (calm < 3) return setTimeout(look, 100);
  const features = map.queryRenderedFeatures().filter(f => f.sourceLayer);
  const filled = features.filter(f => f.layer.type === "fill");
  const fill = filled.map(f => JSON.stringify(f.layer.paint["fill-color"]));
  done({features: features.length, colours: [...new Set(fill)]});
};
look();
"""
"""What a map shows once it has come to rest: how many features, and in which fill colours."""


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
    wait(driver).until(lambda d: d.find_element(By.CSS_SELECTOR, "form [type=submit]")).click()
    wait(driver).until(lambda d: d.current_url.endswith("/services/event/"))
    return code


def open_notebook(driver):
    wait(driver).until(lambda d: d.find_element(By.LINK_TEXT, "Open my notebook")).click()
    wait(driver, 150).until(lambda d: d.find_element(By.CSS_SELECTOR, ".jp-Notebook .jp-CodeCell"))
    wait(driver).until(lambda d: "Idle" in d.find_element(By.ID, "jp-main-statusbar").text)


def run_all_cells(driver):
    menu = ".lm-MenuBar-item"
    wait(driver).until(
        lambda d: [one for one in d.find_elements(By.CSS_SELECTOR, menu) if one.text == "Run"]
    )[0].click()
    item = EC.element_to_be_clickable((By.CSS_SELECTOR, '[data-command="runmenu:run-all"]'))
    wait(driver).until(item).click()


def run_cell(driver, code):
    """Run code in a new cell at the end of the open notebook; give what it showed as text."""
    driver.execute_script(
        "document.querySelectorAll('.jp-Notebook .jp-Cell').forEach(each => each.dataset.before = '')"
    )
    driver.execute_script("document.querySelector('.jp-Notebook .jp-Notebook-footer').scrollIntoView()")
    click(driver, By.CSS_SELECTOR, ".jp-Notebook .jp-Notebook-footer")
    new = ".jp-Notebook .jp-Cell.jp-mod-active:not([data-before])"
    editor = wait(driver).until(lambda d: d.find_element(By.CSS_SELECTOR, f"{new} .cm-content"))
    driver.execute_script("arguments[0].focus()", editor)
    driver.execute_cdp_cmd("Input.insertText", {"text": code})
    ActionChains(driver).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
    prompt = f"{new} .jp-InputPrompt"
    wait(driver).until(lambda d: re.search(r"\d", d.find_element(By.CSS_SELECTOR, prompt).text))
    shown = driver.find_elements(By.CSS_SELECTOR, f"{new} .jp-OutputArea-output")
    return "\n".join(output.text for output in shown)


def click(driver, *where):
    """Click what is there by now, also when the page draws or covers it at that moment."""
    not_yet = (
        NoSuchElementException,
        StaleElementReferenceException,
        ElementClickInterceptedException,
        ElementNotInteractableException,
    )

    def clicked(d):
        d.find_element(*where).click()
        return True

    WebDriverWait(driver, 90, poll_frequency=0.2, ignored_exceptions=not_yet).until(clicked)


PROMPTS = "return [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')].map(each => each.textContent)"


def wait_until_all_ran(driver):
    """Wait until no cell of the open notebook runs or waits for its turn."""

    def ran(d):
        prompts = "".join(d.execute_script(PROMPTS))
        return "*" not in prompts and re.search(r"\d", prompts)

    wait(driver, 150).until(ran)
    wait(driver).until(lambda d: "Idle" in d.find_element(By.ID, "jp-main-statusbar").text)


HEAR = """
if (!window.heard) {
  window.heard = [];
  const hear = () => document.querySelectorAll(".Toastify__toast").forEach(each => {
    if (!window.heard.includes(each.textContent)) window.heard.push(each.textContent);
  });
  new MutationObserver(hear).observe(document.body, {childList: true, subtree: true, characterData: true});
  hear();
}
return window.heard;
"""


def hear(driver):
    """Give what JupyterLab has told in a corner of the page since this was first asked: it does not stay there."""
    return "\n".join(driver.execute_script(HEAR))
