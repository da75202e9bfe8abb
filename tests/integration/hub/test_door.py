"""The door over the real database: the cap, a lost race, a database that is away, a change of ambassadors."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from divebell.database import connect
from divebell.hub.login import codes
from divebell.hub.login.door import Attempt, Door, RefusedError


def door(folder, *, expected=50, ambassadors=("maria",), state=None):
    people = folder.event.people.model_copy(update={"expected": expected, "ambassadors": tuple(ambassadors)})
    event = folder.event.model_copy(update={"people": people})
    known = dataclasses.replace(folder.secrets, ambassadors={name: f"{name}'s own" for name in ambassadors})
    return Door(event, known, lambda: connect(state or folder.state, "event_hub"))


def attempt(folder, name, *, password=None, code="", device="d" * 43, address="10.0.0.1"):
    return Attempt(name, password or folder.secrets.event_password, code, device, address)


def enter(door, *attempts):
    async def story():
        return await asyncio.gather(*(door.open(one) for one in attempts), return_exceptions=True)

    return asyncio.run(story())


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
    assert away.throttle.reserve("10.0.0.1", "ana") == 0
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
    assert one.throttle.reserve("10.0.0.1", "ana") > 0
    assert enter(one, attempt(empty_cluster, "ana"))[0].name == "ana"


@pytest.mark.parametrize("password", ["\ud800", "密码", "\x00", "a" * 10_000])
def test_no_password_breaks_the_door(empty_cluster, password):
    assert enter(door(empty_cluster), attempt(empty_cluster, "ana", password=password))[0].status == 403
