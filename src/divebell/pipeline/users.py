"""Who has built something on an event's tables: views, foreign keys, functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from divebell.pipeline.catalogue import Connection, query


@dataclass(frozen=True)
class User:
    """One object that uses a table, such as a volunteer's view."""

    kind: str
    """view, materialised view, table, function, type, policy or rule."""
    name: str
    owner: str
    columns: frozenset[str]
    """Those of the table that it uses by name; none where it uses rows as a whole."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name} (of {self.owner})"


def users(connection: Connection, table: str) -> tuple[User, ...]:
    """Give what uses a table of schema `data`."""
    return all_users(connection, table).get(table, ())


def all_users(connection: Connection, table: str | None = None) -> dict[str, tuple[User, ...]]:
    """Give what uses each table of schema `data`, or the one given; tables that nothing uses are left out."""
    found: dict[str, tuple[User, ...]] = {}
    for used, kind, name, owner, columns in connection.execute(query("dependents"), {"table": table}):
        found[used] = (*found.get(used, ()), User(kind, name, owner, frozenset(columns)))
    return found


def listed(found: Iterable[User]) -> str:
    """Name them in words."""
    return ", ".join(str(one) for one in found) or "something in the database"
