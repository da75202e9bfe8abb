"""Accounts, asked for and made, over HTTP through the proxy."""

from __future__ import annotations

import html
import re

import pytest
from selenium.webdriver.common.by import By

from browser import chromium
from divebell import codes
from divebell.database import admin
from visitor import click, wait

EVENT = """\
name: Housing DataDive
people:
  sign_in: accounts
  ambassadors: [boss, maria]
  expected: 30
data:
  repository: repository
"""
PASSWORD = "three words here"


@pytest.fixture(scope="module")
def hub(start_hub):
    with start_hub(EVENT) as running:
        yield running


def call(hub, function, *values):
    holes = ", ".join(["%s"] * len(values))
    with admin(hub.folder.state) as database:
        return database.execute(f"SELECT people.{function}({holes})", values).fetchone()[0]


def decide(hub, name, approved):
    return call(hub, "decide", name, approved, "maria", 30, ["boss", "maria"])


def add(hub, name, password=PASSWORD):
    hashed = codes.hash_password(password)
    assert call(hub, "add", name, "accounts", hashed, "maria", 30, ["boss", "maria"]) == "yes"


def form(browser, path):
    return html.unescape(re.search(r'name="_xsrf" value="([^"]+)"', browser.client.get(path).text)[1])


def ask(browser, name, password=PASSWORD, note=""):
    fields = {"username": name, "password": password, "note": note, "_xsrf": form(browser, "/hub/account")}
    return browser.client.post("/hub/account", data=fields)


def test_an_account_that_an_ambassador_made_signs_in_from_any_browser(hub, browser):
    add(hub, "ana")
    for _ in range(2):
        ana = browser()
        assert ana.sign_in(" Ana ", PASSWORD).status_code == 302
        assert ana.who() == "ana"
    assert browser("127.0.0.2").sign_in("ana", PASSWORD.upper()).status_code == 403
    assert browser("127.0.0.2").sign_in("ana", hub.password).status_code == 403


def test_who_asks_waits_and_goes_on_by_themselves_once_approved(hub, browser):
    bea = browser("127.0.0.22")
    asked = ask(bea, "Bea", note="Bea of <b>City Hall</b>")
    assert asked.status_code == 302
    waiting = bea.client.get(asked.headers["location"])
    assert "You have asked" in waiting.text
    assert 'http-equiv="refresh"' in waiting.text
    assert bea.sign_in("bea", PASSWORD).status_code == 403
    assert bea.who() is None
    stranger = browser()
    assert stranger.client.get(asked.headers["location"]).headers["location"].startswith("/hub/login")
    assert decide(hub, "bea", approved=True) == "yes"
    assert stranger.client.get(asked.headers["location"]).headers["location"].startswith("/hub/login")
    assert bea.client.get(asked.headers["location"]).status_code == 302
    assert bea.who() == "bea"
    with admin(hub.folder.state) as database:
        address = database.execute("SELECT address FROM people.sign_in WHERE name = 'bea'").fetchone()
    assert address == ("127.0.0.22",)
    bea.client.get("/hub/logout")
    assert bea.client.get(asked.headers["location"]).headers["location"].startswith("/hub/login")
    assert bea.sign_in("bea", PASSWORD).status_code == 302


def test_who_was_declined_is_told_and_the_name_is_free_again(hub, browser):
    cleo = browser()
    where = ask(cleo, "cleo").headers["location"]
    assert decide(hub, "cleo", approved=False) == "yes"
    assert "declined" in cleo.client.get(where).text
    assert browser("127.0.0.3").sign_in("cleo", PASSWORD).status_code == 403
    assert ask(browser(), "cleo").status_code == 302


@pytest.mark.parametrize(
    "name", ["boss", "BOSS", "ｂｏｓｓ", " boss", "root", "x", "böss", "a" * 300, "", "v\x00a"]
)
def test_nobody_asks_for_an_ambassadors_or_an_impossible_name(browser, name):
    assert ask(browser(f"127.0.2.{1 + len(name) % 200}"), name).status_code in (400, 403)


def test_a_name_that_somebody_has_or_asked_for_is_not_given_twice(hub, browser):
    add(hub, "dora")
    assert ask(browser(), "dora").status_code == 403
    first = browser()
    assert ask(first, "emil").status_code == 302
    assert ask(browser(), "emil").status_code == 403
    assert ask(first, "emil", "another three words").status_code == 302
    decide(hub, "emil", approved=True)
    assert browser("127.0.0.4").sign_in("emil", PASSWORD).status_code == 403
    assert browser("127.0.0.5").sign_in("emil", "another three words").status_code == 302


@pytest.mark.parametrize("password", ["short", "frieda1234", "aaaaaaaaaaaa", "1212121212121"])
def test_a_weak_password_is_refused_in_words(browser, password):
    refused = ask(browser("127.0.0.6"), "frieda", password)
    assert refused.status_code == 400
    assert 'role="alert"' in refused.text
    assert password not in refused.text


