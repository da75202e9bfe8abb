"""Tiles: divebell through its whole stack beside bare connections with the same SQL, and tipg.

A million points, 200,000 hexagons and real counties lie in the database of an event that is up. Whoever asks
for tiles is signed in: each request to divebell goes through its proxy, its session check and its grants, and
comes compressed. The floor runs the very statements divebell runs, through four bare asyncpg connections,
without HTTP. tipg runs beside it in an environment of its own, on the same database, without sign-in, and
gives the styled column alone, as divebell does.

Each round all three make the same tiles, which none of them has made before (`uncached`), in shuffled order,
four at a time: at every zoom from 0 to 14, where rows are. Then divebell and tipg make them once more
(`cached`). At the end fifty people pan over one map at once; who pans on does not wait for tiles that have
not come.

The three do not always do the same, and two ratios more say what is left where they do. The floor makes every
tile from the table; divebell gathers a layer in memory once its cells have cost enough, within the rounds,
and then makes cells without the table: `same_sql_vs_floor` is of the tiles of every feature alone, which are
one statement for both. tipg stops at 10,000 features and leaves out the rest, divebell counts them:
`vs_tipg_same_features` is of the tiles in which both give every feature.

Ratios are of medians over rounds: `uncached_vs_floor` = floor's seconds / divebell's, `vs_tipg` and
`cached_vs_tipg` = tipg's / divebell's (above 1: divebell is faster), `p95_vs_floor` = divebell's p95 / the
floor's; of some tiles only, of the sums of what one waited for each. `z0_points_s` and `z0_points_mb`: the
tile of all points at zoom 0, best of three, made from the table; `z0_gathered_s`: the same from memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from contenders.event import Event, running_event
from contenders.herd.volunteer import Hub, Volunteer
from contenders.tiles.data import Place, Views, make
from contenders.tiles.servers import OURS, THEIRS, TIPG_FEATURES, Floor, Server, Web, floor, timed, tipg
from divebell.event import Ports, load_secrets

PEOPLE, STEPS = 50, 4
AT_THE_DOOR = 10
"""How many sign in at once."""
LOOK_SECONDS = 0.25
"""How long one looks before moving on."""


def main() -> int:
    """Run the benchmark and print what it found."""
    args = _arguments()
    with running_event() as event:
        make(event.connection, points=args.points, polygons=args.polygons)
        with tipg(event.state) as address:
            facts = asyncio.run(_measured(event, address, args))
    print(json.dumps(facts) if args.json else "\n".join(f"{name}: {value}" for name, value in facts.items()))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--polygons", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--tiles", type=int, default=150, help="tiles of each round (150)")
    parser.add_argument("--quick", action="store_true", help="two rounds of 60 tiles")
    parser.add_argument("--json", action="store_true", help="print all as JSON")
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.tiles = 2, 60
    return args


async def _measured(event: Event, address: str, args: argparse.Namespace) -> dict[str, Any]:
    hub = Hub(f"http://127.0.0.1:{Ports.load(event.state).proxy}", load_secrets(event.state).event_password)
    views = Views(event.connection)
    async with (
        Volunteer(hub, "measurer") as person,
        aiohttp.ClientSession(address) as their_session,
        floor(event.state) as bare,
    ):
        await person.open_event()
        ours, theirs = Web("divebell", person.session, OURS), Web("tipg", their_session, THEIRS)
        await _warm(bare, ours, theirs, views)
        found = await _rounds((bare, ours, theirs), views, args)
        zero = await _zero(ours)
    panning = {
        "divebell": await _panning(views, hub=hub),
        "tipg": await _panning(views, address=address),
    }
    return _facts(found) | {"panning": panning} | zero


async def _warm(bare: Floor, ours: Web, theirs: Web, views: Views) -> None:
    """Let everybody look at each table once, so that nobody's first look is measured."""
    places = views.some(12)
    await bare.prepare(places)
    for server in (theirs, bare, ours):
        await timed(server, places)


@dataclass(frozen=True)
class Rounds:
    """Seconds of each round, by server: of all tiles, of the slowest one in twenty, and sums for some."""

    uncached: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cached: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    slowest: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    same_sql: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    same_features: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


