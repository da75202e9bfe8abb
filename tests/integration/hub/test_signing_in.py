"""Who gets in, over HTTP through the proxy."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from jupyterhub import orm

from divebell.database import admin
from divebell.hub.proxy import proof


def reset(hub, name):
    with admin(hub.folder.state) as database:
        database.execute("SELECT people.reset(%s)", [name])


def test_the_first_sign_in_claims_the_name_and_shows_a_code_once(hub, browser):
    ana = browser()
    code = ana.claim("ana", hub.password)
    assert len(code) == 9
    assert ana.who() == "ana"
    again = ana.client.get("/hub/return-code")
    assert again.status_code == 302
    assert code not in again.text
    assert code not in hub.log("hub")


def test_a_claimed_name_needs_its_return_code_in_another_browser(hub, browser):
    code = browser().claim("bea", hub.password)
    other = browser()
    refused = other.sign_in("bea", hub.password)
    assert refused.status_code == 403
    assert "return code" in refused.text
    assert other.who() is None
    assert browser().sign_in("bea", hub.password, "AAAA-AAAA").status_code == 403
    assert browser().sign_in("bea", "wrong", code).status_code == 403
    typed = f" {code.lower().replace('-', ' ')} "
    assert other.sign_in(" BEA ", hub.password, typed).status_code == 302
    assert other.who() == "bea"


def test_the_browser_that_claimed_a_name_comes_back_without_a_code(hub, browser):
    cleo = browser()
    cleo.claim("cleo", hub.password)
    for cookie in list(cleo.client.cookies.jar):
        if cookie.name != "divebell-device":
            cleo.client.cookies.delete(cookie.name, cookie.domain, cookie.path)
    assert cleo.who() is None
    assert cleo.sign_in("cleo", hub.password).status_code == 302
    assert cleo.who() == "cleo"


def test_after_signing_out_the_browser_needs_the_code_again(hub, browser):
    dora = browser()
    code = dora.claim("dora", hub.password)
    dora.client.get("/hub/logout")
    assert dora.who() is None
    assert dora.sign_in("dora", hub.password).status_code == 403
    assert dora.sign_in("dora", hub.password, code).status_code == 302


def test_a_link_on_another_site_does_not_make_the_browser_forgotten(hub, browser):
    dina = browser()
    dina.claim("dina", hub.password)
    dina.client.get("/hub/logout", headers={"Sec-Fetch-Site": "cross-site"})
    assert dina.sign_in("dina", hub.password).status_code == 302


def test_a_reset_name_is_claimed_anew_and_its_old_sessions_end(hub, browser):
    old = browser()
    old_code = old.claim("emil", hub.password)
    reset(hub, "emil")
    new = browser()
    new_code = new.claim("emil", hub.password)
    assert new_code != old_code
    assert new.who() == "emil"
    assert old.who() is None
    assert old.sign_in("emil", hub.password, old_code).status_code == 403


@pytest.mark.parametrize(
    "name",
    [
        "boss",
        "Boss",
        " boss",
        "boss ",
        "ｂｏｓｓ",
        "Ｂoss",
        "böss",
        "bo\u0301ss",
        "bos\u017f",
        "boss\n",
        "\u3000boss",
    ],
)
def test_an_ambassadors_name_is_not_entered_with_the_events_password(hub, browser, name):
    other = browser(f"127.0.1.{1 + hash(name) % 250}")
    assert other.sign_in(name, hub.password).status_code in (403, 429)
    assert other.who() is None


def test_an_ambassador_signs_in_with_an_own_password_from_anywhere(hub, browser):
    password = hub.folder.secrets.ambassadors["maria"]
    for _ in range(2):
        maria = browser()
        answer = maria.sign_in("Maria", password)
        assert answer.status_code == 302
        assert answer.headers["location"] == "/services/event/"
        assert maria.who() == "maria"
    assert browser("127.0.0.10").sign_in("boss", password).status_code == 403
    assert browser("127.0.0.10").sign_in("frieda", password).status_code == 403


@pytest.mark.parametrize(
    "name", ["root", "event", "Admin", "hub", "x", "1a", "a b", "<b>", "a" * 32, "", "v\x00a"]
)
def test_reserved_and_impossible_names_are_refused_in_words(hub, browser, name):
    refused = browser("127.0.0.11").sign_in(name, hub.password)
    assert refused.status_code == 403
    assert 'role="alert"' in refused.text
    assert "Traceback" not in refused.text


def test_a_password_in_any_script_is_just_wrong(hub, browser):
    assert browser("127.0.0.12").sign_in("gustav", "pässwörd-密码-\U0001f600").status_code == 403


def test_two_people_at_one_instant_get_a_name_once(hub, browser):
    people = [browser() for _ in range(6)]
    tokens = [one.form() for one in people]
    with ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(lambda n: people[n].sign_in("hanna", hub.password, token=tokens[n]), range(6))
        )
    assert [answer.status_code for answer in answers].count(302) == 1


def test_pressing_the_button_twice_still_shows_the_code(hub, browser):
    ines = browser()
    token = ines.form()
    first = ines.client.post(
        "/hub/login", data={"username": "ines", "password": hub.password, "_xsrf": token}
    )
    assert first.status_code == 302
    lost = browser()  # the browser acts on the second answer only; it still has the cookies of the page
    for cookie in ines.client.cookies.jar:
        if cookie.name == "divebell-device":
            lost.client.cookies.jar.set_cookie(cookie)
    second = lost.sign_in("ines", hub.password)
    assert "return-code" in second.headers["location"]
    assert 'id="return-code"' in lost.client.get(second.headers["location"]).text


def test_the_return_code_is_not_shown_to_another_browser(hub, browser):
    jana = browser()
    jana.sign_in("jana", hub.password)
    for cookie in list(jana.client.cookies.jar):
        if cookie.name == "divebell-device":
            jana.client.cookies.delete(cookie.name, cookie.domain, cookie.path)
    assert jana.client.get("/hub/return-code").status_code == 302


def test_a_stale_form_says_what_to_do_and_works_at_the_second_try(hub, browser):
    kai = browser()
    stale = kai.sign_in("kai", hub.password, token="2|stale|token|1")
    assert stale.status_code == 403
    assert "try again" in stale.text
    assert kai.sign_in("kai", hub.password).status_code == 302


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_leads_to_no_other_site(hub, browser, target):
    maria = browser()
    answer = maria.sign_in("maria", hub.folder.secrets.ambassadors["maria"], next_url=target)
    assert answer.status_code == 302
    assert httpx.URL(answer.headers["location"]).host in ("", "127.0.0.1")
    assert not answer.headers["location"].startswith(("//", "/\\"))


def test_the_device_cookie_is_kept_from_scripts_and_other_sites(hub, browser):
    page = browser().client.get("/hub/login")
    cookie = next(c for c in page.headers.get_list("set-cookie") if c.startswith("divebell-device="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/hub/" in cookie
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "&lt;loss&gt;" in page.text


def test_wrong_guesses_are_slowed_while_the_owner_gets_in_from_elsewhere(hub, browser):
    code = browser("127.0.0.20").claim("lea", hub.password)
    attacker = [browser("127.0.0.21") for _ in range(50)]
    tokens = [one.form() for one in attacker]
    begin = time.monotonic()

    def guess(number):
        answer = attacker[number].sign_in("lea", f"guess {number}", token=tokens[number])
        return answer.status_code, time.monotonic() - begin

    with ThreadPoolExecutor(50) as pool:
        guesses = [pool.submit(guess, number) for number in range(50)]
        time.sleep(3)
        owner = browser("127.0.0.22")
        token = owner.form()
        started = time.monotonic()
        assert owner.sign_in("lea", hub.password, code, token=token).status_code == 302
        took = time.monotonic() - started
        results = [guess.result() for guess in guesses]
    judged = [when for status, when in results if status == 403]
    assert {status for status, _ in results} == {403, 429}
    assert took < max(judged)
    assert len(judged) < 15
    assert max(judged) > 10


def test_nobody_escapes_the_throttle_by_claiming_another_address(hub, browser):
    statuses = []
    for number in range(5):
        liar = browser(
            "127.0.0.30", **{"X-Forwarded-For": f"10.0.0.{number}", "X-Real-Ip": f"10.0.0.{number}"}
        )
        begin = time.monotonic()
        assert liar.sign_in("maria", "guess").status_code == 403
        statuses.append(time.monotonic() - begin)
    assert statuses[-1] > 1.5


def test_who_goes_past_the_proxy_is_one_address_whatever_the_headers_say(hub):
    direct = f"http://127.0.0.1:{hub.folder.ports.hub}"
    waits = []
    for number in range(5):
        headers = {"X-Forwarded-For": f"10.0.1.{number}", "X-Divebell-Proxy": "guess"}
        with httpx.Client(base_url=direct, headers=headers, timeout=60) as client:
            page = client.get("/hub/login").text
            token = page.split('name="_xsrf" value="')[1].split('"')[0]
            begin = time.monotonic()
            answer = client.post("/hub/login", data={"username": "boss", "password": "x", "_xsrf": token})
            assert answer.status_code == 403
            waits.append(time.monotonic() - begin)
    assert waits[-1] > 1.5


def test_no_secret_is_in_a_log_or_on_a_command_line(hub):
    secrets = hub.folder.secrets
    hidden = [secrets.event_password, *secrets.ambassadors.values(), secrets.cookie_secret]
    hidden += [secrets.proxy_token, secrets.web_token, secrets.hub_database_password, proof(secrets)]
    logs = hub.log("hub") + hub.log("proxy")
    assert not [secret for secret in hidden if secret in logs]
    for process in (hub.hub, hub.proxy):
        assert not [secret for secret in hidden if any(secret in str(word) for word in process.args)]


def test_nobody_keeps_a_token_of_the_hub_over_a_reset(hub, browser):
    old = browser()
    old.claim("frida", hub.password)
    token = re.search(r'xsrf_token: "([^"]+)"', old.client.get("/hub/home").text)[1]
    made = old.client.post("/hub/api/users/frida/tokens", json={}, headers={"X-XSRFToken": token})
    assert made.status_code == 403
    secret = token_from_before(hub, "frida")
    headers = {"Authorization": f"token {secret}"}
    assert httpx.get(f"{hub.url}/hub/api/user", headers=headers).status_code == 200
    reset(hub, "frida")
    browser().claim("frida", hub.password)
    assert httpx.get(f"{hub.url}/hub/api/user", headers=headers).status_code == 403


def token_from_before(hub, name):
    """Give a token that somebody made at the hub when that was possible."""
    factory = orm.new_session_factory(f"sqlite:///{hub.folder.state.hub / 'jupyterhub.sqlite'}")
    with factory() as database:
        token = orm.User.find(database, name).new_api_token()
        database.get_bind().dispose()
        return token


def test_whoever_signs_in_over_somebody_else_ends_their_session_in_the_portal_too(hub, browser):
    one = browser()
    one.claim("gina", hub.password)
    headers = {"Authorization": f"token {token_of_the_portal(hub, one)}"}
    assert httpx.get(f"{hub.url}/hub/api/user", headers=headers).json()["name"] == "gina"
    token = re.search(r'xsrf_token: "([^"]+)"', one.client.get("/hub/home").text)[1]
    assert one.sign_in("henk", hub.password, token=token).status_code == 302
    assert httpx.get(f"{hub.url}/hub/api/user", headers=headers).status_code == 403
    assert one.who() == "henk"


def token_of_the_portal(hub, browser):
    """Sign in to the portal as a browser does; give the token that the portal keeps."""
    address = "/services/event/oauth_callback"
    asked = {"client_id": "service-event", "redirect_uri": address, "response_type": "code", "state": "x"}
    answer = browser.client.get("/hub/api/oauth2/authorize", params=asked)
    code = httpx.URL(answer.headers["location"]).params["code"]
    proven = {"client_id": "service-event", "client_secret": hub.folder.secrets.web_token}
    form = {**proven, "grant_type": "authorization_code", "code": code, "redirect_uri": address}
    return httpx.post(f"{hub.url}/hub/api/oauth2/token", data=form).json()["access_token"]