def test_a_person_changes_the_own_password_and_is_signed_out_elsewhere(hub, browser):
    add(hub, "gustav")
    here, elsewhere = browser(), browser()
    for one in (here, elsewhere):
        assert one.sign_in("gustav", PASSWORD).status_code == 302
        assert one.who() == "gustav"

    def change(current, new):
        token = form(here, "/hub/own-password")
        fields = {"current": current, "password": new, "_xsrf": token}
        return here.client.post("/hub/own-password", data=fields)

    assert change("not it", "wörter sind besser").status_code == 403
    assert change(PASSWORD, "short").status_code == 400
    assert change(PASSWORD, "wörter sind besser").status_code == 302
    assert here.who() == "gustav"
    assert elsewhere.who() is None
    assert browser("127.0.0.7").sign_in("gustav", PASSWORD).status_code == 403
    assert browser("127.0.0.8").sign_in("gustav", "wörter sind besser").status_code == 302


def test_an_ambassador_signs_in_with_the_own_password_and_nobody_else_as_one(hub, browser):
    maria = browser()
    assert maria.sign_in("maria", hub.folder.secrets.ambassadors["maria"]).status_code == 302
    assert maria.who() == "maria"
    assert browser("127.0.0.9").sign_in("maria", PASSWORD).status_code == 403


def test_whoever_is_made_an_ambassador_comes_in_with_that_password_alone(hub, browser):
    add(hub, "hanna")
    before = browser()
    before.sign_in("hanna", PASSWORD)
    assert call(hub, "make_ambassador", "hanna", codes.hash_password("own and secret"), "maria")
    assert browser("127.0.0.13").sign_in("hanna", PASSWORD).status_code == 403
    after = browser("127.0.0.14")
    assert after.sign_in("hanna", "own and secret").status_code == 302
    assert before.who() is None
    assert call(hub, "unmake_ambassador", "hanna", "maria")
    assert browser("127.0.0.15").sign_in("hanna", "own and secret").status_code == 403
    assert browser("127.0.0.16").sign_in("hanna", PASSWORD).status_code == 302


def test_whoever_was_removed_is_out_and_keeps_the_name(hub, browser):
    add(hub, "ines")
    ines = browser()
    ines.sign_in("ines", PASSWORD)
    assert call(hub, "remove", "ines", "maria")
    refused = browser("127.0.0.17").sign_in("ines", PASSWORD)
    assert refused.status_code == 403
    assert "any more" in refused.text
    assert ask(browser(), "ines").status_code == 403
    add(hub, "ines", "come back please")
    assert browser("127.0.0.18").sign_in("ines", "come back please").status_code == 302
    assert ines.who() is None


@pytest.mark.parametrize("password", ["pässwörd-密码", "😀", "a" * 10_000])
def test_no_password_breaks_the_page(hub, browser, password):
    assert browser("127.0.0.19").sign_in("nobody", password).status_code in (403, 429)


def test_jupyterhubs_own_api_lets_nobody_in_with_a_form(hub, browser):
    answer = browser().client.post(
        "/hub/api/users/ana/tokens", json={"auth": {"username": "ana", "password": PASSWORD}}
    )
    assert answer.status_code == 403


def test_it_is_written_down_who_came_from_where_and_no_password_with_it(hub, browser):
    add(hub, "jana")
    browser("127.0.0.20").sign_in("jana", PASSWORD)
    with admin(hub.folder.state) as database:
        lines = database.execute(
            "SELECT identity, way, address FROM people.sign_in WHERE name = 'jana'"
        ).fetchall()
    assert lines == [("account:jana", "accounts", "127.0.0.20")]
    assert PASSWORD not in hub.log("hub") + hub.log("proxy")


def test_in_a_browser_somebody_asks_is_let_in_and_changes_the_password(hub, browser):
    with chromium((390, 844)) as driver:

        def fill(**fields):
            for field, text in fields.items():
                driver.find_element(By.ID, field).send_keys(text)
            driver.find_element(By.CSS_SELECTOR, "button[type=submit]").click()

        driver.get(f"{hub.url}/hub/login")
        hints = (
            "return [...document.querySelectorAll('input:not([type=hidden])')].map(one => one.autocomplete)"
        )
        assert driver.execute_script(hints) == ["username", "current-password"]
        click(driver, By.LINK_TEXT, "Ask for one")
        wait(driver).until(lambda d: d.execute_script(hints) == ["username", "new-password", "name"])
        fill(username="Zoe", password=PASSWORD, note="Zoe of the library")
        wait(driver).until(lambda d: "account/wait" in d.current_url)
        assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        assert decide(hub, "zoe", approved=True) == "yes"
        wait(driver).until(lambda d: "/services/event/" in d.current_url)
        driver.get(f"{hub.url}/hub/own-password")
        assert driver.execute_script(hints) == ["username", "current-password", "new-password"]
        fill(current=PASSWORD, password="quite another one")
        wait(driver).until(lambda d: "/services/event/" in d.current_url)
    assert browser("127.0.0.21").sign_in("zoe", "quite another one").status_code == 302


def test_while_the_database_is_away_the_page_for_ones_password_says_so(hub, browser):
    add(hub, "quentin")
    one = browser("127.0.0.20")
    one.sign_in("quentin", PASSWORD)
    with admin(hub.folder.state) as database:
        database.execute("ALTER ROLE event_hub NOLOGIN")
    try:
        answer = one.client.get("/hub/own-password")
    finally:
        with admin(hub.folder.state) as database:
            database.execute("ALTER ROLE event_hub LOGIN")
    assert answer.status_code == 503  # for which the proxy shows that the event is away
    assert one.client.get("/hub/own-password").status_code == 200
