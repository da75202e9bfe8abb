"""Tables of the event keep their places while a backup reads them: the loader waits before it swaps any.

The loader would otherwise ask again and again for tables that the dump holds until its end, with every
reader waiting behind it, and give up after half a minute.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg

LOCK = 0x6469_7665_6475_6D70
"""Advisory lock held by a backup while it reads: 'divedump' in ASCII."""
LOOK_AGAIN_SECONDS = 0.5
PATIENCE_SECONDS = 1800.0


def keep_still(server: psycopg.Connection[Any]) -> None:
    """Have the loader wait until this connection is closed; a swap under way is let to its end first."""
    server.execute("SELECT pg_advisory_lock(%s)", (LOCK,))


def wait_while_read(connection: psycopg.Connection[Any], patience: float = PATIENCE_SECONDS) -> None:
    """Wait until no backup reads the tables; nobody waits behind us meanwhile.

    `connection` is in autocommit. Returns after `patience` seconds whatever is going on.
    """
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        row = connection.execute("SELECT pg_try_advisory_xact_lock_shared(%s)", (LOCK,)).fetchone()
        if row and row[0]:
            return
        time.sleep(LOOK_AGAIN_SECONDS)


def hold_off(connection: psycopg.Connection[Any]) -> None:
    """Keep backups from beginning to read until our transaction ends.

    Raises psycopg.errors.LockNotAvailable where one has begun and `lock_timeout` is over.
    """
    connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", (LOCK,))
