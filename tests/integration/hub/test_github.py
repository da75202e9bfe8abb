"""Sign-in with GitHub, in a real browser and over HTTP, against a stand-in of GitHub with its redirects."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from selenium.webdriver.common.by import By

from browser import chromium
from divebell.database import admin
from divebell.event.secrets import save_secrets
from github_standin import CLIENT_ID, CLIENT_SECRET, github
from live import until
from visitor import click, wait

EVENT = f"""\
name: Housing <loss> DataDive
people:
  sign_in: github
  ambassadors: [boss, maria]
  expected: 30
  github:
    client_id: {CLIENT_ID}
    organisations: [datakind]
    teams: [civic-tech/volunteers]
    people: [Lena]
    address: ADDRESS
data:
  repository: repository
"""


@pytest.fixture(scope="module")
def standin():
    with github() as running:
        yield running


@pytest.fixture(scope="module")
def hub(start_hub, standin):
    def with_secret(folder):
        save_secrets(replace(folder.secrets, github_client_secret=CLIENT_SECRET), folder.state)

    with start_hub(EVENT.replace("ADDRESS", standin.address), make_ready=with_secret) as running:
        standin.callback = f"{running.url}/hub/oauth_callback"
        yield running


@pytest.fixture(autouse=True)
def fine(standin):
    standin.mode = "fine"
    yield
    standin.mode = "fine"


def to_github(browser, next_url=""):
    """Follow the button to GitHub; give the address there."""
    begun = browser.client.get("/hub/oauth_login", params={"next": next_url} if next_url else None)
    assert begun.status_code == 302, begun.text
    return begun.headers["location"]


def at_github(standin, login, authorize):
    """Sign in at GitHub and agree; give the address it sends the browser back to."""
    cookies = {"dotcom_user": str(standin.accounts[login].number)}
    standin.agreed.add(login)
    return httpx.get(authorize, cookies=cookies).headers["location"]


def dance(browser, standin, login, next_url=""):
    """Go the whole way round; give the event's answer."""
    return browser.client.get(at_github(standin, login, to_github(browser, next_url)))


def said(answer):
    return re.search(r'id="sign-in-error">([^<]+)<', answer.text)[1]


def test_members_of_the_organisation_or_team_and_listed_people_get_in(standin, browser):
    standin.account(101, "ana", "datakind")
    standin.account(102, "ben", "civic-tech/volunteers", "civic-tech")
    standin.account(103, "lena")
    for login in ("ana", "ben", "lena"):
        one = browser()
        assert dance(one, standin, login).status_code == 302
        assert one.who() == login


@pytest.mark.parametrize("memberships", [(), ("civic-tech",), ("elsewhere", "elsewhere/volunteers")])
def test_nobody_else_on_github_gets_in(standin, browser, memberships):
    standin.account(110, "stranger", *memberships)
    one = browser()
    answer = dance(one, standin, "stranger")
    assert answer.status_code == 403
    assert "the organisation datakind or the team civic-tech/volunteers" in said(answer)
    assert "I am an ambassador" in answer.text
    assert one.who() is None


def test_a_login_that_is_an_ambassadors_name_or_a_claimed_one_is_somebody_else(hub, standin, browser):
    standin.account(120, "maria", "datakind")
    standin.account(121, "ana", "datakind")  # whoever took the login that the first ana gave up
    one = browser()
    assert dance(one, standin, "maria").status_code == 302
    assert one.who() == "maria_2"
    maria = browser()
    assert maria.sign_in("maria", hub.folder.secrets.ambassadors["maria"]).status_code == 302
    assert (maria.who(), one.who()) == ("maria", "maria_2")
    other = browser()
    assert dance(other, standin, "ana").status_code == 302
    assert other.who() == "ana_2"


def test_a_renamed_login_stays_the_same_person(standin, browser):
    standin.account(130, "rosa", "datakind")
    dance(browser(), standin, "rosa")
    standin.rename("rosa", "rosa-parks")
    one = browser()
    assert dance(one, standin, "rosa-parks").status_code == 302
    assert one.who() == "rosa"


def test_a_listed_person_who_renames_stays_listed_and_who_takes_the_login_is_not(standin, browser):
    standin.account(103, "lena")
    dance(browser(), standin, "lena")
    standin.rename("lena", "lena-new")
    again = browser()
    assert dance(again, standin, "lena-new").status_code == 302
    assert again.who() == "lena"
    standin.account(140, "lena")
    assert dance(browser(), standin, "lena").status_code == 403


