"""Pushes on their way to the loader, which alone writes to the repository; they meet in the database."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from divebell.database import writing

ANSWERED_SECONDS = 90.0
_LOOK_SECONDS = 0.1
_SEND_SECONDS = 60


class Pushes:
    """The way to the loader; `pool` is the portal's."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def taken(self, name: str) -> int:
        """Give how many bytes a person's pushes take by now."""
        return int(
            await self._pool.fetchval("SELECT bytes FROM branches.received WHERE name = $1", name) or 0
        )

    async def send(self, name: str, request: bytes) -> bytes | None:
        """Hand over a push and give git's answer: nothing where git broke off, None where none came."""
        try:
            which = await self._write("SELECT branches.ask($1, $2)", name, request)
        except asyncpg.ProgramLimitExceededError:
            return None
        try:
            return await self._answer(which)
        finally:
            await self._write("DELETE FROM branches.push WHERE id = $1 RETURNING 1", which)

    async def _answer(self, which: int) -> bytes | None:
        for _ in range(int(ANSWERED_SECONDS / _LOOK_SECONDS)):
            answer = await self._pool.fetchval("SELECT answer FROM branches.push WHERE id = $1", which)
            if answer is not None:
                return bytes(answer)
            await asyncio.sleep(_LOOK_SECONDS)
        return None

    async def _write(self, statement: str, *values: Any) -> Any:
        async with writing(self._pool) as connection:
            await connection.execute(f"SET LOCAL statement_timeout = '{_SEND_SECONDS}s'")
            return await connection.fetchval(statement, *values, timeout=_SEND_SECONDS)
