import asyncio

import pytest

from divebell.tiles.flight import Flights, Left


def test_many_who_ask_at_once_share_one_piece_of_work():
    done = []

    async def work():
        await asyncio.sleep(0.01)
        done.append(1)
        return "tile"

    async def story():
        flights = Flights()
        return await asyncio.gather(*(flights.share("key", work) for _ in range(50)))

    assert asyncio.run(story()) == ["tile"] * 50
    assert done == [1]


def test_work_goes_on_while_one_still_waits_and_stops_when_the_last_has_left():
    stopped = []

    async def soon():
        await asyncio.sleep(0.01)

    async def story():
        flights, made = Flights(), asyncio.Event()

        async def work():
            try:
                await made.wait()
            except asyncio.CancelledError:
                stopped.append(1)
                raise
            return "tile"

        leaver = asyncio.create_task(flights.share("key", work, gone=soon))
        stayer = asyncio.create_task(flights.share("key", work))
        with pytest.raises(Left):
            await leaver
        made.set()
        assert await stayer == "tile"
        made.clear()
        with pytest.raises(Left):
            await flights.share("other", work, gone=soon)
        await asyncio.sleep(0.01)

    asyncio.run(story())
    assert stopped == [1]


def test_a_failure_reaches_everyone_and_is_not_kept():
    attempts = []

    async def work():
        attempts.append(1)
        await asyncio.sleep(0)
        raise ValueError("no")

    async def story():
        flights = Flights()
        for _ in range(2):
            results = await asyncio.gather(
                *(flights.share("key", work) for _ in range(3)), return_exceptions=True
            )
            assert all(isinstance(result, ValueError) for result in results)

    asyncio.run(story())
    assert attempts == [1, 1]
