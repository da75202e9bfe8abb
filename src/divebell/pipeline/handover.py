"""Tables without reading anything: to a file of another name, or out of the way when their file is gone."""

from __future__ import annotations

import psycopg
from psycopg import sql

from divebell.pipeline import catalogue, swap
from divebell.pipeline.catalogue import Connection
from divebell.pipeline.names import index_name
from divebell.pipeline.plan import Adopt
from divebell.pipeline.reading.encode import KEY
from divebell.pipeline.repository import Commit
from divebell.pipeline.stage import where
from divebell.pipeline.users import users
from divebell.readers import GEOMETRY_COLUMN


def adopt(connection: Connection, step: Adopt, commit: Commit) -> bool:
    """Give tables to a file that has the contents of one that is gone; False when that cannot be done.

    Views and foreign keys follow a table that is renamed. Raises PostponedError while a table is in use.
    """
    renamed = [(old, new) for old, new in step.names if old != new]

    def attempt() -> None:
        swap.lock(connection, [old for old, _ in renamed])
        for old, new in renamed:
            _rename(connection, old, new)
        for old, new in step.names:
            catalogue.hand_over(connection, old, new, step.dataset.file, commit)
            _describe(connection, new)
        catalogue.forget_failure(connection, step.dataset.file)

    try:
        swap.patiently(connection, [old for old, _ in step.names], attempt)
    except (psycopg.errors.DuplicateTable, psycopg.errors.UndefinedTable, psycopg.errors.UniqueViolation):
        return False
    return True


def leave(connection: Connection, table: str, commit: Commit) -> bool:
    """Drop a table whose file is gone at `commit`; False when it only retires, for somebody's work uses it.

    Raises PostponedError while it is in use.
    """
    with connection.transaction():
        if retire(connection, table, commit):
            return False
        swap.drop(connection, table)
        catalogue.forget_tables(connection, [table])
    return True


def retire(connection: Connection, table: str, commit: Commit) -> bool:
    """Say that a table's file or layer is gone at `commit`, and whose work uses it; False: nobody's."""
    found = users(connection, table)
    catalogue.retire(connection, table, commit)
    catalogue.say_users(connection, table, [str(user) for user in found])
    return bool(found)


def _rename(connection: Connection, old: str, new: str) -> None:
    rename = sql.SQL("ALTER {} {} RENAME TO {}")
    connection.execute(rename.format(sql.SQL("TABLE"), where("data", old), sql.Identifier(new)))
    for purpose in (KEY, GEOMETRY_COLUMN):
        index = where("data", index_name(old, purpose))
        renamed = sql.Identifier(index_name(new, purpose))
        connection.execute(rename.format(sql.SQL("INDEX IF EXISTS"), index, renamed))


def _describe(connection: Connection, table: str) -> None:
    """Say on the table which file it is from now."""
    for file, layer in connection.execute(
        "SELECT file, layer FROM catalogue.dataset WHERE table_name = %s", (table,)
    ).fetchall():
        origin = file if layer is None else f"{file} [{layer}]"
        text = sql.Literal(catalogue.storable(origin))
        connection.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(where("data", table), text))
