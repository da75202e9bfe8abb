"""From a push to everybody's map: divebell beside a cron job that pulls and runs ogr2ogr.

A repository of 1,000 data files (200 points each) lies at a git host behind a token, over HTTPS. An event
follows it; somebody who is signed in has a map of one of its tables open. Each round one file is changed,
committed and pushed, and the git host tells the event as GitHub does. The time runs from the start of
`git push`, through the proxy, until the rows can be queried and the map has heard of the change and fetched
the tile anew. Then another file is pushed, and the peer's job runs at once, as if its minute had just come
(`peer_s`); on average its rows are there half a minute later.

`total_s`: all of it, `load_s`: the load of what changed as the catalogue says, `overhead_s`: the rest.
`steps`: seconds at which each step had happened. All are medians over rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import sys
import time
from datetime import datetime
from typing import Any

from contenders.herd.volunteer import Hub, Volunteer
from contenders.sync.cron import SCHEMA, WAIT_SECONDS, Cron, cron
from contenders.sync.following import ROWS, Following, following, path, points
from divebell.database import admin
from divebell.event import load_secrets
from git_host import git

_TILE = "/services/event/tiles/data.{table}/0/0/0.mvt"
_LINE = re.compile(r"^(\S+ \S+) (Fetching|Checking out|Loading)", re.MULTILINE)


def main() -> int:
    """Run the benchmark and print what it found."""
    args = _arguments()
    with following(args.files) as one:
        with admin(one.state, autocommit=True) as database:
            database.execute(f"CREATE SCHEMA {SCHEMA} AUTHORIZATION event_owner")
        rounds = asyncio.run(_rounds(one, cron(one), args))
    facts = _facts(rounds)
    print(json.dumps(facts) if args.json else "\n".join(f"{name}: {value}" for name, value in facts.items()))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="three rounds")
    parser.add_argument("--json", action="store_true", help="print all as JSON")
    args = parser.parse_args()
    if args.quick:
        args.rounds = 3
    return args


async def _rounds(one: Following, peer: Cron, args: argparse.Namespace) -> list[dict[str, float]]:
    rounds = []
    hub = Hub(one.address, load_secrets(one.state).event_password)
    async with Volunteer(hub, "measurer") as person:
        await person.open_event()
        for turn in range(1, args.rounds + 1):
            ours = await _pushed(one, person, turn, turn * 7 % args.files)
            theirs = _by_cron(one, peer, turn, (turn * 7 + 1) % args.files)
            rounds.append(ours | {"peer_s": theirs})
            print(f"round {turn}: {rounds[-1]}", file=sys.stderr)
    return rounds


async def _pushed(one: Following, person: Volunteer, turn: int, number: int) -> dict[str, float]:
    """Change a file while a map of it is open; give when each step had happened."""
    table = path(number).rpartition("/")[2].removesuffix(".csv")
    tile = _TILE.format(table=table)
    await _fetched(person, tile)
    stream = await _opened(person, table)
    commit = _committed(one, turn, number)
    began, clock = time.perf_counter(), time.time()
    steps: dict[str, float] = {}

    def step(name: str) -> None:
        steps[name] = round(time.perf_counter() - began, 3)

    async def queried() -> None:
        question = f"SELECT count(*) = {ROWS} FROM data.{table} WHERE depth = {turn}"
        await asyncio.to_thread(one.wait, question)
        step("queryable")

    async def seen() -> None:
        await _changed(stream)
        step("told")
        await _fetched(person, tile)
        step("drawn")

    await asyncio.to_thread(git, one.clone.folder, "push", "-q", "origin", "HEAD:main")
    step("pushed")
    await asyncio.to_thread(one.hook, commit)
    step("answered")
    await asyncio.gather(queried(), seen())
    stream.close()
    return {**steps, **_inside(one, clock), **_loaded(one, table, clock)}


async def _opened(person: Volunteer, table: str) -> Any:
    """Open the stream that a map listens to, past what it says at first."""
    stream = await person.session.get("/services/event/tiles/changes", params={"layer": f"data.{table}"})
    async for line in stream.content:
        if line == b"\n":
            return stream
    raise RuntimeError("the stream of changes ended")


async def _changed(stream: Any) -> None:
    async for line in stream.content:
        if line == b"event: changed\n":
            return
    raise RuntimeError("the stream of changes ended")


async def _fetched(person: Volunteer, tile: str) -> None:
    async with person.session.get(tile) as answer:
        await answer.read()
        if answer.status != 200:
            raise RuntimeError(f"no tile: {answer.status}")


def _committed(one: Following, turn: int, number: int) -> str:
    (one.clone.folder / path(number)).write_text(points(turn, number))
    git(one.clone.folder, "commit", "-q", "-a", "-m", f"Change {number}")
    return git(one.clone.folder, "rev-parse", "HEAD")


def _inside(one: Following, clock: float) -> dict[str, float]:
    """Give when the loader began with each of its own steps, as its log says."""
    log = (one.state.logs / "loader.log").read_text()
    began: dict[str, float] = {}
    for moment, what in _LINE.findall(log):
        at = datetime.strptime(moment, "%Y-%m-%d %H:%M:%S,%f").timestamp()  # noqa: DTZ007 - this machine's
        if at > clock:
            began[what.lower().replace(" ", "_")] = round(at - clock, 3)
    return began


def _loaded(one: Following, table: str, clock: float) -> dict[str, float]:
    """Give what the database says: how long the load took, when it was committed, when all was done with."""
    one.wait("SELECT count(*) = 0 FROM following.pass WHERE finished_at IS NULL")
    [(load, loaded, finished)] = one.connection.execute(
        "SELECT load_seconds, extract(epoch FROM loaded_at)::float8,"
        " (SELECT extract(epoch FROM max(finished_at))::float8 FROM following.pass)"
        " FROM catalogue.dataset WHERE table_name = %s",
        (table,),
    ).fetchall()
    return {"load_s": load, "swapped": round(loaded - clock, 3), "finished": round(finished - clock, 3)}


def _by_cron(one: Following, peer: Cron, turn: int, number: int) -> float:
    """Change another file and let the peer's job run; give the seconds until its rows can be queried."""
    table = path(number).rpartition("/")[2].removesuffix(".csv")
    commit = _committed(one, turn, number)
    began = time.perf_counter()
    git(one.clone.folder, "push", "-q", "origin", "HEAD:main")
    peer.run()
    one.wait(f"SELECT count(*) = {ROWS} FROM {SCHEMA}.{table} WHERE depth = {turn}")
    seconds = round(time.perf_counter() - began, 3)
    one.hook(commit)
    one.wait("SELECT coalesce(commit = %s, false) FROM catalogue.loader", commit)
    return seconds


def _facts(rounds: list[dict[str, float]]) -> dict[str, Any]:
    def median(name: str) -> float:
        return round(statistics.median(one[name] for one in rounds), 3)

    for one in rounds:
        one["total_s"] = max(one["queryable"], one["drawn"])
        one["overhead_s"] = one["total_s"] - one["load_s"]
    steps = sorted((name for name in rounds[0] if not name.endswith("_s")), key=median)
    return {
        **{name: median(name) for name in ("total_s", "load_s", "overhead_s", "peer_s")},
        "peer_with_waiting_s": median("peer_s") + WAIT_SECONDS,
        "steps": {name: median(name) for name in steps},
        "rounds": len(rounds),
        "load_average": round(os.getloadavg()[0], 1),
    }


if __name__ == "__main__":
    sys.exit(main())
