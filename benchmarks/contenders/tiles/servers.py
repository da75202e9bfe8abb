"""Who makes tiles: bare connections (the floor), divebell through its proxy and sign-in, tipg."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import asyncpg

from contenders.event import free_port, run
from contenders.tiles.data import LAYERS, Place
from divebell.database import admin, conninfo
from divebell.event import State
from divebell.tiles import Tiles
from divebell.tiles.kept import Place as TilePlace
from divebell.tiles.statement import Statement
from divebell.tiles.style import Style
from divebell.web.pool import TABLES, connection_arguments

CONNECTIONS = 4
"""Of the floor, and requests in flight at each server."""
TIPG = "tipg==1.6.1"
TIPG_FEATURES = 10_000
"""Of a tile; tipg leaves out the others."""
_ENVIRONMENT = Path(tempfile.gettempdir()) / "divebell-bench-tipg"


class Server(Protocol):
    """Somebody who makes tiles."""

    name: str

    async def tile(self, place: Place) -> int:
        """Make one tile; give its bytes as sent."""


class Floor:
    """The same SQL through bare connections: no HTTP, no compression, no rights."""

    name = "floor"

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._tiles = Tiles(pool, views=pool, drafts=pool)
        self._ready: dict[Place, tuple[Statement, list[Any]] | None] = {}
        self.whole: dict[Place, int] = {}
        """Tiles of every feature that were made, and how many rows their boxes hold."""

    async def prepare(self, places: list[Place]) -> None:
        """Compose the statements beforehand."""
        for place in places:
            layer = await self._tiles.layers.find(f"data.{place.layer}", None)
            if layer is None:
                raise RuntimeError(f"data.{place.layer} is no layer")
            asked = TilePlace(place.z, place.x, place.y, Style(column=LAYERS[place.layer]))
            self._ready[place] = await self._tiles.statement(layer, asked)

    async def tile(self, place: Place) -> int:
        """Run one tile's statement."""
        ready = self._ready[place]
        if ready is None:
            return 0
        row = await self._pool.fetchrow(ready[0].text, *ready[1])
        if "rows" in row:
            self.whole[place] = row["rows"]
        return len(row["tile"] or b"")


class Web:
    """A web server that gives tiles."""

    def __init__(self, name: str, session: aiohttp.ClientSession, address: str) -> None:
        self.name, self.session, self._address = name, session, address

    async def tile(self, place: Place) -> int:
        """Fetch one tile."""
        path = self._address.format(
            layer=place.layer, z=place.z, x=place.x, y=place.y, column=LAYERS[place.layer]
        )
        async with self.session.get(path, headers={"Accept-Encoding": "gzip"}) as answer:
            body = await answer.read()
            if answer.status not in {200, 204}:
                raise RuntimeError(f"{self.name}: {path}: {answer.status} {body[:200]!r}")
            return len(body)


OURS = "/services/event/tiles/data.{layer}/{z}/{x}/{y}.mvt?column={column}"
THEIRS = "/collections/data.{layer}/tiles/WebMercatorQuad/{z}/{x}/{y}?properties={column}"


@asynccontextmanager
async def floor(state: State) -> AsyncIterator[Floor]:
    """Open the bare connections."""
    given = connection_arguments(state, TABLES)
    sizes = {"min_size": CONNECTIONS, "max_size": CONNECTIONS}
    async with asyncpg.create_pool(**given, **sizes, reset=_nothing) as pool:
        yield Floor(pool)


async def _nothing(_: Any) -> None:
    """Leave a connection as it is: bare ones are not cleaned."""


@contextmanager
def tipg(state: State) -> Iterator[str]:
    """Run tipg, in an environment of its own, on the event's database; give its address."""
    python = _ENVIRONMENT / "bin/python"
    if not python.exists():
        run([sys.executable, "-m", "venv", str(_ENVIRONMENT)])
    run([str(python), "-m", "pip", "install", "-q", TIPG, "uvicorn"])
    port = free_port()
    with admin(state) as database:  # tipg makes functions at each connection, and asks PostGIS for extents
        database.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO event_owner")
        database.execute("GRANT USAGE ON LANGUAGE plpgsql, sql TO event_owner")
        database.execute("ALTER ROLE event_loader CONNECTION LIMIT 20")
    known = conninfo(state, "event_loader")
    variables = {
        "DATABASE_URL": "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**known),
        "TIPG_DB_SCHEMAS": '["data"]',
        "DB_MIN_CONN_SIZE": str(CONNECTIONS),
        "DB_MAX_CONN_SIZE": str(CONNECTIONS),
    }
    command = [str(python), "-m", "uvicorn", "tipg.main:app", "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen(command, env=os.environ | variables)
    try:
        _wait(f"http://127.0.0.1:{port}/healthz", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("tipg did not start") from None
            time.sleep(0.2)
        else:
            return


async def timed(server: Server, places: list[Place]) -> tuple[float, dict[Place, float]]:
    """Fetch tiles, so many at once; give the seconds of all, and of each."""
    waiting, each = iter(places), dict[Place, float]()

    async def work() -> None:
        for place in waiting:
            began = time.perf_counter()
            await server.tile(place)
            each[place] = time.perf_counter() - began

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    return time.perf_counter() - began, each