def test_the_way_back_leads_where_the_person_wanted_to_and_to_no_other_site(standin, browser):
    standin.account(150, "nina", "datakind")
    assert dance(browser(), standin, "nina", "/hub/home").headers["location"] == "/hub/home"
    for evil in ("//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"):
        where = dance(browser(), standin, "nina", evil).headers["location"]
        assert httpx.URL(where).host in ("", "127.0.0.1")
        assert not where.startswith(("//", "/\\"))


def test_an_answer_for_another_browser_signs_nobody_in(standin, browser):
    standin.account(160, "olga", "datakind")
    attacker, victim, bare = browser(), browser(), browser()
    back = at_github(standin, "olga", to_github(attacker))
    to_github(victim)
    for one in (victim, bare):
        answer = one.client.get(back)
        assert answer.status_code == 400
        assert "does not belong to a sign-in that this browser began" in said(answer)
        assert one.who() is None


def test_a_code_works_once_and_only_with_the_verifier_of_its_browser(standin, browser):
    standin.account(170, "pia", "datakind")
    one = browser()
    back = at_github(standin, "pia", to_github(one))
    assert one.client.get(back).status_code == 302
    one.client.get("/hub/logout")
    assert one.client.get(back).status_code == 400
    thief = browser()
    stolen = parse_qs(urlsplit(at_github(standin, "pia", to_github(browser()))).query)["code"][0]
    state = parse_qs(urlsplit(to_github(thief)).query)["state"][0]
    answer = thief.client.get("/hub/oauth_callback", params={"code": stolen, "state": state})
    assert answer.status_code == 403
    assert "too old, or had been used" in said(answer)
    assert thief.who() is None


def test_an_expired_code_is_refused_in_words(standin, browser):
    standin.account(180, "quinn", "datakind")
    one = browser()
    back = at_github(standin, "quinn", to_github(one))
    standin.expire_codes()
    answer = one.client.get(back)
    assert answer.status_code == 403
    assert "too old, or had been used" in said(answer)


def test_what_github_calls_an_error_is_not_shown_as_it_comes(standin, browser):
    one = browser()
    state = parse_qs(urlsplit(to_github(one)).query)["state"][0]
    words = {"error": "x", "error_description": "Call this number: 555-1234", "state": state}
    answer = one.client.get("/hub/oauth_callback", params=words)
    assert answer.status_code == 403
    assert "555-1234" not in answer.text


@pytest.mark.parametrize("mode", ["broken", "busy", "odd", "slow"])
def test_while_github_is_away_it_is_said_and_ambassadors_get_in(hub, standin, browser, mode):
    standin.account(190, "rita", "datakind")
    one = browser()
    back = at_github(standin, "rita", to_github(one))
    standin.mode = mode
    answer = one.client.get(back)
    assert answer.status_code == 424
    assert "GitHub does not answer just now" in said(answer)
    assert one.sign_in("maria", hub.folder.secrets.ambassadors["maria"]).status_code == 302


def test_a_secret_that_github_does_not_know_is_the_operators_to_mend(hub, standin, browser):
    standin.account(195, "rolf", "datakind")
    standin.secret = "another"
    try:
        answer = dance(browser(), standin, "rolf")
    finally:
        standin.secret = CLIENT_SECRET
    assert answer.status_code == 403
    assert "its secret or its callback address there is" in said(answer)
    assert "incorrect_client_credentials" in hub.log("hub")


def test_who_opens_the_event_by_another_name_of_this_machine_begins_where_github_sends_back_to(hub):
    with httpx.Client(base_url=hub.url.replace("127.0.0.1", "localhost")) as client:
        sent = client.get("/hub/oauth_login", params={"next": "/hub/home"})
    assert sent.headers["location"] == f"{hub.url}/hub/oauth_login?next=%2Fhub%2Fhome"


def test_an_organisation_that_has_not_approved_the_app_is_pointed_to(standin, browser):
    standin.account(200, "sam", "datakind")
    standin.unapproved.add("datakind")
    try:
        assert "may have to grant access" in said(dance(browser(), standin, "sam"))
    finally:
        standin.unapproved.clear()


def test_neither_the_events_password_nor_an_api_lets_volunteers_in(hub, browser):
    assert browser("127.0.0.40").sign_in("ana", hub.password).status_code == 403
    assert browser("127.0.0.40").sign_in("zoe", hub.password).status_code == 403


def let_time_pass(hub, number):
    with admin(hub.folder.state) as database:
        database.execute(
            "UPDATE people.github SET checked_at = now() - interval '1 hour' WHERE number = %s", [number]
        )


