"""Open maps hear what changes."""

import asyncio
from types import SimpleNamespace

from divebell.tiles import changes
from divebell.tiles.changes import Changes


class Restless:
    """Layers that are other ones at each look."""

    def __init__(self):
        self.announced, self.often_enough = asyncio.Event(), asyncio.Event()
        self.looks = 0

    async def all(self):
        self.looks += 1
        look = self.looks
        self.announced.set()
        if look == 5:  # four times ten changes are more than thirty
            self.often_enough.set()
        everybody = SimpleNamespace(include=lambda _: True)
        return [
            SimpleNamespace(slug=f"v_ana.t{one}", version=str(look), readers=everybody) for one in range(10)
        ]


def test_who_does_not_read_is_kept_no_more_than_so_many_changes(monkeypatch):
    monkeypatch.setattr(changes, "MOST_WAITING", 30)

    async def story():
        layers = Restless()
        stream = Changes(layers).stream("ana", ())
        said = [await anext(stream)]
        async with asyncio.timeout(60):
            await layers.often_enough.wait()  # meanwhile nobody reads
            said += [one async for one in stream]
        return said

    said = asyncio.run(story())
    assert len(said) == 1 + 40 + 1
    assert said[-1].startswith("event: full")
