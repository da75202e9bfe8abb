"""All volunteers of one run: they sign in, press Start within seconds, and wait for their cell's answer."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from contenders.herd.volunteer import Hub, Volunteer


@dataclass(frozen=True)
class Crowd:
    """How many come, how soon after each other, and how long one of them waits at most (all in seconds)."""

    users: int
    within: float
    limit: float


@dataclass
class Outcome:
    """What one volunteer saw, in seconds; None is what did not happen. `lab` and `cell` count from Start."""

    name: str
    sign_in: float | None = None
    lab: float | None = None
    cell: float | None = None
    problem: str = ""


@dataclass(frozen=True)
class Result:
    """What all saw, and the client's own CPU seconds."""

    outcomes: tuple[Outcome, ...]
    client_cpu: float


def send(crowd: Crowd, hub: Hub) -> Result:
    """Let everybody come; give what they saw."""
    began = time.process_time()
    outcomes = asyncio.run(_send(crowd, hub))
    return Result(tuple(outcomes), time.process_time() - began)


async def _send(crowd: Crowd, hub: Hub) -> list[Outcome]:
    async with AsyncExitStack() as stack:
        people = [
            await stack.enter_async_context(Volunteer(hub, f"person{number:03}"))
            for number in range(crowd.users)
        ]
        outcomes = [Outcome(person.name) for person in people]
        for step in (_sign_in, _work):
            steps = [
                _in_turn(step, person, outcome, crowd.limit)
                for person, outcome in zip(people, outcomes, strict=True)
            ]
            await _spread(steps, crowd.within)
    return outcomes


async def _spread(steps: list[Callable[[], Awaitable[None]]], within: float) -> None:
    """Begin the steps evenly over some seconds and wait for all."""

    async def later(number: int, step: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(within * number / len(steps))
        await step()

    await asyncio.gather(*(later(number, step) for number, step in enumerate(steps)))


def _in_turn(
    step: Callable[[Volunteer, Outcome], Awaitable[None]], person: Volunteer, outcome: Outcome, limit: float
) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        if outcome.problem:
            return
        try:
            async with asyncio.timeout(limit):
                await step(person, outcome)
        except Exception as error:  # noqa: BLE001 - whatever it is, this volunteer has no notebook
            outcome.problem = f"{type(error).__name__} {error}".strip()
            print(f"{outcome.name}: {outcome.problem}", file=sys.stderr, flush=True)

    return run


async def _sign_in(person: Volunteer, outcome: Outcome) -> None:
    began = time.perf_counter()
    await person.sign_in()
    outcome.sign_in = time.perf_counter() - began


async def _work(person: Volunteer, outcome: Outcome) -> None:
    clicked = time.perf_counter()
    await person.open_lab()
    outcome.lab = time.perf_counter() - clicked
    outcome.cell = await person.run_cell() - clicked
