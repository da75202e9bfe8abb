"""Invitations: links and codes, over HTTP through the proxy."""

from __future__ import annotations

import base64
import html
import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from selenium.webdriver.common.by import By

from browser import chromium, complaints
from divebell.cli import main
from divebell.database import admin, invitations
from divebell.database.invitations import Room, Wanted
from live import until
from visitor import wait

EVENT = """\
name: Housing <loss> DataDive
people:
  sign_in: invitations
  ambassadors: [boss, maria]
  expected: 30
data:
  repository: repository
"""


@pytest.fixture(scope="module")
def hub(start_hub):
    with start_hub(EVENT) as running:
        yield running


@pytest.fixture(scope="module")
def invite(hub):
    def make(name=None, label=None, uses=1, days=1.0):
        expires = datetime.now(UTC) + timedelta(days=days)
        wanted = Wanted(name, label, uses, expires, "maria")
        with admin(hub.folder.state) as database:
            return invitations.invite(database, wanted, Room(hub.folder.event.people.ambassadors, 30))

    return make


def look(browser, invitation):
    return browser.client.get("/hub/invitation", params={"key": invitation.key})


def accept(browser, invitation, name="", page=None):
    """Press the button of an invitation's page."""
    page = page or look(browser, invitation)
    assert page.status_code == 200, page.text
    token = html.unescape(re.search(r'name="_xsrf" value="([^"]+)"', page.text)[1])
    fields = {"_xsrf": token, "key": invitation.key, "username": name}
    return browser.client.post("/hub/invitation", data=fields)


def shown_code(browser, answer):
    assert answer.status_code == 302, answer.text
    page = browser.client.get(answer.headers["location"])
    return re.search(r'id="return-code">([^<]+)<', page.text)[1]


def with_code(browser, name, code):
    """Type name and code into the form of the sign-in page."""
    return browser.client.post("/hub/login", data={"username": name, "code": code, "_xsrf": browser.form()})


def without_session(browser):
    """Keep the browser's own cookie and nothing else, as after the session has ended."""
    for cookie in list(browser.client.cookies.jar):
        if cookie.name != "divebell-device":
            browser.client.cookies.delete(cookie.name, cookie.domain, cookie.path)
    assert browser.who() is None


def state(hub, invitation):
    with admin(hub.folder.state) as database:
        return next(each for each in invitations.listing(database) if each.id == invitation.id)


def test_a_link_shows_who_is_invited_and_lets_nobody_in_until_the_button_is_pressed(hub, browser, invite):
    ana = invite("ana")
    for _ in range(3):  # mail programs and previews look at links
        scanner = browser()
        assert "You are invited as <strong>ana</strong>" in look(scanner, ana).text
        assert scanner.who() is None
    assert state(hub, ana).used == 0
    mine = browser()
    assert shown_code(mine, accept(mine, ana)) == ana.code
    assert mine.who() == "ana"
    assert (state(hub, ana).state, state(hub, ana).used_by) == ("used", ["ana"])


def test_a_person_comes_back_by_the_browser_or_with_the_code(browser, invite):
    bea = invite("bea")
    first = browser()
    accept(first, bea)
    without_session(first)
    assert with_code(first, "bea", "").status_code == 302
    other = browser()
    assert with_code(other, "bea", f" {bea.code.lower().replace('-', ' ')} ").status_code == 302
    assert other.who() == "bea"


def test_a_used_link_says_so_and_asks_for_the_code(browser, invite):
    cleo = invite("cleo")
    accept(browser(), cleo)
    other = browser()
    page = look(other, cleo)
    assert page.status_code == 403
    assert "has been used" in page.text
    assert 'value="cleo"' in page.text
    assert other.who() is None


def test_whose_browser_another_takes_over_needs_the_code_there(browser, invite):
    carl, dave = invite("carl"), invite("dave")
    shared = browser()
    accept(shared, carl)
    assert "<strong>carl</strong> is signed in" in look(shared, dave).text
    accept(shared, dave)
    assert shared.who() == "dave"
    without_session(shared)
    assert with_code(shared, "carl", "").status_code == 403
    assert with_code(shared, "dave", "").status_code == 302


def test_a_card_is_enough_without_its_link(browser, invite):
    dora = invite("dora")
    mine = browser()
    assert shown_code(mine, with_code(mine, "Dora ", dora.code)) == dora.code
    assert mine.who() == "dora"
    assert look(browser(), dora).status_code == 403


