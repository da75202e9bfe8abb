import asyncio

import pytest
from starlette.exceptions import HTTPException

from divebell.tiles.turns import Turns


def test_somebody_else_is_not_starved_by_one_who_asks_for_much():
    async def story():
        turns, order = Turns(2, each=2, waiting=100), []

        async def work(person):
            async with turns.take(person):
                order.append(person)
                await asyncio.sleep(0.001)

        greedy = [asyncio.ensure_future(work("greedy")) for _ in range(50)]
        await asyncio.sleep(0)
        await work("modest")
        served = order.index("modest")
        await asyncio.gather(*greedy)
        return served, len(order)

    served, total = asyncio.run(story())
    assert served <= 3
    assert total == 51


def test_one_person_runs_only_so_many_and_all_together_only_so_many():
    async def story():
        turns, running, most = Turns(3, each=2, waiting=100), {}, [0, 0]

        async def work(person):
            async with turns.take(person):
                running[person] = running.get(person, 0) + 1
                most[0] = max(most[0], sum(running.values()))
                most[1] = max(most[1], *running.values())
                await asyncio.sleep(0.001)
                running[person] -= 1

        await asyncio.gather(*(work(who) for who in "aaaabbbbcccc"))
        return most

    assert asyncio.run(story()) == [3, 2]


def test_who_leaves_the_queue_takes_no_turn():
    async def story():
        turns = Turns(1, each=1, waiting=100)
        async with turns.take("ana"):
            waiting = [asyncio.ensure_future(turns._wait("ben")) for _ in range(3)]
            await asyncio.sleep(0)
            for one in waiting:
                one.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        async with asyncio.timeout(60), turns.take("carl"):
            pass
        assert turns._free == 1
        assert not turns._running
        assert not turns._queues

    asyncio.run(story())


def test_who_leaves_just_as_the_turn_is_given_gives_it_back():
    async def story():
        turns = Turns(1, each=1, waiting=100)
        async with turns.take("ana"):
            waiting = asyncio.ensure_future(turns._wait("ben"))
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        async with asyncio.timeout(60), turns.take("carl"):
            pass

    asyncio.run(story())


def test_too_long_a_queue_is_refused_in_words():
    async def story():
        turns = Turns(1, each=1, waiting=2)
        async with turns.take("ana"):
            waiting = [asyncio.ensure_future(turns._wait("ana")) for _ in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(HTTPException) as refused:
                await turns._wait("ana")
            for one in waiting:
                one.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        return refused.value

    assert asyncio.run(story()).status_code == 429


def test_a_turn_that_comes_free_as_somebody_leaves_goes_to_the_next():
    async def story():
        turns = Turns(1, each=1, waiting=100)
        async with turns.take("ana"):
            leaving, staying = (asyncio.ensure_future(turns._wait(one)) for one in ("ben", "carl"))
            await asyncio.sleep(0)
            leaving.cancel()  # its task has not run yet when ana gives her turn back
        await asyncio.gather(leaving, staying, return_exceptions=True)
        assert leaving.cancelled()
        assert staying.done()
        assert staying.exception() is None
        assert turns._free == 0
        assert turns._running == {"carl": 1}

    asyncio.run(story())
