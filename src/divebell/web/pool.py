"""The web app's connections to PostgreSQL: lazily opened, reopened after the database was away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import asyncpg

from divebell.database import conninfo
from divebell.event import State

ROLE = "event_web"
LARGEST = 10
LISTEN_AGAIN_AFTER = 1.0
CLIENT_TIMEOUT = 20.0
"""Seconds after which a query is given up on this side; the role's statement_timeout comes first."""

_SETTINGS = {
    "application_name": "divebell web",
    "jit": "off",
    "plan_cache_mode": "force_custom_plan",
    "search_path": "public",
    "row_security": "off",
    "work_mem": "24MB",  # a grid of a million points gathers them in memory
}

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


def connection_arguments(state: State) -> dict[str, Any]:
    """Give asyncpg's arguments for the web app's role."""
    known = conninfo(state, ROLE)
    known["database"] = known.pop("dbname")
    return {**known, "timeout": 5, "command_timeout": CLIENT_TIMEOUT, "server_settings": _SETTINGS}


async def open_pool(state: State) -> Any:
    """Give a pool that connects when it is first used, so that web starts without the database too."""
    return await asyncpg.create_pool(
        **connection_arguments(state), min_size=0, init_size=0, max_size=LARGEST, reset=_reset
    )


async def _reset(connection: Any) -> None:
    # asyncpg's own reset calls functions that are taken from everyone (advisory locks).
    # RESET ALL keeps the role, which a function in a volunteer's view can set.
    await connection.execute("RESET ROLE; RESET ALL")


async def listen(state: State, channel: str, changed: Callable[[], None]) -> None:
    """Call `changed` for each notification, and once after each reconnect. Runs until cancelled."""
    while True:
        try:
            connection = await asyncpg.connect(**connection_arguments(state))
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
        except AWAY:
            await asyncio.sleep(LISTEN_AGAIN_AFTER)
        finally:
            connection.terminate()
