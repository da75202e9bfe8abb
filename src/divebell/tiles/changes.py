"""Tell open maps what changes: which layers are made, changed, shared, taken back or dropped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from divebell.tiles.layers import Layers

EVERY, LEAST = 0.5, 0.1
"""Seconds between looks, at most, and at least after a change was announced; none while no map is open."""
KEEP_ALIVE = 15.0
LONGEST = 600.0
"""Seconds after which a stream ends; the browser opens it again, and is asked again who it is."""
EACH, ALL = 6, 1000
"""Streams of one person, and of everybody. The oldest one ends where there are more."""
MOST_NAMES = 50
MOST_WAITING = 5000
"""Events that one stream keeps for a reader who does not read: then it ends, and the browser begins anew."""

log = logging.getLogger(__name__)
Versions = dict[str, str | None]


@dataclass(eq=False)
class Stream:
    """One open map. `names`: the layers it shows, none: all that its person may see."""

    person: str | None
    names: tuple[str, ...]
    told: Versions | None = None
    """None until the database has answered once."""
    events: asyncio.Queue[tuple[str, object]] = field(default_factory=asyncio.Queue)

    def tell(self, now: Mapping[str, str | None]) -> None:
        """Send what is different from what was told before; everything at first."""
        if self.told is None:
            self.told = dict(now)
            self.events.put_nowait(("layers", self.told))
            return
        for name, version in now.items():
            if version is not None and self.told.get(name) != version:
                self.events.put_nowait(("changed", {"name": name, "version": version}))
        for name, before in self.told.items():
            if before is not None and now.get(name) is None:
                self.events.put_nowait(("gone", {"name": name}))
        self.told = dict(now)


class Changes:
    """The streams of everybody, and the one task that looks for them all."""

    def __init__(self, layers: Layers) -> None:
        self._layers = layers
        self._streams: list[Stream] = []
        self._watch: asyncio.Task[None] | None = None

    async def versions(self, person: str | None, names: tuple[str, ...]) -> Versions:
        """Give the versions of layers as this person may see them: of all, or of those named."""
        if not names:
            entries = await self._layers.all()
            return {one.slug: one.version for one in entries if one.readers.include(person)}
        found = {name: await self._layers.find(name, person) for name in names}
        return {name: layer.state if layer else None for name, layer in found.items()}

    async def stream(self, person: str | None, names: tuple[str, ...]) -> AsyncIterator[str]:
        """Give server-sent events until the reader goes away."""
        stream = Stream(person, names)
        self._open(stream)
        try:
            await self._tell(stream)
            ends_at = time.monotonic() + LONGEST
            while time.monotonic() < ends_at:
                try:
                    kind, data = await asyncio.wait_for(stream.events.get(), KEEP_ALIVE)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                yield written(kind, data)
                if kind == "full":
                    return
        finally:
            self._close(stream)

    def _open(self, stream: Stream) -> None:
        self._streams.append(stream)
        of_person = [one for one in self._streams if one.person == stream.person]
        if stream.person is not None and len(of_person) > EACH:
            self._end(of_person[0])
        elif len(self._streams) > ALL:
            self._end(self._streams[0])
        if self._watch is None:
            self._watch = asyncio.create_task(self._look())

    def _end(self, stream: Stream) -> None:
        self._streams.remove(stream)
        stream.events.put_nowait(("full", {}))

    def _close(self, stream: Stream) -> None:
        with contextlib.suppress(ValueError):
            self._streams.remove(stream)
        if not self._streams and self._watch is not None:
            self._watch.cancel()
            self._watch = None

    async def _look(self) -> None:
        announced = self._layers.announced
        while True:
            await asyncio.sleep(LEAST)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(announced.wait(), EVERY - LEAST)
            announced.clear()
            for stream in list(self._streams):
                await self._tell(stream)

    async def _tell(self, stream: Stream) -> None:
        try:
            now = await self.versions(stream.person, stream.names)
        except Exception as error:  # noqa: BLE001 - the database is away: look again later
            log.info("cannot look for changes now: %r", error)
            return
        stream.tell(now)
        if stream.events.qsize() > MOST_WAITING and stream in self._streams:
            self._end(stream)


def written(kind: str, data: object) -> str:
    """Write one server-sent event."""
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n"