async def _rounds(servers: tuple[Floor, Web, Web], views: Views, args: argparse.Namespace) -> Rounds:
    bare, ours, theirs = servers
    found, shuffled = Rounds(), random.Random(1)
    for turn in range(args.rounds):
        places = views.some(args.tiles)
        await bare.prepare(places)
        order: list[Server] = list(servers)
        shuffled.shuffle(order)
        waits: dict[str, dict[Place, float]] = {}
        for server in order:
            seconds, waits[server.name] = await timed(server, places)
            found.uncached[server.name].append(seconds)
            found.slowest[server.name].append(statistics.quantiles(waits[server.name].values(), n=20)[-1])
            print(f"round {turn + 1}: {server.name}: {len(places)} tiles in {seconds:.2f} s", file=sys.stderr)
        for name, each in waits.items():
            whole = [place for place in places if place in bare.whole]
            found.same_sql[name].append(sum(each[place] for place in whole))
            few = [place for place in whole if bare.whole[place] <= TIPG_FEATURES]
            found.same_features[name].append(sum(each[place] for place in few))
        for web in (ours, theirs):
            found.cached[web.name].append((await timed(web, places))[0])
    return found


async def _zero(ours: Web) -> dict[str, float]:
    """Time the tile of all points: for columns nobody has looked at, and for the one that is gathered."""
    table, size = await _best(ours, ("id", "kind", "id&stat=max"))
    gathered, _ = await _best(ours, ("rate&stat=sum", "rate&stat=min", "rate&stat=max"))
    return {
        "z0_points_s": round(table, 3),
        "z0_points_mb": round(size / 1e6, 3),
        "z0_gathered_s": round(gathered, 3),
    }


async def _best(ours: Web, columns: tuple[str, ...]) -> tuple[float, int]:
    seconds, size = [], 0
    for column in columns:
        address = Web(ours.name, ours.session, OURS.replace("{column}", column))
        began = time.perf_counter()
        size = await address.tile(Place("points", 0, 0, 0))
        seconds.append(time.perf_counter() - began)
    return min(seconds), size


async def _panning(views: Views, *, hub: Hub | None = None, address: str = "") -> dict[str, float]:
    """Let fifty people pan over one map; give how long a window took to fill, and how often it did not."""
    walks = [views.walk("points", STEPS) for _ in range(PEOPLE)]
    people = [Volunteer(hub, f"panner{number}") for number in range(PEOPLE)] if hub else []
    for first in range(0, len(people), AT_THE_DOOR):
        await asyncio.gather(*(one.open_event() for one in people[first : first + AT_THE_DOOR]))
    sessions = [one.session for one in people] or [aiohttp.ClientSession(address) for _ in range(PEOPLE)]
    servers = [Web("panning", session, OURS if hub else THEIRS) for session in sessions]
    filled: list[float] = []
    left = refused = 0

    async def pan(server: Web, walk: list[list[Place]], late: float) -> None:
        nonlocal left, refused
        await asyncio.sleep(late)
        for number, window in enumerate(walk):
            began = time.perf_counter()
            last = number == len(walk) - 1
            tiles = asyncio.gather(*(server.tile(place) for place in window))
            try:
                await asyncio.wait_for(tiles, None if last else LOOK_SECONDS * 4)
                filled.append(time.perf_counter() - began)
                await asyncio.sleep(LOOK_SECONDS)
            except TimeoutError:
                left += 1
            except RuntimeError as error:  # a part of the event was too busy to answer
                refused += 1
                print(error, file=sys.stderr)

    began = time.perf_counter()
    await asyncio.gather(
        *(pan(one, walk, i * 0.02) for i, (one, walk) in enumerate(zip(servers, walks, strict=True)))
    )
    seconds = time.perf_counter() - began
    for session in sessions:
        await session.close()
    return {
        "window_median_s": round(statistics.median(filled), 3),
        "window_p95_s": round(statistics.quantiles(filled, n=20)[-1], 3),
        "windows_left_unfilled": left,
        "windows_refused": refused,
        "all_s": round(seconds, 1),
    }


def _facts(found: Rounds) -> dict[str, Any]:
    """Compute medians and ratios: each round's ratio, then their median, for the machine may be busy."""

    def ratio(of: list[float], to: list[float]) -> float:
        return round(statistics.median(one / other for one, other in zip(of, to, strict=True)), 2)

    def medians(of: dict[str, list[float]], unit: float = 1.0) -> dict[str, float]:
        return {name: round(unit * statistics.median(seconds), 3) for name, seconds in of.items()}

    return {
        "uncached_vs_floor": ratio(found.uncached["floor"], found.uncached["divebell"]),
        "same_sql_vs_floor": ratio(found.same_sql["floor"], found.same_sql["divebell"]),
        "vs_tipg": ratio(found.uncached["tipg"], found.uncached["divebell"]),
        "vs_tipg_same_features": ratio(found.same_features["tipg"], found.same_features["divebell"]),
        "cached_vs_tipg": ratio(found.cached["tipg"], found.cached["divebell"]),
        "p95_vs_floor": ratio(found.slowest["divebell"], found.slowest["floor"]),
        "median_s": medians(found.uncached),
        "cached_median_s": medians(found.cached),
        "p95_ms": medians(found.slowest, 1000),
    }


if __name__ == "__main__":
    sys.exit(main())