def test_people_of_a_table_choose_names_and_get_codes_of_their_own(hub, browser, invite):
    table = invite(label="Table 3", uses=3)
    emil, fay, gus = browser(), browser(), browser()
    assert "Table 3" in look(emil, table).text
    code = shown_code(emil, accept(emil, table, "Emil"))
    assert code != table.code
    taken = accept(fay, table, "emil")
    assert taken.status_code == 403
    assert "choose another name" in taken.text
    assert 'value="emil"' in taken.text
    shown_code(fay, accept(fay, table, "fay"))
    assert with_code(browser(), "fay", table.code).status_code == 403
    shown_code(gus, with_code(gus, "gus", table.code))
    assert state(hub, table).used_by == ["emil", "fay", "gus"]
    late = with_code(browser(), "hal", table.code)
    assert late.status_code == 403
    assert "has been used" in late.text
    assert with_code(browser(), "emil", code).status_code == 302


def test_two_at_once_for_the_last_use_get_one_place(hub, browser, invite):
    table = invite(label="Last one", uses=1)
    people = [browser() for _ in range(4)]
    pages = [look(one, table) for one in people]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: accept(people[n], table, f"last{n}", pages[n]), range(4)))
    assert sorted(answer.status_code for answer in answers) == [302, 403, 403, 403]
    assert len(state(hub, table).used_by) == 1


def test_two_at_once_with_a_personal_link_are_one_person(browser, invite):
    ines = invite("ines")
    people = [browser() for _ in range(4)]
    pages = [look(one, ines) for one in people]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: accept(people[n], ines, page=pages[n]), range(4)))
    assert sorted(answer.status_code for answer in answers) == [302, 403, 403, 403]
    assert [one.who() for one in people].count("ines") == 1


@pytest.mark.parametrize("how", ["expired", "revoked"])
def test_an_invitation_that_has_ended_lets_nobody_in(hub, browser, invite, how):
    made = invite(f"jo_{how}", days=-1 if how == "expired" else 1)
    if how == "revoked":
        with admin(hub.folder.state) as database:
            assert invitations.revoke(database, made.id, "maria")
            assert not invitations.revoke(database, made.id, "maria")
    page = look(browser(), made)
    assert page.status_code == 403
    assert {"expired": "has expired", "revoked": "was taken back"}[how] in page.text
    by_code = with_code(browser("127.0.0.3"), f"jo_{how}", made.code)
    assert by_code.status_code == 403
    open_one = invite("kim")  # the page of another, the key of this one
    asked = browser()
    token = html.unescape(re.search(r'name="_xsrf" value="([^"]+)"', look(asked, open_one).text)[1])
    assert asked.client.post("/hub/invitation", data={"_xsrf": token, "key": made.key}).status_code == 403
    assert asked.who() is None


def test_a_new_invitation_ends_the_one_before(hub, browser, invite):
    lost, found = invite("lea"), invite("lea")
    assert state(hub, lost).state == "revoked"
    assert look(browser(), lost).status_code == 403
    assert accept(browser(), found).status_code == 302


def test_whoever_lost_the_code_gets_a_new_invitation_to_the_same_name(browser, invite):
    old = invite("mia")
    first = browser()
    accept(first, old)
    new = invite("mia")
    assert first.who() == "mia"
    assert with_code(browser("127.0.0.4"), "mia", old.code).status_code == 403
    assert with_code(browser("127.0.0.5"), "mia", new.code).status_code == 302
    other = browser()
    assert accept(other, new).status_code == 302
    assert other.who() == "mia"
    assert look(browser(), new).status_code == 403


@pytest.mark.parametrize("name", ["boss", "maria"])
def test_an_ambassadors_name_cannot_be_invited_or_chosen(hub, browser, invite, name):
    from divebell.errors import DivebellError

    with pytest.raises(DivebellError, match="is an ambassador"):
        invite(name)
    table = invite(label=f"Beside {name}", uses=5)
    for typed in (name, name.upper(), f" {name}"):
        refused = browser()
        assert accept(refused, table, typed).status_code == 403
        assert refused.who() is None
    assert with_code(browser("127.0.0.6"), name, table.code).status_code == 403
    assert state(hub, table).used == 0


def test_a_link_opens_no_name_that_somebody_else_came_by_meanwhile(hub, browser, invite):
    link = invite("kolya")
    with admin(hub.folder.state) as database:  # while the event took people in another way
        database.execute("INSERT INTO people.person (name, identity) VALUES ('kolya', 'github:77')")
    one = browser()
    assert accept(one, link).status_code == 403
    assert one.who() is None


def test_an_invitation_to_a_name_that_became_an_ambassadors_is_void(hub, browser, invite):
    made = invite("nora")
    with admin(hub.folder.state) as database:  # as if the event file had named her since
        database.execute("UPDATE people.invitation SET name = 'boss' WHERE id = %s", [made.id])
    asked = browser()
    assert accept(asked, made).status_code == 403
    assert asked.who() is None


