"""The door over the real database: the cap, a lost race, a database that is away, a change of ambassadors."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from divebell import codes
from divebell.database import admin, connect, invitations
from divebell.database.invitations import Room, Wanted
from divebell.database.migrate import migrations
from divebell.event.people import Accounts as AccountsSection
from divebell.hub.login.accounts import Accounts, Asking
from divebell.hub.login.door import Door, NoForm
from divebell.hub.login.event_password import EventPassword
from divebell.hub.login.invitations import Invitations
from divebell.hub.login.throttle import Throttle
from divebell.hub.login.visit import Attempt, Identity, RefusedError, Visit


def door(folder, *, expected=50, ambassadors=("maria",), state=None, now=None, **changed):
    changed |= {"expected": expected, "ambassadors": tuple(ambassadors)}
    people = folder.event.people.model_copy(update=changed)
    event = folder.event.model_copy(update={"people": people})
    known = dataclasses.replace(folder.secrets, ambassadors={name: f"{name}'s own" for name in ambassadors})
    clock = {} if now is None else {"now": lambda: now}
    return Door(event, known, lambda: connect(state or folder.state, "event_hub"), **clock)


def attempt(folder, name, *, password=None, code="", device="d" * 43, address="10.0.0.1"):
    return Attempt(name, password or folder.secrets.event_password, code, Visit(address, device))


def enter(door, *attempts, way=None):
    async def story():
        opening = (door.open(way or EventPassword(), one) for one in attempts)
        return await asyncio.gather(*opening, return_exceptions=True)

    return asyncio.run(story())


def admit(door, key, name, device="d" * 43):
    return asyncio.run(door.admit(Visit("10.0.0.1", device), Identity(key, key.partition(":")[0], name)))


def call(folder, function, *values):
    holes = ", ".join(["%s"] * len(values))
    with admin(folder.state) as database:
        return database.execute(f"SELECT people.{function}({holes})", values).fetchone()[0]


def test_no_more_people_than_expected_and_the_words_say_whom_to_ask(empty_cluster):
    small = door(empty_cluster, expected=3)
    come = [attempt(empty_cluster, f"person_{n}", device=f"{n}" * 43) for n in range(6)]
    results = enter(small, *come)
    refused = [result for result in results if isinstance(result, RefusedError)]
    assert len(refused) == 3
    assert "All 3 places" in refused[0].message
    assert "maria" in refused[0].message
    inside = [n for n, result in enumerate(results) if not isinstance(result, RefusedError)]
    assert enter(small, come[inside[0]])[0].name == f"person_{inside[0]}"
    assert enter(small, attempt(empty_cluster, "maria", password="maria's own"))[0].name == "maria"


def test_one_of_many_at_one_instant_gets_the_name(empty_cluster):
    wide = door(empty_cluster)
    many = [
        attempt(empty_cluster, "ana", device=codes.new_device_token(), address=f"10.0.1.{n}")
        for n in range(8)
    ]
    results = enter(wide, *many)
    assert len([result for result in results if not isinstance(result, RefusedError)]) == 1
    assert all(result.needs_code for result in results if isinstance(result, RefusedError))


def test_a_database_that_is_away_is_said_kindly_and_costs_nobody_a_failure(empty_cluster, event_folder):
    away = door(empty_cluster, state=event_folder.state)
    for _ in range(4):
        (refused,) = enter(away, attempt(empty_cluster, "ana"))
        assert refused.status == 503
        assert "try again soon" in refused.message
    assert away.throttle.reserve("10.0.0.1", "password:ana") == 0
    (welcome,) = enter(away, attempt(empty_cluster, "maria", password="maria's own"))
    assert welcome.name == "maria"


def test_a_name_that_becomes_an_ambassadors_is_taken_from_the_volunteer(empty_cluster):
    (first,) = enter(door(empty_cluster), attempt(empty_cluster, "olaf"))
    assert first.return_code
    later = door(empty_cluster, ambassadors=("maria", "olaf"))
    assert asyncio.run(later.has_lost("olaf"))
    assert enter(later, attempt(empty_cluster, "olaf", code=first.return_code))[0].status == 403
    (welcome,) = enter(later, attempt(empty_cluster, "olaf", password="olaf's own", device="e" * 43))
    assert welcome.anew
    assert not asyncio.run(later.has_lost("olaf"))
    assert enter(door(empty_cluster), attempt(empty_cluster, "olaf", device="f" * 43))[0].status == 403


def test_a_wrong_code_counts_and_a_known_browser_is_not_slowed(empty_cluster):
    one = door(empty_cluster)
    enter(one, attempt(empty_cluster, "ana"))
    other = attempt(empty_cluster, "ana", code="AAAA-AAAA", device="e" * 43)
    for _ in range(2):
        assert enter(one, other)[0].needs_code
    assert one.throttle.reserve("10.0.0.1", "password:ana") > 0
    assert enter(one, attempt(empty_cluster, "ana"))[0].name == "ana"


@pytest.mark.parametrize("password", ["\ud800", "密码", "\x00", "a" * 10_000])
def test_no_password_breaks_the_door(empty_cluster, password):
    assert enter(door(empty_cluster), attempt(empty_cluster, "ana", password=password))[0].status == 403


def test_the_event_is_open_to_volunteers_within_its_hours_and_to_ambassadors_always(empty_cluster):
    hours = {
        "opens": datetime.fromisoformat("2026-03-06 09:00"),
        "closes": datetime.fromisoformat("2026-03-08 18:00"),
    }
    early, during, late = (datetime(2026, 3, day, 12, 0, tzinfo=UTC) for day in (5, 7, 9))
    ana, maria = attempt(empty_cluster, "ana"), attempt(empty_cluster, "maria", password="maria's own")
    (refused,) = enter(door(empty_cluster, now=early, **hours), ana)
    assert "opens on Friday, 06 March, 09:00" in refused.message
    assert enter(door(empty_cluster, now=early, **hours), maria)[0].name == "maria"
    assert enter(door(empty_cluster, now=during, **hours), ana)[0].name == "ana"
    closed = door(empty_cluster, now=late, **hours)
    assert "closed on Sunday" in enter(closed, ana)[0].message
    assert not asyncio.run(closed.has_lost("ana"))
    with pytest.raises(RefusedError, match="closed on"):
        admit(closed, "github:7", "bea")
    assert closed.throttle.reserve("10.0.0.1", "password:ana") == 0


def test_names_of_different_ways_never_meet(empty_cluster):
    one = door(empty_cluster)
    enter(one, attempt(empty_cluster, "ana"))
    assert admit(one, "github:7", "Ana").name == "ana_2"
    assert admit(one, "system:ana", "ana").name == "ana_3"
    assert admit(one, "github:8", "maria").name == "maria_2"
    assert admit(one, "github:9", "root").name == "person_root"
    assert admit(one, "github:10", "\u5bc6\u7801").name == "person"
    assert admit(one, "github:11", "x" * 80).name == "x" * 31
    assert admit(one, "github:12", "x" * 80).name == "x" * 29 + "_2"
    assert admit(one, "github:7", "renamed").name == "ana_2"
    assert enter(one, attempt(empty_cluster, "ana_2", device="e" * 43))[0].needs_code


def test_another_way_of_signing_in_keeps_people_and_hands_no_name_on(empty_cluster):
    before = door(empty_cluster)
    (ana,) = enter(before, attempt(empty_cluster, "ana"))
    by_account = {"way": Accounts()}
    assert not asyncio.run(before.has_lost("ana"))
    known = attempt(empty_cluster, "ana", password=empty_cluster.secrets.event_password)
    assert enter(before, known, **by_account)[0].status == 403
    old_code = attempt(empty_cluster, "ana", password=ana.return_code)
    assert enter(before, old_code, **by_account)[0].name == "ana"
    hashed = codes.hash_password("three words here")
    assert call(empty_cluster, "add", "ana", "accounts", hashed, "maria", 50, ["maria"]) == "taken"
    assert call(empty_cluster, "reset", "ana", "accounts", hashed, "maria") == "yes"
    new = attempt(empty_cluster, "ana", password="three words here")
    assert enter(before, new, **by_account)[0].anew
    assert enter(before, old_code, **by_account)[0].status == 403
    back = attempt(empty_cluster, "ana", code=ana.return_code, device="f" * 43)
    assert enter(before, back)[0].status == 403


def test_a_name_of_another_way_that_becomes_an_ambassadors_leaves_its_owner_another(empty_cluster):
    assert admit(door(empty_cluster), "github:7", "olaf").name == "olaf"
    later = door(empty_cluster, ambassadors=("maria", "olaf"))
    assert asyncio.run(later.has_lost("olaf"))
    assert admit(later, "github:7", "olaf").name == "olaf_2"
    assert enter(later, attempt(empty_cluster, "olaf", password="olaf's own"))[0].anew


def test_whoever_guesses_at_the_same_address_does_not_slow_a_known_browser(empty_cluster):
    one = door(empty_cluster)
    enter(one, attempt(empty_cluster, "ana"))
    for _ in range(3):
        enter(one, attempt(empty_cluster, "ana", password="guess", device="e" * 43))
    assert one.throttle.reserve("10.0.0.1", "password:ana") > 0
    assert one.throttle.reserve(f"browser {codes.hash_device('password:ana', 'd' * 43)}", "password:ana") == 0


def test_an_older_databases_people_keep_their_names_codes_and_passwords(empty_cluster):
    """The migration itself, run anew on rows as they were before it."""
    text = next(one.text for one in migrations() if one.name == "0016_people.sql")
    alter = text[text.index("ALTER TABLE people.person") : text.index("-- Ambassadors that")]
    with admin(empty_cluster.state) as database:
        database.execute("CREATE SCHEMA old")
        database.execute("CREATE TABLE old.person (name text PRIMARY KEY, return_code_hash text)")
        database.execute(
            "INSERT INTO old.person VALUES ('ana', 'scrypt$x'), ('bea', NULL), ('maria', 'none')"
        )
        database.execute(alter.replace("people.person", "old.person").encode())
        rows = database.execute(
            "SELECT name, identity, return_code_hash, signed_out, state FROM old.person ORDER BY name"
        ).fetchall()
        database.rollback()
    assert rows == [
        ("ana", "password:ana", "scrypt$x", False, "in"),
        ("bea", "password:bea", None, True, "in"),
        ("maria", "ambassador:maria", None, False, "in"),
    ]


def test_no_more_people_ask_for_accounts_than_there_are_places_and_no_more_are_let_in(empty_cluster):
    small = door(empty_cluster, expected=2)
    asking = Asking(small, Throttle(lambda: 0.0))

    def ask(name, device):
        visit = Visit("10.0.0.1", device * 43)
        return asyncio.run(asking.ask(visit, name, "three words here", "a note"))

    assert [ask("ana", "a"), ask("bea", "b")] == ["ana", "bea"]
    with pytest.raises(RefusedError, match="Many people have asked"):
        ask("cleo", "c")
    enter(small, attempt(empty_cluster, "dora"))
    decided = [call(empty_cluster, "decide", name, True, "maria", 2, ["maria"]) for name in ("ana", "bea")]
    assert decided == ["yes", "full"]
    hashed = codes.hash_password("three words here")
    assert call(empty_cluster, "add", "emil", "accounts", hashed, "maria", 2, ["maria"]) == "full"
    assert enter(small, attempt(empty_cluster, "ana", password="three words here"), way=Accounts())[0].name
    nobody = door(empty_cluster, accounts=AccountsSection(requests=False))
    with pytest.raises(RefusedError, match="cannot be asked for"):
        asyncio.run(Asking(nobody, Throttle(lambda: 0.0)).ask(Visit("10.0.0.1", "e" * 43), "x1", "y", ""))


def test_one_network_that_asks_for_many_accounts_is_slowed(empty_cluster):
    throttle = Throttle(lambda: 0.0)
    asking = Asking(door(empty_cluster), throttle)
    for number in range(20):
        visit = Visit("10.0.0.1", f"{number:043}")
        asyncio.run(asking.ask(visit, f"person_{number}", "three words here", ""))
    assert throttle.reserve("10.0.0.1", "person_99") > 0
    assert throttle.reserve("10.0.0.2", "person_99") == 0


def invite(folder, name=None, label=None, uses=1):
    wanted = Wanted(name, label, uses, datetime.now(UTC) + timedelta(days=1), "maria")
    with admin(folder.state) as database:
        return invitations.invite(database, wanted, Room(["maria"], 50))


def test_whoever_comes_with_a_tables_card_cannot_take_the_name_of_somebody_invited(empty_cluster):
    personal, table = invite(empty_cluster, "ana"), invite(empty_cluster, label="Table 1", uses=5)
    one = door(empty_cluster)

    def come(name, code, device):
        typed = Attempt(name, "", code, Visit("10.0.0.1", device * 43))
        return enter(one, typed, way=Invitations())[0]

    assert come("ana", table.code, "e").status == 403
    assert come("bea", table.code, "e").name == "bea"
    assert come("ana", personal.code, "d").name == "ana"


def test_a_reset_ends_the_way_in_of_the_browser_that_asked_for_the_account(empty_cluster):
    one = door(empty_cluster)
    asking, visit = Asking(one, Throttle(lambda: 0.0)), Visit("10.0.0.9", "e" * 43)
    asyncio.run(asking.ask(visit, "ana", "words of another", "I am Ana"))
    assert call(empty_cluster, "decide", "ana", True, "maria", 50, ["maria"]) == "yes"
    hashed = codes.hash_password("three words here")
    assert call(empty_cluster, "reset", "ana", "accounts", hashed, "maria") == "yes"
    assert asyncio.run(asking.take_up(visit, "ana")) is None


def make_ambassador(folder, name):
    hashed = codes.hash_password("three words here")
    assert call(folder, "make_ambassador", name, hashed, "maria") == "yes"


def test_guesses_do_not_slow_a_made_ambassador_who_came_from_elsewhere(empty_cluster):
    one = door(empty_cluster)
    admit(one, "github:7", "ana")
    make_ambassador(empty_cluster, "ana")
    own = attempt(empty_cluster, "ana", password="three words here")
    assert enter(one, own, way=NoForm())[0].name == "ana"
    while one.throttle.reserve("10.0.0.1", "nobody:ana") is not None:
        one.throttle.wrong("10.0.0.1")
    other = attempt(empty_cluster, "ana", password="guess", device="e" * 43)
    assert enter(one, other, way=NoForm())[0].status == 429
    assert enter(one, own, way=NoForm())[0].name == "ana"


def test_an_ambassador_who_is_taken_out_of_the_event_file_is_out(empty_cluster):
    before = door(empty_cluster, ambassadors=("maria", "olaf"))
    enter(before, attempt(empty_cluster, "olaf", password="olaf's own"))
    assert not asyncio.run(before.has_lost("olaf"))
    after = door(empty_cluster)
    assert asyncio.run(after.has_lost("olaf"))
    card = invite(empty_cluster, "olaf")
    typed = Attempt("olaf", "", card.code, Visit("10.0.0.1", "e" * 43))
    assert enter(after, typed, way=Invitations())[0].name == "olaf"


def test_an_ambassador_who_is_taken_out_of_the_event_file_has_no_older_password(empty_cluster):
    after = door(empty_cluster)
    enter(after, attempt(empty_cluster, "olaf"))
    make_ambassador(empty_cluster, "olaf")
    named = door(empty_cluster, ambassadors=("maria", "olaf"))
    assert enter(named, attempt(empty_cluster, "olaf", password="olaf's own"))[0].anew
    older = attempt(empty_cluster, "olaf", password="three words here")
    assert enter(after, older)[0].status == 403
    assert asyncio.run(after.has_lost("olaf"))
    assert call(empty_cluster, "reset", "olaf") == "yes"
    assert enter(after, attempt(empty_cluster, "olaf"))[0].return_code
