"""Who listens for changes goes on listening, whatever PostgreSQL says."""

import asyncio
import contextlib

import asyncpg

from divebell.web import pool


class Connection:
    """One on which the first attempt to listen takes PostgreSQL too long."""

    attempts = 0

    def add_termination_listener(self, _):
        return

    async def add_listener(self, *_):
        type(self).attempts += 1
        if self.attempts == 1:
            raise asyncpg.QueryCanceledError("canceling statement due to statement timeout")

    def terminate(self):
        return


def test_a_statement_that_took_too_long_does_not_end_the_listening(monkeypatch):
    async def connect(**_):
        return Connection()

    monkeypatch.setattr(asyncpg, "connect", connect)
    monkeypatch.setattr(pool, "connection_arguments", lambda *_: {})
    monkeypatch.setattr(pool, "LISTEN_AGAIN_AFTER", 0.0)

    async def story():
        heard = asyncio.Event()
        listening = asyncio.create_task(pool.listen(None, "catalogue", heard.set))
        await asyncio.wait(
            {listening, asyncio.ensure_future(heard.wait())}, return_when=asyncio.FIRST_COMPLETED
        )
        assert heard.is_set()
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening

    asyncio.run(story())
    assert Connection.attempts == 2
