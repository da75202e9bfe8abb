"""The queue of starts."""

from __future__ import annotations

import asyncio

import pytest

from divebell.hub.spawner.processes import waiting_words
from divebell.hub.spawner.queue import StartQueue


def test_people_start_in_the_order_they_came_and_know_their_place():
    async def story():
        queue, order, places = StartQueue(2), [], {}

        async def start(name):
            async with queue.turn(name):
                order.append(name)
                await asyncio.sleep(0.01)

        tasks = [asyncio.create_task(start(name)) for name in "abcde"]
        await asyncio.sleep(0)
        places = {name: queue.place_of(name) for name in "abcde"}
        await asyncio.gather(*tasks)
        return order, places, [queue.place_of(name) for name in "abcde"]

    order, places, after = asyncio.run(story())
    assert order == list("abcde")
    assert places == {"a": 0, "b": 0, "c": 1, "d": 2, "e": 3}
    assert after == [0] * 5


def test_whoever_gives_up_or_fails_does_not_keep_the_place():
    async def story():
        queue = StartQueue(1)

        async def fail():
            async with queue.turn("fails"):
                await asyncio.sleep(0.01)
                raise ValueError

        failing = asyncio.create_task(fail())
        await asyncio.sleep(0)
        gone = asyncio.create_task(_hold(queue, "gone"))
        last = asyncio.create_task(_hold(queue, "last"))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        assert queue.place_of("last") == 1
        with pytest.raises(ValueError):  # noqa: PT011
            await failing
        await asyncio.wait_for(last, 60)
        await asyncio.wait_for(_hold(queue, "next"), 60)

    asyncio.run(story())


def test_a_start_that_takes_too_long_keeps_nobody_waiting_and_frees_one_place_only():
    async def story():
        queue, stuck = StartQueue(1, longest=0.05), asyncio.Event()

        async def never_comes_up():
            async with queue.turn("stuck"):
                await stuck.wait()

        slow = asyncio.create_task(never_comes_up())
        await asyncio.sleep(0)
        await asyncio.wait_for(_hold(queue, "next"), 60)
        stuck.set()
        await slow
        first = asyncio.create_task(_hold(queue, "first", 0.02))
        second = asyncio.create_task(_hold(queue, "second"))
        await asyncio.sleep(0)
        assert (queue.place_of("first"), queue.place_of("second")) == (0, 1)
        await asyncio.gather(first, second)

    asyncio.run(story())


async def _hold(queue, name, seconds=0.0):
    async with queue.turn(name):
        await asyncio.sleep(seconds)


def test_the_place_is_told_in_words():
    assert "starting" in waiting_words(0)
    assert "next" in waiting_words(1)
    assert "7" in waiting_words(7)
