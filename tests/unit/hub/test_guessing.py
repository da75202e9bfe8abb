"""Many who sign in at one instant: guesses see each other, and people do not wait for each other."""

from __future__ import annotations

import asyncio

import pytest

from divebell.hub.login.door import Door
from divebell.hub.login.throttle import ADDRESS, Throttle, Turns
from divebell.hub.login.visit import RefusedError, Visit, WrongGuessError

MANY = 300


class Watched(Throttle):
    """A throttle whose time stands still, and that remembers what it said."""

    def __init__(self):
        super().__init__(lambda: 1000.0)
        self.said = []
        self.all_told = asyncio.Event()

    def reserve(self, address, name):
        self.said.append(super().reserve(address, name))
        if len(self.said) == MANY:
            self.all_told.set()
        return self.said[-1]


async def attempts(throttle, judge):
    """Have many attempts begin at one instant, until each was told how long it waits; give their tasks."""
    door = Door(None, None, None, throttle)
    visits = [Visit("10.0.0.1", f"{n:043}") for n in range(MANY)]
    tasks = [
        asyncio.create_task(door.guard(visit, f"password:name_{n}", judge)) for n, visit in enumerate(visits)
    ]
    await throttle.all_told.wait()
    return tasks


async def ended(tasks):
    for task in tasks:
        task.cancel()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def wrong():
    for _ in range(5):
        await asyncio.sleep(0)
    raise WrongGuessError("no")


async def right():
    for _ in range(5):
        await asyncio.sleep(0)
    return "in"


def test_guesses_at_many_names_at_one_instant_are_slowed_like_those_one_by_one():
    throttle = Watched()

    async def story():
        return await ended(await attempts(throttle, wrong))

    results = asyncio.run(story())
    assert throttle.said.count(0.0) <= 2 * ADDRESS.free
    assert len([one for one in results if isinstance(one, RefusedError) and one.status == 429]) > MANY / 2


def test_guesses_at_one_name_see_each_other_before_the_first_verdict():
    throttle = Throttle(lambda: 1000.0)
    for address in range(10):
        throttle.reserve(f"10.0.1.{address}", "ana")
    assert throttle.reserve("10.0.1.0", "ana") > 0
    assert throttle.reserve("10.0.2.1", "ana") == 0  # its owner, from an address that has not failed


def test_a_room_full_of_people_who_sign_in_at_one_instant_waits_for_nothing():
    throttle = Watched()

    async def story():
        return await asyncio.gather(*await attempts(throttle, right))

    assert asyncio.run(story()) == ["in"] * MANY
    assert set(throttle.said) == {0.0}
    assert throttle.reserve("10.0.0.1", "password:name_1") == 0


def test_whoever_gives_up_while_waiting_has_not_guessed():
    throttle = Watched()

    async def story():
        return await ended(await attempts(throttle, wrong))

    results = asyncio.run(story())
    names = [f"password:name_{n}" for n, one in enumerate(results) if isinstance(one, asyncio.CancelledError)]
    assert names
    assert {throttle._pairs.get(("10.0.0.1", name), 1000.0).failures for name in names} == {0.0}
    assert {throttle._names.get(name, 1000.0).failures for name in names} == {0.0}


def test_one_address_does_not_keep_another_from_its_turn():
    turns = Turns(most=1)

    async def story():
        async with turns.of("10.0.0.1"):
            async with turns.of("10.0.0.2"):
                pass
            waiting = asyncio.create_task(enter())
            await asyncio.sleep(0)
            assert not waiting.done()
        await waiting

    async def enter():
        async with turns.of("::ffff:10.0.0.1"):
            pass

    asyncio.run(story())
    assert len(turns._turns) == 0


@pytest.mark.parametrize("error", [RefusedError(503, "away"), ValueError("a bug")])
def test_what_could_not_be_judged_is_given_back(error):
    throttle = Watched()
    door = Door(None, None, None, throttle)

    async def fails():
        raise error

    for _ in range(40):
        with pytest.raises(type(error)):
            asyncio.run(door.guard(Visit("10.0.0.1", "d" * 43), "password:ana", fails))
    assert set(throttle.said) == {0.0}
