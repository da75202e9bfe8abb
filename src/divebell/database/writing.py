"""A transaction that may write, for a role whose sessions only read unless they say otherwise."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def writing(pool: Any) -> AsyncIterator[Any]:
    """Give a connection of an asyncpg pool in a transaction that writes; what raises within undoes it all."""
    async with pool.acquire() as connection:
        await connection.execute("BEGIN READ WRITE")
        try:
            yield connection
        except BaseException:
            await connection.execute("ROLLBACK")
            raise
        await connection.execute("COMMIT")
