"""Within a volunteer's running server: the copy follows, JupyterLab shows how it stands and what to do."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import httpx
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from browser import chromium, complaints
from divebell.database import admin
from live import until
from visitor import claim, click, wait

CELL = {"cell_type": "code", "id": "one", "metadata": {}, "outputs": [], "execution_count": None}
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
PANEL = "divebell-event"


def notebook(source):
    cells = [{**CELL, "source": source}]
    return json.dumps({"cells": cells, "metadata": KERNEL, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture(scope="module", autouse=True)
def files(hub):
    hub.push({"guide/README.md": "one\n", "guide/look.ipynb": notebook("print('first')")})
    yield
    shutil.rmtree(hub.folder.state.checkout / "guide")


@pytest.fixture(scope="module")
def olga(at_work):
    return at_work("olga")


def copy_of(kernel, name):
    answer = kernel.browser.api("GET", f"/user/{name}/divebell/copy")
    assert answer.status_code == 200, answer.text
    return answer.json()


def read(kernel, path):
    return kernel.run(f"print(open('my-event/{path}').read())").strip()


def test_what_is_pushed_arrives_while_the_server_runs_and_the_owners_stays(hub, olga):
    until(lambda: read(olga, "guide/README.md") == "one", "not there")
    olga.run("open('my-event/guide/mine.md', 'w').write('mine')")
    hub.push({"guide/README.md": "two\n", "guide/new.csv": "a\n1\n"})
    until(lambda: "two" in read(olga, "guide/README.md"), "not updated")
    until(lambda: "1" in read(olga, "guide/new.csv"), "not there")
    assert read(olga, "guide/mine.md") == "mine"


def test_a_conflict_is_told_to_its_owner_and_to_the_event_and_can_be_settled(hub, olga):
    olga.run("open('my-event/guide/README.md', 'w').write('mine\\n')")
    hub.push({"guide/README.md": "three\n"})
    until(lambda: copy_of(olga, "olga")["conflicts"]["count"] == 1, "no conflict")
    (file,) = copy_of(olga, "olga")["conflicts"]["files"]
    assert file["path"] == "guide/README.md"
    with admin(hub.folder.state) as database:
        question = "SELECT conflicts, names, news <> '' FROM copies.state WHERE name = 'olga'"
        told = (1, ["guide/README.md"], True)
        until(lambda: database.execute(question).fetchone() == told, "not told")
    taken = olga.browser.api("POST", "/user/olga/divebell/copy/take", json={"path": "guide/README.md"})
    assert taken.json() == {"kept": "guide/README (mine).md"}
    assert read(olga, "guide/README.md") == "three"
    assert read(olga, "guide/README (mine).md") == "mine"
    assert copy_of(olga, "olga")["conflicts"]["count"] == 0


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "guide", "", None, 7, "a\0b"])
def test_hostile_paths_are_refused_in_words(olga, path):
    for name in ("copy/take", "copy/keep", "share"):
        answer = olga.browser.api("POST", f"/user/olga/divebell/{name}", json={"path": path})
        assert answer.status_code == 409
        assert answer.json()["message"]


def test_strangers_others_and_other_sites_are_kept_out(hub, olga, at_work):
    path = f"{hub.url}/user/olga/divebell/copy"
    assert httpx.get(path).status_code == 403
    other = at_work("oleg").browser
    assert other.api("GET", "/user/olga/divebell/copy").status_code in {302, 403}
    forged = olga.browser.client.post("/user/olga/divebell/copy/take", json={"path": "guide/README.md"})
    assert forged.status_code == 403


@pytest.fixture(scope="module")
def page(hub):
    """Give a browser in which somebody has opened a notebook of their copy."""
    door = SimpleNamespace(address=f"{hub.url}/hub/login", password=hub.password)
    with chromium() as driver:
        claim(driver, door, "ida")
        driver.get(f"{hub.url}/hub/user-redirect/lab/tree/my-event/guide/look.ipynb")
        wait(driver, 150).until(lambda d: "Idle" in d.find_element(By.ID, "jp-main-statusbar").text)
        click(driver, By.CSS_SELECTOR, f'[data-id="{PANEL}"]')
        yield driver


def press(driver, label):
    click(driver, By.CSS_SELECTOR, f'#{PANEL} [aria-label="{label}"]')


def shows(driver, words, where=PANEL):
    wait(driver).until(lambda d: words in d.find_element(By.ID, where).text)


def notified(driver, words):
    wait(driver).until(
        lambda d: any(words in each.text for each in d.find_elements(By.CSS_SELECTOR, ".Toastify__toast"))
    )


def test_news_come_by_themselves_and_an_open_notebook_is_shown_anew(hub, page):
    shows(page, "Your copy is up to date.")
    own = hub.folder.state.homes / "ida" / "my-event" / "guide" / "look.ipynb"
    before = own.stat().st_mtime_ns
    ActionChains(page).key_down(Keys.CONTROL).send_keys("s").key_up(Keys.CONTROL).perform()
    until(lambda: own.stat().st_mtime_ns != before, "not saved")
    wait(page).until(lambda d: not d.find_elements(By.CSS_SELECTOR, ".jp-Document .jp-mod-dirty"))
    hub.push({"guide/look.ipynb": notebook("print('second')")})
    notified(page, "The event brought 1 updated file: guide/look.ipynb.")
    wait(page).until(lambda d: "second" in d.find_element(By.CSS_SELECTOR, ".jp-Notebook").text)
    shows(page, "Your copy is up to date.")


def test_of_an_open_notebook_with_unsaved_work_jupyterlab_asks_before_anything_is_lost(hub, page):
    click(page, By.CSS_SELECTOR, ".jp-Notebook .jp-Cell .cm-content")
    page.execute_cdp_cmd("Input.insertText", {"text": "# my words\n"})
    wait(page).until(lambda d: d.find_elements(By.CSS_SELECTOR, ".jp-Document .jp-mod-dirty, .jp-mod-dirty"))
    hub.push({"guide/look.ipynb": notebook("print('third')")})
    own = hub.folder.state.homes / "ida" / "my-event" / "guide" / "look.ipynb"
    until(lambda: "third" in own.read_text(), "not updated")
    assert "my words" in page.find_element(By.CSS_SELECTOR, ".jp-Notebook").text
    ActionChains(page).key_down(Keys.CONTROL).send_keys("s").key_up(Keys.CONTROL).perform()
    wait(page).until(lambda d: "has changed on disk" in d.find_element(By.CSS_SELECTOR, ".jp-Dialog").text)
    click(page, By.CSS_SELECTOR, ".jp-Dialog .jp-mod-warn")
    until(lambda: "my words" in own.read_text(), "not saved")
    click(page, By.XPATH, f"//*[@id='{PANEL}']//button[.='Look again']")
    shows(page, "1 file is yours")


def test_a_conflict_is_seen_compared_and_resolved_in_the_panel(hub, page, tmp_path):
    own = hub.folder.state.homes / "ida" / "my-event" / "guide" / "README.md"
    own.write_text("my words\n")
    hub.push({"guide/README.md": "the event's words\n"})
    shows(page, "In conflict (1)")
    press(page, "Open the event's: guide/README.md")
    wait(page).until(lambda d: "the event's words" in d.find_element(By.CSS_SELECTOR, ".jp-FileEditor").text)
    press(page, "Compare: guide/README.md")
    difference = (By.CSS_SELECTOR, ".divebell-difference")
    wait(page).until(lambda d: "-the event's words" in d.find_element(*difference).text)
    assert "+my words" in page.find_element(*difference).text
    click(page, By.CSS_SELECTOR, ".jp-Dialog .jp-mod-accept")
    press(page, "Take the event's: guide/README.md")
    notified(page, "my-event/guide/README.md is the event's now. Yours is guide/README (mine).md.")
    wait(page).until(lambda d: "In conflict" not in d.find_element(By.ID, PANEL).text)
    assert own.read_text() == "the event's words\n"
    assert page.switch_to.active_element.get_attribute("class") == "divebell-summary"


def test_every_control_of_the_panel_has_a_name_and_is_reached_with_the_keyboard(page):
    page.execute_script("document.querySelector('.divebell-share').focus()")
    assert page.switch_to.active_element.text == "Share my work"
    ActionChains(page).send_keys(Keys.TAB).perform()
    assert page.switch_to.active_element.text == "Look again"
    for control in page.find_elements(By.CSS_SELECTOR, f"#{PANEL} button, #{PANEL} a"):
        assert control.accessible_name


def test_what_cannot_be_shared_is_refused_in_words(page):
    """What is open is the event's own file by now."""
    click(page, By.CSS_SELECTOR, ".divebell-share")
    title = wait(page).until(lambda d: d.find_element(By.ID, "divebell-title"))
    assert title.get_attribute("value") == "README"
    title.send_keys(Keys.ENTER)
    notified(page, "README.md was not shared: README.md is not a file of yours")


def test_the_console_holds_nothing_against_the_extension(page):
    assert not [words for words in complaints(page) if "divebell" in words and "409" not in words]
