"""Say what a failed query does not say by itself: which limit of the event it met and what helps."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import psycopg

from divebell.workspace.words import helpers

_MOST_CONNECTIONS = (
    "All connections you may have at once are taken. Other notebooks and terminals of yours hold some: shut "
    "down kernels you do not need. `divebell.engine()` keeps none open between two uses; an engine of "
    "create_engine() keeps up to 15."
)
_ENDED = (
    "The database ended this {what}. Nothing of it was kept. If you did not stop it yourself, it went beyond "
    "the event's limits: try it on fewer rows (LIMIT, WHERE), make an index for a join, commit sooner."
)
_BY_STATE = {
    "57P01": _ENDED.format(what="connection; the next one is a new one"),
    "57014": _ENDED.format(what="query"),
    "25P03": _ENDED.format(what="transaction, which had waited too long for its next statement"),
    "53300": _MOST_CONNECTIONS,
    "53100": "The disk that all volunteers' tables share is full. Drop tables of yours that you no longer "
    "need (`\\dt+ v_*.*` in psql shows their sizes), or ask {helpers}.",
    "53200": "The database had no memory left for this query. Try it on fewer rows or in smaller steps.",
    "53400": "The query needed more space for sorting and joining than one may take. Try it on fewer rows, "
    "or make an index for what is joined.",
}
_STATE_IN_TEXT = {
    "too many connections for role": "53300",
    "remaining connection slots are reserved": "53300",
    "terminating connection due to administrator command": "57P01",
    "canceling statement due to": "57014",
    "terminating connection due to idle-in-transaction timeout": "25P03",
    "could not extend file": "53100",
    "temporary file size exceeds": "53400",
}


def explain(error: BaseException) -> None:
    """Print what helps, where the error is one of the event's limits; nothing otherwise."""
    state = sqlstate(error)
    if state not in _BY_STATE:
        return
    said = watchdog_says() if state in {"57P01", "57014"} else None
    text = said or _BY_STATE[state].format(helpers=helpers(os.environ))
    print(f"\n{text}", file=sys.stderr, flush=True)


def sqlstate(error: BaseException) -> str | None:
    """Give the SQLSTATE behind an error, however libraries have wrapped it; None where there is none."""
    chain = list(_chain(error))
    for each in chain:
        state = getattr(each, "sqlstate", None) or getattr(each, "pgcode", None)
        if isinstance(state, str):
            return state
    for each in chain:
        for words, state in _STATE_IN_TEXT.items():
            if words in str(each):
                return state
    return None


def watchdog_says() -> str | None:
    """Give what the watchdog wrote about you in the last minute, None where it wrote nothing."""
    try:
        with psycopg.connect("", connect_timeout=3) as connection:
            row = connection.execute(
                "SELECT what, detail FROM watch.mine WHERE last_at > now() - interval '1 minute'"
                " ORDER BY last_at DESC LIMIT 1"
            ).fetchone()
    except psycopg.Error:
        return None
    return f"The event's watchdog: {row[1] or row[0]}" if row else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give an error and those it came from."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        sources = (getattr(each, "orig", None), each.__cause__, each.__context__)
        waiting.extend(source for source in sources if isinstance(source, BaseException))