def test_codes_are_not_guessed_at_speed(hub, browser, invite):
    invite("otto")
    attacker = [browser("127.0.0.7") for _ in range(12)]
    tokens = [one.form() for one in attacker]

    def guess(number):
        fields = {"username": "otto", "code": f"222-2222-222{number % 10}", "_xsrf": tokens[number]}
        return attacker[number].client.post("/hub/login", data=fields)

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(guess, range(12)))
    assert {answer.status_code for answer in answers} == {403, 429}
    assert max(answer.elapsed.total_seconds() for answer in answers) > 5
    assert not any(one.who() for one in attacker)


@pytest.mark.parametrize(
    "key", ["", "x", "0" * 24, "'; DROP TABLE people.invitation; --", "../../etc/passwd"]
)
def test_a_key_that_is_none_is_refused_in_words(browser, key):
    page = browser("127.0.0.8").client.get("/hub/invitation", params={"key": key})
    assert page.status_code == 403
    assert "no such invitation" in page.text
    assert "Traceback" not in page.text


def test_where_a_browser_came_from_does_not_tell_the_key(browser, invite):
    assert look(browser(), invite("page")).headers["referrer-policy"] == "strict-origin"


def test_no_other_site_can_press_the_button(browser, invite):
    made = invite("paul")
    victim = browser()
    look(victim, made)
    forged = victim.client.post("/hub/invitation", data={"key": made.key, "_xsrf": "2|made|up|1"})
    assert forged.status_code == 403
    assert victim.who() is None


def test_a_shared_password_opens_nothing_and_ambassadors_have_their_own(hub, browser):
    assert browser("127.0.0.9").sign_in("quin", hub.password).status_code == 403
    maria = browser()
    assert maria.sign_in("maria", hub.folder.secrets.ambassadors["maria"]).status_code == 302
    assert maria.who() == "maria"


def test_neither_keys_nor_codes_are_in_a_log_or_in_the_database(hub, browser, invite):
    rosa = invite("rosa")
    mine = browser()
    accept(mine, rosa)
    with_code(browser(), "rosa", rosa.code)
    logs = hub.log("hub") + hub.log("proxy")
    assert rosa.key not in logs
    assert rosa.code not in logs
    with admin(hub.folder.state) as database:
        kept = str(database.execute("SELECT i::text FROM people.invitation i").fetchall())
    assert rosa.key not in kept
    assert rosa.code not in kept
    assert rosa.code.replace("-", "") not in kept


def people(hub, capsys, *words):
    """Run `divebell people` about this event; give the exit code, and what it printed as facts."""
    options = next((place for place, word in enumerate(words) if word.startswith("--")), len(words))
    code = main(["people", *words[:options], str(hub.folder.folder), *words[options:], "--json"])
    out = capsys.readouterr()
    return code, json.loads(out.out) if out.out else out.err


def test_people_are_invited_listed_and_shut_out_from_the_command_line(hub, browser, capsys):
    code, made = people(
        hub, capsys, "invite", "sara", "tim", "--table", "Table 9", "--uses", "2", "--expires", "3 d"
    )
    assert code == 0
    sara, tim, table = made["invitations"]
    assert [sara["name"], tim["name"], table["label"], table["uses"]] == ["sara", "tim", "Table 9", 2]
    mine = browser()
    page = mine.client.get(sara["link"].removeprefix(hub.url))
    assert "You are invited as <strong>sara</strong>" in page.text
    assert with_code(mine, "sara", sara["code"]).status_code == 302
    assert people(hub, capsys, "revoke", tim["id"].lower())[0] == 0
    assert with_code(browser("127.0.0.13"), "tim", tim["code"]).status_code == 403
    _, listed = people(hub, capsys, "invitations")
    states = {each["id"]: (each["state"], each["used_by"]) for each in listed["invitations"]}
    assert states[sara["id"]] == ("used", ["sara"])
    assert states[tim["id"]] == ("revoked", [])
    assert states[table["id"]] == ("open", [])
    assert main(["people", "invitations", str(hub.folder.folder)]) == 0
    assert "Table 9" in capsys.readouterr().out


