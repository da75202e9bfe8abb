"""Two people at one event, each in a container: from the link to a map that one made and the other looks at."""

import json
import re
import subprocess
import uuid

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from browser import chromium
from visitor import COLOURS, claim, click, hear, open_notebook, run_all_cells, wait, wait_until_all_ran

SHARE = """
import geopandas, divebell
from pathlib import Path
counties = geopandas.read_postgis("SELECT * FROM data.counties WHERE geom IS NOT NULL LIMIT 400", divebell.engine())
counties["size"] = counties.area
counties.to_postgis("sized", divebell.engine(), if_exists="replace")
Path.home().joinpath("public", "note.txt").write_text("look at v_ana.sized")
Path.home().joinpath("seen.md").write_text("# Seen")
print(divebell.publish("seen.md"))
divebell.share("sized")
"""
LOOK = """
import pandas, divebell, time
from pathlib import Path
print(pandas.read_sql("SELECT count(*) AS n FROM v_ana.sized", divebell.engine())["n"][0], "counties")
print(Path.home().joinpath("everyone", "ana", "note.txt").read_text())
until = time.monotonic() + 60  # it is made beside the start
while not (mine := len(list(Path.home().joinpath("my-event", "data").rglob("*"))) > 3) and time.monotonic() < until:
    time.sleep(0.5)
print(mine, "my own copy")
"""
LOOK_FOR_GUIDE = """
from pathlib import Path
print([path.read_text() for path in Path.home().glob("my-event/guide/*.md")] or "none")
"""
WRITE = """
const [name, text, done] = arguments, base = location.pathname.split("/lab")[0];
const token = (document.cookie.match("_xsrf=([^;]*)") || [])[1];
fetch(`${base}/api/contents/${name}`, {
  method: "PUT", headers: {"X-XSRFToken": token, "Content-Type": "application/json"},
  body: JSON.stringify({type: "notebook", format: "json", content: JSON.parse(text)}),
}).then(answer => done(answer.status));
"""


def write_and_run(driver, event, name, code):
    """Put a notebook of one cell into the home, open it and run it; give what it shows."""
    cell = {
        "cell_type": "code",
        "id": "one",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
        "source": code,
    }
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": [cell]}
    assert driver.execute_async_script(WRITE, "mine.ipynb", json.dumps(notebook)) in {200, 201}
    driver.get(f"{event.address}user/{name}/lab/workspaces/{uuid.uuid4().hex}/tree/mine.ipynb")
    wait(driver).until(lambda d: "Idle" in d.find_element(By.ID, "jp-main-statusbar").text)
    click(driver, By.CSS_SELECTOR, ".jp-CodeCell .cm-line:last-child")
    ActionChains(driver).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()
    prompt = ".jp-CodeCell .jp-InputPrompt"
    wait(driver).until(lambda d: re.search(r"\d", d.find_element(By.CSS_SELECTOR, prompt).text))
    return "\n".join(output.text for output in driver.find_elements(By.CSS_SELECTOR, ".jp-OutputArea-output"))


@pytest.fixture(scope="module")
def ana(event):
    with chromium() as driver:
        claim(driver, event, "ana")
        open_notebook(driver)
        yield driver


@pytest.fixture(scope="module")
def ben(event):
    with chromium() as driver:
        claim(driver, event, "ben")
        open_notebook(driver)
        yield driver


def test_the_welcome_notebook_runs_and_draws(ana):
    run_all_cells(ana)
    wait_until_all_ran(ana)
    picture = '.jp-OutputArea-output[data-mime-type="image/png"] img'
    wait(ana).until(lambda d: d.find_element(By.CSS_SELECTOR, picture).size["width"] > 200)
    assert not ana.find_elements(By.CSS_SELECTOR, '[data-mime-type="application/vnd.jupyter.error"]')


def test_what_one_shares_the_other_sees_as_table_file_and_map(event, ana, ben):
    assert "Everybody can now see v_ana.sized on the map" in write_and_run(ana, event, "ana", SHARE)
    seen = write_and_run(ben, event, "ben", LOOK)
    assert "400 counties" in seen
    assert "look at v_ana.sized" in seen
    assert "True my own copy" in seen
    ben.get(f"{event.address}services/event/gallery/ana/seen")
    assert wait(ben).until(lambda d: d.find_element(By.CSS_SELECTOR, "h1.name")).text == "seen.md"
    ben.get(f"{event.address}services/event/maps/v_ana.sized")
    wait(ben).until(lambda d: d.execute_script("return !!window.divebellMap"))
    assert ben.execute_async_script(COLOURS)["features"] > 100


def push(event, path, text):
    """Commit a file to the event's main branch, as somebody with git does."""
    (event.folder / path).parent.mkdir(parents=True, exist_ok=True)
    (event.folder / path).write_text(text)
    git = ["git", "-C", str(event.folder), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["add", path], ["commit", "--quiet", "--message=Guide", "--", path]):
        subprocess.run([*git, *words], check=True, timeout=60)


def toast(driver, words):
    """Wait until JupyterLab tells something."""
    told = (By.CSS_SELECTOR, ".Toastify__toast")
    wait(driver).until(lambda d: any(words in each.text for each in d.find_elements(*told)))


def test_what_is_pushed_is_in_everybodys_copy_while_they_work(event, ana, ben):
    assert "none" in write_and_run(ana, event, "ana", LOOK_FOR_GUIDE)
    ben.get(f"{event.address}user/ben/lab")
    looked = (
        "return !['', 'Looking…'].includes(document.querySelector('.divebell-summary')?.textContent ?? '')"
    )
    for driver in (ana, ben):
        wait(driver).until(lambda d: d.execute_script(looked))
        hear(driver)
    push(event, "guide/start.md", "begin here")
    for driver in (ana, ben):
        wait(driver).until(lambda d: "The event brought 1 new file: guide/start.md." in hear(d))
    assert "begin here" in write_and_run(ben, event, "ben", LOOK_FOR_GUIDE)


def test_a_notebook_is_shared_with_a_button_and_taken_back(event, ana, ben):
    click(ana, By.CSS_SELECTOR, '[data-jp-item-name="divebell-share"]')
    title = wait(ana).until(lambda d: d.find_element(By.ID, "divebell-title"))
    title.clear()
    title.send_keys("What Ana found", Keys.ENTER)
    toast(ana, "Everybody can now see What Ana found.")
    ben.get(f"{event.address}services/event/gallery")
    wait(ben).until(lambda d: d.find_element(By.PARTIAL_LINK_TEXT, "What Ana found"))
    click(ana, By.XPATH, "//*[contains(@class, 'Toastify__toast')]//button[normalize-space()='Take it back']")
    toast(ana, "What Ana found is no longer shared.")
    ben.refresh()
    assert "What Ana found" not in ben.find_element(By.TAG_NAME, "body").text