@pytest.mark.parametrize("how", ["left", "revoked"])
def test_who_leaves_the_organisation_is_signed_out_and_who_stays_is_not(hub, standin, browser, how):
    number = {"left": 210, "revoked": 211}[how]
    account = standin.account(number, f"tom-{how}", "datakind")
    standin.account(220, "uma", "datakind")
    tom, uma = browser(), browser()
    dance(tom, standin, account.login)
    dance(uma, standin, "uma")
    name = tom.who()
    if how == "left":
        account.organisations.clear()
    else:
        standin.revoke_tokens(account)
    let_time_pass(hub, number)
    let_time_pass(hub, 220)
    until(lambda: tom.who() is None, "still signed in")
    assert uma.who() == "uma"
    assert f"{name} is signed out" in hub.log("hub")
    assert dance(tom, standin, account.login).status_code == (403 if how == "left" else 302)


def test_who_is_shut_out_leaves_no_token_and_cannot_come_back(hub, standin, browser):
    standin.account(225, "udo", "datakind")
    udo = browser()
    dance(udo, standin, "udo")
    with admin(hub.folder.state) as database:
        assert database.execute("SELECT people.remove('udo', 'maria')").fetchone() == ("yes",)
    until(lambda: udo.who() is None, "still signed in")
    with admin(hub.folder.state) as database:
        kept = database.execute("SELECT token FROM people.github WHERE number = 225").fetchone()
    assert kept == (None,)
    assert "cannot sign in here any more" in said(dance(udo, standin, "udo"))


@pytest.mark.parametrize("mode", ["broken", "odd"])
def test_nobody_is_signed_out_because_github_is_away(hub, standin, browser, mode):
    standin.account(230, "vera", "datakind")
    vera = browser()
    dance(vera, standin, "vera")
    standin.mode = mode
    before = hub.log("hub").count("nobody is looked at again")
    let_time_pass(hub, 230)
    until(lambda: hub.log("hub").count("nobody is looked at again") > before, "not looked")
    assert vera.who() == "vera"


def test_tokens_and_the_apps_secret_are_in_no_log_and_not_readable_in_the_database(hub, standin, browser):
    standin.account(240, "wim", "datakind")
    dance(browser(), standin, "wim")
    hidden = [CLIENT_SECRET, *standin.tokens]
    with admin(hub.folder.state) as database:
        kept = [
            bytes(token)
            for (token,) in database.execute("SELECT token FROM people.github WHERE token IS NOT NULL")
        ]
    assert kept
    logs = hub.log("hub") + hub.log("proxy")
    assert not [secret for secret in hidden if secret in logs]
    assert not [secret for secret in hidden if any(secret.encode() in token for token in kept)]


def at_the_end(driver, hub):
    return wait(driver).until(
        lambda d: (
            d.current_url.startswith(hub.url)
            and not any(page in d.current_url for page in ("oauth_callback", "/hub/login"))
        )
    )


@pytest.mark.parametrize("size", [(1280, 900), (390, 844)], ids=["desk", "phone"])
def test_a_person_goes_to_github_and_back(hub, standin, size):
    login = f"xena-{size[0]}"
    standin.account(300 + size[0], login, "datakind")
    with chromium(size=size) as driver:
        driver.get(f"{hub.url}/hub/login?next=%2Fhub%2Fhome")
        assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        wait(driver).until(lambda d: d.find_element(By.ID, "github")).click()
        wait(driver).until(lambda d: d.find_element(By.NAME, "login")).send_keys(login)
        driver.find_element(By.CSS_SELECTOR, "button").click()
        click(driver, By.CSS_SELECTOR, "button[value='0']")
        words = "You did not let GitHub tell us"
        wait(driver).until(lambda d: words in d.find_element(By.ID, "sign-in-error").text)
        click(driver, By.ID, "github")
        click(driver, By.CSS_SELECTOR, "button[value='1']")
        at_the_end(driver, hub)
        driver.get(f"{hub.url}/hub/home")
        assert f'user: "xena_{size[0]}"' in driver.page_source
        driver.get(f"{hub.url}/hub/logout")
        driver.get(f"{hub.url}/hub/login")
        driver.find_element(By.CSS_SELECTOR, "details.ambassador summary").click()
        driver.find_element(By.ID, "username").send_keys("maria")
        driver.find_element(By.ID, "password").send_keys(hub.folder.secrets.ambassadors["maria"])
        driver.find_element(By.CSS_SELECTOR, "details.ambassador button").click()
        at_the_end(driver, hub)
        driver.get(f"{hub.url}/hub/home")
        assert 'user: "maria"' in driver.page_source
