"""Places over the real database: nobody fills the queue for accounts alone, no way in goes beyond the cap."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from divebell import codes
from divebell.cli import main
from divebell.database import admin, connect, invitations
from divebell.database.invitations import Room, Wanted
from divebell.errors import DivebellError
from divebell.hub.login.accounts import Asking
from divebell.hub.login.door import Door
from divebell.hub.login.invitations import Invitations
from divebell.hub.login.throttle import Throttle
from divebell.hub.login.visit import Attempt, Identity, RefusedError, Visit

STRANGER = "10.6.6.6"


def door(folder, expected):
    people = folder.event.people.model_copy(update={"expected": expected, "ambassadors": ("maria",)})
    event = folder.event.model_copy(update={"people": people})
    known = dataclasses.replace(folder.secrets, ambassadors={"maria": "maria's own"})
    return Door(event, known, lambda: connect(folder.state, "event_hub"))


def ask(folder, name, address, *, places=4):
    """Ask for an account in a browser of one's own; tell whether the request waits now."""
    visit = Visit(address, codes.new_device_token())
    asking = Asking(door(folder, places), Throttle(lambda: 0.0))
    try:
        asyncio.run(asking.ask(visit, name, "three words here", ""))
    except RefusedError as refused:
        told = refused.message
    else:
        return True
    assert "maria can help" in told
    return False


def rows(folder, query, *values):
    with admin(folder.state) as database:
        return database.execute(query, values).fetchall()


def waiting(folder):
    return {name for (name,) in rows(folder, "SELECT name FROM people.person WHERE state = 'asked'")}


def test_the_queue_that_one_address_has_filled_opens_for_everybody_else(empty_cluster):
    assert ask(empty_cluster, "ana", "10.0.0.1")
    assert [ask(empty_cluster, f"torrent_{n}", STRANGER) for n in range(5)] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert ask(empty_cluster, "quinn", "10.0.0.2")
    assert not ask(empty_cluster, "torrent_9", STRANGER)
    assert ask(empty_cluster, "cleo", "10.0.0.3")
    assert waiting(empty_cluster) == {"ana", "quinn", "cleo", "torrent_0"}
    gave_way = "SELECT name FROM people.change WHERE what = 'gave way to another address' AND name ^@ 'torrent' ORDER BY at"
    assert rows(empty_cluster, gave_way) == [("torrent_2",), ("torrent_1",)]
    assert not ask(empty_cluster, "dora", "10.0.0.4")  # now it is full of people, one from each address


def test_an_ipv6_network_is_one_address(empty_cluster):
    assert all(ask(empty_cluster, f"flood_{n}", f"2001:db8:1:2::{n}") for n in range(4))
    assert not ask(empty_cluster, "flood_4", "2001:db8:1:2:ffff::1")
    assert ask(empty_cluster, "ana", "2001:db8:1:3::1")


def test_a_name_that_was_declined_takes_no_more_room_in_the_queue_than_another(empty_cluster):
    with admin(empty_cluster.state) as database:
        database.execute(
            "INSERT INTO people.person (name, identity, state)"
            " SELECT 'old_' || n, 'account:old_' || n, 'declined' FROM generate_series(1, 9) n"
        )
    asked = [ask(empty_cluster, f"old_{n}", STRANGER) for n in range(1, 8)]
    assert asked == [True] * 4 + [False] * 3


def test_all_who_asked_from_one_address_are_declined_at_once(empty_cluster, capsys):
    for name, address in {"ana": "10.0.0.1", "x_1": STRANGER, "x_2": STRANGER, "x_3": STRANGER}.items():
        assert ask(empty_cluster, name, address)
    folder = str(empty_cluster.folder)
    assert main(["people", "list", folder]) == 0
    assert capsys.readouterr().out.count(f"asks for an account from {STRANGER}") == 3
    assert main(["people", "decline-beside", "x_2", folder]) == 0
    assert waiting(empty_cluster) == {"ana"}
    declined = rows(empty_cluster, "SELECT name FROM people.person WHERE state = 'declined' ORDER BY name")
    assert declined == [("x_1",), ("x_2",), ("x_3",)]
    assert main(["people", "decline-beside", "x_2", folder]) == 1
    assert "nobody waits" in capsys.readouterr().err


def invite(folder, name, expected):
    wanted = Wanted(name, None, 1, datetime.now(UTC) + timedelta(days=1), "maria")
    with admin(folder.state) as database:
        return invitations.invite(database, wanted, Room(["maria"], expected))


def admit(one, name, number):
    return asyncio.run(
        one.admit(Visit("10.0.0.1", f"{number:043}"), Identity(f"github:{number}", "github", name))
    )


def remove(folder, name):
    assert rows(folder, "SELECT people.remove(%s, 'maria')", name) == [("yes",)]


def come(one, name, code):
    attempt = Attempt(name, "", code, Visit("10.0.0.1", codes.new_device_token()))
    return asyncio.run(one.open(Invitations(), attempt)).name


def test_whoever_was_removed_comes_back_by_invitation_only_while_there_is_a_place(empty_cluster):
    one = door(empty_cluster, 2)
    for name in ("ana", "quinn"):
        assert come(one, name, invite(empty_cluster, name, 2).code) == name
    remove(empty_cluster, "ana")
    assert come(one, "cleo", invite(empty_cluster, "cleo", 2).code) == "cleo"
    with pytest.raises(DivebellError, match="all 2 places are taken") as refused:
        invite(empty_cluster, "ana", 2)
    assert "'ana' was removed" in refused.value.message
    assert rows(empty_cluster, "SELECT state FROM people.person WHERE name = 'ana'") == [("removed",)]
    assert rows(empty_cluster, "SELECT people.places('{maria}')") == [(2,)]
    lost = invite(empty_cluster, "quinn", 2)  # a new card for somebody who is in takes no place
    assert come(one, "quinn", lost.code) == "quinn"
    remove(empty_cluster, "cleo")
    assert come(one, "ana", invite(empty_cluster, "ana", 2).code) == "ana"


def test_an_invitation_given_out_before_the_event_was_full_says_that_it_is(empty_cluster):
    one = door(empty_cluster, 1)
    early = invite(empty_cluster, "ana", 1)
    admit(one, "quinn", 7)
    with pytest.raises(RefusedError, match="All 1 places of this event are taken") as refused:
        come(one, "ana", early.code)
    assert "maria can make room" in refused.value.message
    remove(empty_cluster, "quinn")
    assert come(one, "ana", early.code) == "ana"


def test_of_two_at_the_last_place_one_gets_it_whatever_way_they_come(empty_cluster):
    one = door(empty_cluster, 2)
    assert come(one, "ana", invite(empty_cluster, "ana", 2).code) == "ana"
    assert come(one, "quinn", invite(empty_cluster, "quinn", 2).code) == "quinn"
    remove(empty_cluster, "quinn")

    async def both():
        visit = Visit("10.0.0.1", codes.new_device_token())
        back = asyncio.to_thread(invite, empty_cluster, "quinn", 2)
        newcomer = one.admit(visit, Identity("github:9", "github", "cleo"))
        return await asyncio.gather(back, newcomer, return_exceptions=True)

    results = asyncio.run(both())
    assert len([result for result in results if isinstance(result, Exception)]) == 1, results
    assert rows(empty_cluster, "SELECT people.places('{maria}')") == [(2,)]
