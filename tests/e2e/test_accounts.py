"""From asking for an account to being an ambassador, on a whole event in real browsers."""

from __future__ import annotations

import re

import pytest
from selenium.webdriver.common.by import By

from browser import chromium
from live import divebell, live_event
from visitor import click, sign_in, wait

EVENT = """\
name: Housing DataDive
people:
  sign_in: accounts
  ambassadors: [maria]
data:
  repository: repository
workspace:
  runs_in: processes
database:
  scratch: 256 MB
"""
CHOSEN = "three words here"


@pytest.fixture(scope="module")
def event(tmp_path_factory):
    folder = tmp_path_factory.mktemp("accounts") / "event"
    (folder / "repository" / "data").mkdir(parents=True)
    (folder / "repository" / "data" / "wells.csv").write_text("name,depth\nNorth,12\n")
    (folder / "event.yaml").write_text(EVENT)
    with live_event(folder) as running:
        yield running


def press(driver, words):
    click(driver, By.XPATH, f"//main//button[starts-with(normalize-space(), '{words}')]")


def test_somebody_asks_is_let_in_and_is_made_an_ambassador(event):
    people = f"{event.address}services/event/people"
    with chromium((390, 844)) as zoe, chromium() as maria:
        zoe.get(event.address)
        click(zoe, By.LINK_TEXT, "Ask for one")
        for field, text in {"username": "Zoe", "password": CHOSEN, "note": "Zoe of the library"}.items():
            wait(zoe).until(lambda d, field=field: d.find_element(By.ID, field)).send_keys(text)
        press(zoe, "Ask")
        wait(zoe).until(lambda d: "account/wait" in d.current_url)
        sign_in(maria, event, "maria", event.ambassadors["maria"])
        click(maria, By.LINK_TEXT, "One person asks for an account")
        wait(maria).until(lambda d: "Zoe of the library" in d.page_source)
        press(maria, "Approve")
        wait(zoe).until(lambda d: d.current_url.endswith("/services/event/"))
        wait(zoe).until(lambda d: d.find_element(By.LINK_TEXT, "Password"))
        zoe.get(people)
        assert "Only the event's ambassadors" in zoe.page_source

        maria.get(people)
        press(maria, "Make an ambassador")
        wait(maria).until(lambda d: "Make zoe an ambassador?" in d.page_source)
        press(maria, "Make zoe an ambassador")
        given = wait(maria).until(lambda d: d.find_element(By.CSS_SELECTOR, ".once")).text
        wait(zoe, 180).until(lambda d: d.get(event.address) or d.find_elements(By.NAME, "username"))
        sign_in(zoe, event, "zoe", given)
        wait(zoe).until(lambda d: d.current_url.endswith("/services/event/"))
        wait(zoe).until(lambda d: d.get(people) or "places taken" in d.page_source)
        assert "Make an ambassador" not in zoe.page_source
    listed = divebell("people", "list", event.folder).stdout
    assert re.search(r"^zoe .* ambassador, made so by maria", listed, re.MULTILINE)
    log = divebell("people", "list", event.folder, "--log").stdout
    assert re.search(r"^.* UTC  zoe +accounts  127\.0\.0\.1$", log, re.MULTILINE)
    assert CHOSEN not in log
