"""The web app's connections to PostgreSQL: lazily opened, reopened after the database was away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import asyncpg

from divebell.database import conninfo
from divebell.event import State

PORTAL, TILES, DRAFTS, TABLES = "event_web", "event_tiles", "event_drafts", "tables"
"""The portal's role knows people; what volunteers share is read by the maps' alone, which knows nobody.

What is not shared is read, for those who may, by `event_drafts`. Nobody signs in as it: the portal's role
becomes it. It can read every table, so it must never run what somebody else wrote: views are refused to it.
They are refused to `tables` too, the role of maps once more: what runs nobody's code needs no cleaning.
"""
SIGNS_IN_AS = {DRAFTS: PORTAL, TABLES: TILES}
LARGEST = {PORTAL: 5, TILES: 4, DRAFTS: 4, TABLES: 9}
LISTEN_AGAIN_AFTER = 1.0
CLIENT_TIMEOUT = 20.0
"""Seconds after which a query is given up on this side; the role's statement_timeout comes first."""

_SETTINGS = {
    "jit": "off",
    # PostGIS names its functions so dear that a tile of a thousand shapes is read by two processes, from the
    # whole table instead of from its index: 22 ms instead of 3
    "max_parallel_workers_per_gather": "0",
    "plan_cache_mode": "force_custom_plan",
    "search_path": "public",
    "row_security": "off",
    "work_mem": "24MB",  # a grid of a million points gathers them in memory
}

_NO_VIEWS = {"restrict_nonsystem_relation_kind": "view, foreign-table"}

log = logging.getLogger(__name__)

AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    OSError,
)
"""What asyncpg raises when the database is not there (any more)."""


def connection_arguments(state: State, role: str) -> dict[str, Any]:
    """Give asyncpg's arguments for one of the web app's roles."""
    known = conninfo(state, SIGNS_IN_AS.get(role, role))
    known["database"] = known.pop("dbname")
    settings = {**_SETTINGS, "application_name": f"divebell {role.removeprefix('event_')}"}
    if role in SIGNS_IN_AS:
        settings |= _NO_VIEWS
    if role == DRAFTS:
        settings["role"] = DRAFTS
    return {**known, "timeout": 5, "command_timeout": CLIENT_TIMEOUT, "server_settings": settings}


async def open_pool(state: State, role: str) -> Any:
    """Give a pool that connects when it is first used, so that web starts without the database too."""
    return await asyncpg.create_pool(
        **connection_arguments(state, role),
        min_size=0,
        init_size=0,
        max_size=LARGEST[role],
        reset=_leave if role in SIGNS_IN_AS else _reset,
    )


async def _reset(connection: Any) -> None:
    # asyncpg's own reset calls functions that are taken from everyone (advisory locks).
    # RESET ALL keeps the role, which a function in a volunteer's view can set.
    await connection.execute("RESET ROLE; RESET ALL")


async def _leave(_: Any) -> None:
    """Leave a connection as it is."""


async def listen(state: State, channel: str, changed: Callable[[], None]) -> None:
    """Call `changed` for each notification, and once after each reconnect. Runs until cancelled."""
    while True:
        try:
            connection = await asyncpg.connect(**connection_arguments(state, PORTAL))
        except (*AWAY, asyncpg.PostgresError, TimeoutError):
            await asyncio.sleep(LISTEN_AGAIN_AFTER)
            continue
        ended = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _, ended=ended: ended.set())
            await connection.add_listener(channel, lambda *_: changed())
            changed()
            await ended.wait()
            log.warning("the database went away; listening again")
        except (*AWAY, asyncpg.PostgresError, TimeoutError):
            await asyncio.sleep(LISTEN_AGAIN_AFTER)
        finally:
            connection.terminate()