def test_ambassadors_invite_somebody_at_the_door_and_give_a_new_code(hub, browser, capsys):
    code, added = people(hub, capsys, "add", "zita")
    assert code == 0
    zita = browser()
    assert with_code(zita, "zita", added["shown"]).status_code == 302
    _, again = people(hub, capsys, "reset", "zita")
    until(lambda: zita.who() is None, "still signed in")
    assert with_code(browser("127.0.0.14"), "zita", added["shown"]).status_code == 403
    assert with_code(zita, "zita", again["shown"]).status_code == 302
    assert people(hub, capsys, "remove", "zita")[0] == 0
    assert with_code(browser("127.0.0.15"), "zita", again["shown"]).status_code == 403


def test_a_pile_of_cards_is_made_whole_or_not_at_all(hub, capsys, tmp_path):
    before = len(people(hub, capsys, "invitations")[1]["invitations"])
    out = str(tmp_path / "cards.pdf")
    assert people(hub, capsys, "cards", "yuri", "maria", "--count", "20", "--out", out)[0] == 1
    assert len(people(hub, capsys, "invitations")[1]["invitations"]) == before
    _, made = people(hub, capsys, "cards", "yuri", "--count", "20", "--out", out)
    assert (made["cards"], made["sheets"]) == (21, 3)
    _, sent = people(hub, capsys, "cards", "zora", "--out", "-")
    assert (sent["cards"], base64.b64decode(sent["pdf"])[:5]) == (1, b"%PDF-")
    assert len(people(hub, capsys, "invitations")[1]["invitations"]) == before + 22


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["invite"], "nobody was named"),
        (["invite", "maria"], "is an ambassador"),
        (["invite", "Ana Lena"], "cannot be a name"),
        (["invite", "root"], "cannot be a name"),
        (["invite", "ulf", "--expires", "2021-03-05 18:00"], "is over already"),
        (["invite", "ulf", "--expires", "tomorrow"], "is no time"),
        (["invite", "--table", "x" * 61], "is no label"),
        (["revoke", "222"], "no invitation '222'"),
        (["cards", "--out", "no/such/folder/cards.pdf"], "there is no folder"),
    ],
)
def test_what_cannot_be_done_is_said(hub, capsys, words, said):
    code, error = people(hub, capsys, *words)
    assert (code, said in error) == (1, True), error


def links_on(pdf, folder):
    subprocess.run(["pdftoppm", "-r", "150", "-png", pdf, folder / "sheet"], check=True, timeout=60)
    words = ["zbarimg", "--quiet", "--raw", *sorted(folder.glob("sheet*.png"))]
    return subprocess.run(words, check=True, timeout=60, capture_output=True, text=True).stdout.split()


def test_a_printed_card_is_scanned_with_a_phone_and_lets_its_person_in(hub, capsys, tmp_path):
    pdf = tmp_path / "cards.pdf"
    code, made = people(
        hub, capsys, "cards", "vera", "--table", "Table 12", "--count", "1", "--out", str(pdf)
    )
    assert (code, made["cards"], made["missing"]) == (0, 3, [])
    assert pdf.stat().st_mode & 0o077 == 0
    text = subprocess.run(
        ["pdftotext", "-layout", pdf, "-"], check=True, capture_output=True, text=True
    ).stdout
    assert "Housing <loss> DataDive" in text
    assert "Table 12, 6 people" in text
    links = links_on(pdf, tmp_path)
    assert len(set(links)) == 3
    with chromium(size=(390, 844)) as phone:
        signed_in = []
        for link in links:
            phone.get(link)
            assert phone.execute_script("return document.documentElement.scrollWidth <= innerWidth")
            for field in phone.find_elements(By.NAME, "username"):
                field.send_keys(f"guest{len(signed_in)}")
            phone.find_element(By.CSS_SELECTOR, "form [type=submit]").click()
            shown = wait(phone).until(lambda d: d.find_element(By.ID, "return-code").text)
            name = re.search(r"Welcome, (\S+)", phone.find_element(By.TAG_NAME, "h1").text)[1]
            signed_in.append((name, shown))
            phone.get(f"{hub.url}/hub/logout")
        assert "vera" in dict(signed_in)
        assert "vera" in text
        assert dict(signed_in)["vera"] in text
        phone.get(f"{hub.url}/hub/login")
        phone.find_element(By.ID, "invited-name").send_keys("vera")
        phone.find_element(By.ID, "invited-code").send_keys(dict(signed_in)["vera"])
        phone.find_element(By.CSS_SELECTOR, "form [type=submit]").click()
        wait(phone).until(lambda d: "/hub/login" not in d.current_url)
        phone.get(f"{hub.url}/hub/home")
        assert 'user: "vera"' in phone.page_source
        keys = [link.partition("key=")[2] for link in links]
        assert not [key for key in keys if key in hub.log("hub") + hub.log("proxy")]
        assert not [each for each in complaints(phone) if "/hub/" in each]
