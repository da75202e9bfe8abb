import asyncio

import pytest
from starlette.exceptions import HTTPException

from divebell.remote.running import Slots


def test_who_holds_all_that_is_theirs_keeps_nobody_else_out():
    async def story():
        slots = Slots(most=2, each=1, seconds=0.01)
        await slots.take("ana")
        with pytest.raises(HTTPException):
            await slots.take("ana")
        await slots.take("ben")
        with pytest.raises(HTTPException):
            await slots.take("cleo")
        slots.give_back("ana")
        await slots.take("cleo")
        slots.give_back("ben")
        await slots.take("ana")

    asyncio.run(story())


def test_who_is_turned_away_leaves_nothing_behind():
    async def story():
        slots = Slots(most=1, each=1, seconds=0.01)
        await slots.take("ana")
        with pytest.raises(HTTPException) as first:
            await slots.take("ben")
        with pytest.raises(HTTPException) as second:
            await slots.take("cleo")
        assert first.value is not second.value  # its traceback would grow with each request, and hold it

    asyncio.run(story())
