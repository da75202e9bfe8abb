"""The ambassadors' page: who sees it, who is made an ambassador there, and what is written down of it."""

from __future__ import annotations

import re

import pytest
from psycopg import errors
from selenium.webdriver.common.by import By

from browser import chromium
from divebell.database import admin, connect
from visitor import wait


@pytest.fixture
def people(cluster):
    """Give the function that makes somebody take part; nobody else does."""
    with admin(cluster.state) as database:
        database.execute("DELETE FROM people.person")

    def come(name):
        with connect(cluster.state, "event_hub") as hub:
            hub.execute(
                "INSERT INTO people.person (name, identity, return_code_hash) VALUES (%s, %s, 'x')",
                (name, f"password:{name}"),
            )

    yield come
    with admin(cluster.state) as database:
        database.execute("DELETE FROM people.person")


def ask(cluster, query, *values):
    with admin(cluster.state) as database:
        return database.execute(query, values).fetchall()


def post(client, action, name, *, by="maria", confirmed="yes"):
    form = {"token": f"form-{by}", "name": name, "confirmed": confirmed}
    return client.post(f"people/{action}", data=form, follow_redirects=True)


def test_somebody_added_gets_a_return_code_that_is_shown_once(site, cluster, people):
    with site.client("maria") as maria:
        added = post(maria, "add", " Rosa ")
        assert added.status_code == 200
        assert added.headers["cache-control"] == "no-store"
        code = re.search(r'class="once">([^<]+)<', added.text)[1]
        assert len(code) == 9
        assert code not in maria.get("people").text
        assert post(maria, "add", "rosa").status_code == 409
        assert post(maria, "add", "maria").status_code == 409
        assert post(maria, "add", "root").status_code == 409
        assert post(maria, "add", "<b>").status_code == 409
    ((identity, stored),) = ask(
        cluster, "SELECT identity, return_code_hash FROM people.person WHERE name = 'rosa'"
    )
    assert identity == "password:rosa"
    assert code not in stored


def test_whoever_is_removed_is_out_and_taken_back_with_the_name(site, cluster, people):
    people("sven")
    with site.client("maria") as maria:
        assert "Shut sven out?" in post(maria, "remove", "sven", confirmed="").text
        assert "is out" in post(maria, "remove", "sven").text
        assert ask(cluster, "SELECT state, signed_out FROM people.person WHERE name = 'sven'") == [
            ("removed", True)
        ]
        assert post(maria, "remove", "sven").status_code == 409
        assert post(maria, "add", "sven").status_code == 200
    lines = ask(cluster, "SELECT what, by FROM people.change WHERE name = 'sven' ORDER BY at")
    assert lines == [("removed", "maria"), ("added", "maria")]


@pytest.mark.parametrize(
    "action", ["add", "reset", "remove", "approve", "decline", "make-ambassador", "unmake-ambassador"]
)
def test_a_volunteer_decides_nothing(site, cluster, people, action):
    people("ana")
    with site.client("ana") as ana:
        assert post(ana, action, "ana", by="ana").status_code == 403
        assert ana.get("people/sign-ins").status_code == 403
        assert ana.get("people/sign-ins.csv").status_code == 403
    assert ask(cluster, "SELECT state, signed_out FROM people.person") == [("in", False)]
    assert ask(cluster, "SELECT * FROM people.ambassador") == []


def test_a_made_ambassador_sees_the_page_after_signing_in_anew_and_makes_no_others(site, cluster, people):
    people("tara")
    people("udo")
    with site.client("maria") as maria, site.client("tara") as tara:
        made = post(maria, "make-ambassador", "tara")
        assert 'class="once"' in made.text
        assert tara.get("people").status_code == 403
        with connect(cluster.state, "event_hub") as hub:  # as the door does when the own password was right
            hub.execute("UPDATE people.person SET signed_out = false WHERE name = 'tara'")
        post(maria, "reset", "udo")  # what is remembered of ambassadors is looked up anew
        assert tara.get("people").status_code == 200
        assert "Make an ambassador" not in tara.get("people").text
        assert post(tara, "make-ambassador", "udo", by="tara").status_code == 403
        assert post(tara, "unmake-ambassador", "tara", by="tara").status_code == 403
        assert post(tara, "reset", "maria", by="tara").status_code == 409
        assert post(tara, "remove", "maria", by="tara").status_code == 409
        post(maria, "make-ambassador", "udo")
        assert "made a volunteer first" in post(tara, "remove", "udo", by="tara").text
        post(maria, "unmake-ambassador", "udo")
        assert post(maria, "unmake-ambassador", "tara").status_code == 200
        assert tara.get("people").status_code == 403


