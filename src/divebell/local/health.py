"""Ask each part of a running event over its real interface whether it works."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import psycopg

from divebell.database import catalogue, connect, interventions
from divebell.errors import DivebellError
from divebell.event import Ports, State
from divebell.local.programs import PARTS

PATIENCE = 5.0
"""Seconds a part may take to answer."""


@dataclass(frozen=True)
class PartStatus:
    """What one part answered."""

    name: str
    ready: bool
    """Whether it does its work; a part may answer and say that it cannot."""
    detail: str
    seconds: float
    """How long the answer took."""
    answers: bool = False
    """Whether it was reached at all."""


class _CannotWorkError(Exception):
    """A part answers, and what it says is that it cannot do its work."""


def check_parts(state: State, ports: Ports) -> tuple[PartStatus, ...]:
    """Ask every part at once; takes at most a few seconds even when all are away."""
    base = f"http://127.0.0.1:{ports.proxy}"
    probes: dict[str, Callable[[], str]] = {
        "postgres": lambda: _postgres(state),
        "proxy": lambda: _proxy(base),
        "hub": lambda: _page(f"{base}/hub/health"),
        "web": lambda: _page(f"{base}/services/event/health"),
        "loader": lambda: _loader(state),
        "watchdog": lambda: _watchdog(state),
    }
    with ThreadPoolExecutor(len(PARTS)) as pool:
        return tuple(pool.map(lambda part: _ask(part, probes[part]), PARTS))


def _ask(part: str, probe: Callable[[], str]) -> PartStatus:
    started = time.perf_counter()
    answers = ready = True
    try:
        detail = probe()
    except _CannotWorkError as error:
        detail, ready = str(error), False
    except (DivebellError, httpx.HTTPError, psycopg.Error) as error:
        detail = (str(error) or type(error).__name__).splitlines()[0]
        answers = ready = False
    return PartStatus(part, ready, detail, round(time.perf_counter() - started, 3), answers)


def _postgres(state: State) -> str:
    with connect(state, "event_web", connect_timeout=int(PATIENCE)) as connection:
        row = connection.execute("SELECT current_setting('server_version'), postgis_lib_version()").fetchone()
    if row is None:
        raise DivebellError("PostgreSQL gave no answer")
    return f"PostgreSQL {str(row[0]).split()[0]}, PostGIS {row[1]}"


def _proxy(base: str) -> str:
    """Any answer will do: what lies behind is asked for itself."""
    httpx.get(f"{base}/hub/health", timeout=PATIENCE)
    return base


def _page(address: str) -> str:
    answer = httpx.get(address, timeout=PATIENCE)
    if answer.status_code != httpx.codes.OK:
        raise DivebellError(f"answers {answer.status_code} at {address}")
    return address


def _loader(state: State) -> str:
    with connect(state, "event_web", connect_timeout=int(PATIENCE)) as connection:
        said, listing = catalogue.loader(connection), catalogue.listing(connection)
    if said.away:
        raise DivebellError(f"last heard of {said.silent:.0f} s ago")
    if said.activity == "failing":
        raise _CannotWorkError(f"failing: {said.detail.splitlines()[0] if said.detail else ''}")
    words = f"{said.activity}{f': {said.detail}' if said.detail else ''}; {len(listing.datasets)} tables"
    return words + (f", {len(listing.failed)} files could not be loaded" if listing.failed else "")


def _watchdog(state: State) -> str:
    with connect(state, "event_web", connect_timeout=int(PATIENCE)) as connection:
        said = interventions.watchdog(connection)
    if said.away:
        raise DivebellError(f"last heard of {said.silent:.0f} s ago")
    return f"{said.detail}; {said.interventions} interventions within an hour"
