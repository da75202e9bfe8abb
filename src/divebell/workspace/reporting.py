"""Tell the event how the copy of this server's owner stands, for the portal: one row of their own."""

from __future__ import annotations

import psycopg

from divebell.workspace.copy_words import Standing, incomplete, news

MOST_NAMES = 20
_LONGEST, _LONGEST_NEWS = 200, 500
_SECONDS = 5


def report(standing: Standing) -> None:
    """Write it down with one short connection. Raises OSError while the database cannot be told."""
    missing = len(standing.linked) + len(standing.behind)
    try:
        with psycopg.connect("", connect_timeout=_SECONDS, autocommit=True) as connection:
            connection.execute(
                "CALL copies.tell(%s, %s, %s, %s, %s, %s, %s)",
                [
                    standing.files,
                    len(standing.yours),
                    len(standing.conflicts),
                    missing,
                    names([*standing.conflicts]),
                    plain(incomplete(standing))[:_LONGEST],
                    plain(news(standing.arrived))[:_LONGEST_NEWS],
                ],
            )
    except psycopg.Error as error:
        raise OSError(str(error)) from error


def names(paths: list[str]) -> list[str]:
    """Give a few of them, as far as they are short."""
    found = [plain(path) for path in paths[:MOST_NAMES]]
    return [path if len(path) <= _LONGEST else f"…{path[1 - _LONGEST :]}" for path in found]


def plain(text: str) -> str:
    """Give a text that PostgreSQL can write down: a file's name may be no text at all."""
    return text.encode(errors="replace").decode().replace("\x00", "")