def test_the_log_of_sign_ins_is_shown_and_saved(site, cluster, people):
    people("vera")
    with connect(cluster.state, "event_hub") as hub:
        hub.execute(
            "INSERT INTO people.sign_in (name, identity, way, address)"
            " VALUES ('vera', 'password:vera', 'event-password', '203.0.113.7')"
        )
    with site.client("maria") as maria:
        assert "203.0.113.7" in maria.get("people/sign-ins").text
        saved = maria.get("people/sign-ins.csv")
        assert saved.headers["content-type"].startswith("text/csv")
        assert "vera,password:vera,event-password,203.0.113.7" in saved.text


@pytest.mark.parametrize("role", ["event_hub", "event_web"])
@pytest.mark.parametrize("statement", ["DELETE FROM people.sign_in", "UPDATE people.change SET by = 'x'"])
def test_no_part_of_the_event_changes_what_was_written_down(cluster, role, statement):
    with connect(cluster.state, role, autocommit=True) as part:
        part.execute("BEGIN READ WRITE")
        with pytest.raises(errors.InsufficientPrivilege):
            part.execute(statement.encode())


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO people.ambassador (name, password_hash, made_by) VALUES ('ana', 'x', 'ana')",
        "SELECT people.make_ambassador('ana', 'x', 'ana')",
    ],
)
def test_the_hub_makes_nobody_an_ambassador(cluster, people, statement):
    people("ana")
    with connect(cluster.state, "event_hub") as hub, pytest.raises(errors.InsufficientPrivilege):
        hub.execute(statement.encode())


def test_on_a_phone_everything_an_ambassador_can_do_is_in_sight(site, cluster, people):
    people("bartholomew_the_second")
    people("dora")
    with admin(cluster.state) as database:
        database.execute("UPDATE people.person SET state = 'asked', note = 'Dora of <b>' WHERE name = 'dora'")
        database.execute("UPDATE people.person SET last_sign_in_at = now() WHERE name <> 'dora'")
    with site.client("maria") as maria, chromium((390, 844)) as driver:
        driver.get(f"{maria.base_url}health")
        for cookie in maria.cookies.jar:
            driver.add_cookie({"name": cookie.name, "value": cookie.value, "path": cookie.path})
        driver.get(str(maria.base_url))
        driver.find_element(By.LINK_TEXT, "One person asks for an account").click()

        def buttons():
            return driver.find_elements(By.CSS_SELECTOR, ".roster button")

        wait(driver).until(lambda _: len(buttons()) >= 5)
        assert driver.execute_script("return document.documentElement.scrollWidth") <= 390
        words = [one.text.split("\n")[0].split(" ")[0] for one in buttons()]
        assert words == ["Approve", "Decline", "Reset", "Remove", "Make"]
        assert all(one.rect["x"] + one.rect["width"] <= 390 for one in buttons())
        buttons()[0].click()
        wait(driver).until(lambda one: "with the password they chose" in one.page_source)
    assert ask(cluster, "SELECT state FROM people.person WHERE name = 'dora'") == [("in",)]


def test_those_who_asked_from_one_address_are_turned_away_at_once(site, cluster, people):
    names = [f"flood_{number}" for number in range(5)]
    for name in (*names, "rosa"):
        people(name)
    with admin(cluster.state) as database:
        database.execute("UPDATE people.person SET state = 'asked', asked_address = '10.6.6.6'")
        database.execute("UPDATE people.person SET asked_address = '10.0.0.1' WHERE name = 'rosa'")
    with site.client("maria") as maria:
        assert "5 of them asked from 10.6.6.6" in maria.get("people").text
        assert "from where flood_0 did?" in post(maria, "decline-beside", "flood_0", confirmed="").text
        answer = post(maria, "decline-beside", "flood_0")
        assert "was declined" in answer.text
        assert "of them asked from" not in answer.text
    with site.client("rosa") as rosa:
        assert post(rosa, "decline-beside", "rosa", by="rosa").status_code == 403
    declined = ask(cluster, "SELECT name FROM people.person WHERE state = 'declined' ORDER BY name")
    assert [name for (name,) in declined] == names
