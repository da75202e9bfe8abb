"""A table that others have built on stays itself and gets the columns and rows of a staged one.

Rows are compared by their key, and only those that differ are written: a row that a foreign key refers to
stays in place, and who began to read before goes on seeing what was there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from divebell.errors import DivebellError
from divebell.pipeline.catalogue import Connection
from divebell.pipeline.names import index_name
from divebell.pipeline.reading.encode import KEY
from divebell.pipeline.stage import where
from divebell.pipeline.users import User, listed, users
from divebell.readers import GEOMETRY_COLUMN

SECONDS_FOR_LOCKS = 1
SECONDS_FOR_REFERENCES = 120
"""How long rows that are gone may be looked for in volunteers' tables that refer to them."""
BYTES_AT_ONCE = 8 * 1024**2
"""Tables up to this size get new columns and their rows while readers wait, which takes a moment."""


class PostponedError(DivebellError):
    """Somebody's work stands in the way for now; trying again later may succeed."""


@dataclass(frozen=True)
class Refill:
    """How the columns of a table in `data` become those of the staged one: name -> type in each."""

    table: str
    old: dict[str, str]
    new: dict[str, str]
    users: tuple[User, ...]
    size: int
    """Bytes of the staged rows."""

    @property
    def retyped(self) -> list[str]:
        """Columns that keep their name but not their type."""
        return [name for name in self.new if name in self.old and self.old[name] != self.new[name]]

    @property
    def arriving(self) -> list[str]:
        """Columns that are not there yet, or not with their type."""
        return [name for name in self.new if self.old.get(name) != self.new[name]]

    @property
    def gone(self) -> list[str]:
        """Columns that the new table has not, nor needs on the way."""
        return [name for name in self.old if name not in {*self.new, *map(_meanwhile, self.arriving)}]

    @property
    def missing(self) -> dict[str, str]:
        """Columns to be made before rows can come, by the name they have until then."""
        wanted = {self.place(name): kind for name, kind in self.new.items()}
        return {place: kind for place, kind in wanted.items() if self.old.get(place) != kind}

    @property
    def changes_columns(self) -> bool:
        """Whether readers have to be kept out for a moment."""
        return bool(self.arriving or self.gone)

    def place(self, name: str) -> str:
        """Give the column that a new column's values are written to."""
        return _meanwhile(name) if name in self.arriving else name


def refill(connection: Connection, table: str) -> Refill:
    """Compare the table in `data` with the staged one. Raises PostponedError for a column still needed."""
    found = users(connection, table)
    row: Any = connection.execute(
        "SELECT pg_table_size(%s::regclass)", (where("stage", table).as_string(connection),)
    ).fetchone()
    plan = Refill(
        table, columns(connection, "data", table), columns(connection, "stage", table), found, row[0]
    )
    lost = {*plan.gone, *plan.retyped}
    if blocking := [user for user in found if user.columns & lost]:
        used = ", ".join(sorted(lost.intersection(*[set().union(*(user.columns for user in blocking))])))
        raise PostponedError(
            f"its columns changed, and {listed(blocking)} still uses the old ones ({used}) of table "
            f"'{table}'; the old table stays until that is changed or dropped"
        )
    return plan


def columns(connection: Connection, schema: str, table: str) -> dict[str, str]:
    """Give the columns of a table with their types, in order."""
    rows = connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        (where(schema, table).as_string(connection),),
    )
    return dict(rows.fetchall())


def widen(connection: Connection, plan: Refill) -> None:
    """Make the columns that are missing, under another name. What stands in their place is dropped."""
    stale = [name for name in plan.missing if name in plan.old]
    parts = [sql.SQL("DROP COLUMN {}").format(sql.Identifier(name)) for name in stale]
    parts += [
        sql.SQL("ADD COLUMN {} {}").format(sql.Identifier(name), _type(kind))
        for name, kind in plan.missing.items()
    ]
    _alter(connection, plan, parts)


def write_rows(connection: Connection, plan: Refill) -> None:
    """Make the rows those of the staged table. Nobody waits for this; nobody sees it before it is done."""
    _delete_surplus(connection, plan)
    _update_changed(connection, plan)
    target = where("data", plan.table)
    connection.execute(
        sql.SQL(
            "INSERT INTO {target} ({}) SELECT {} FROM {} AS s "
            "WHERE NOT EXISTS (SELECT FROM {target} AS t WHERE t.row_id = s.row_id)"
        ).format(
            sql.SQL(", ").join(sql.Identifier(plan.place(name)) for name in plan.new),
            _list("s", list(plan.new)),
            where("stage", plan.table),
            target=target,
        )
    )
    if GEOMETRY_COLUMN in plan.arriving:
        index = sql.Identifier(index_name(plan.table, "new geom"))
        column = sql.Identifier(plan.place(GEOMETRY_COLUMN))
        connection.execute(sql.SQL("CREATE INDEX {} ON {} USING gist ({})").format(index, target, column))
    _describe(connection, plan)
    connection.execute(sql.SQL("ANALYZE {}").format(target))


def narrow(connection: Connection, plan: Refill) -> None:
    """Take away the old columns, and give the new ones their names."""
    gone = [*plan.gone, *plan.retyped]
    _alter(connection, plan, [sql.SQL("DROP COLUMN {}").format(sql.Identifier(name)) for name in gone])
    target = where("data", plan.table)
    for name in plan.arriving:
        connection.execute(
            sql.SQL("ALTER TABLE {} RENAME {} TO {}").format(
                target, sql.Identifier(_meanwhile(name)), sql.Identifier(name)
            )
        )
    connection.execute(
        sql.SQL("ALTER INDEX IF EXISTS {} RENAME TO {}").format(
            sql.Identifier("data", index_name(plan.table, "new geom")),
            sql.Identifier(index_name(plan.table, GEOMETRY_COLUMN)),
        )
    )


def _describe(connection: Connection, plan: Refill) -> None:
    """Carry the comments of the staged table over."""
    old, new = (
        _comments(connection, where(schema, plan.table).as_string(connection)) for schema in ("data", "stage")
    )
    for column, text in new.items():
        place = plan.place(column) if column else None
        if old.get(place) == text:
            continue
        kind = sql.SQL("COLUMN" if place else "TABLE")
        target = sql.Identifier("data", plan.table, *([place] if place else []))
        connection.execute(sql.SQL("COMMENT ON {} {} IS {}").format(kind, target, sql.Literal(text)))


def _comments(connection: Connection, table: str) -> dict[str | None, str | None]:
    """Give the comments of a table's columns, and under None its own."""
    rows = connection.execute(
        "SELECT NULL, obj_description(%(of)s::regclass, 'pg_class') UNION ALL "
        "SELECT attname, col_description(attrelid, attnum) FROM pg_attribute "
        "WHERE attrelid = %(of)s::regclass AND attnum > 0 AND NOT attisdropped",
        {"of": table},
    )
    return dict(rows.fetchall())


def _update_changed(connection: Connection, plan: Refill) -> None:
    """Write the rows that differ, to the last bit."""
    names = [(plan.place(name), name) for name in plan.new if name != KEY]
    if not names:
        return
    assignment = sql.SQL("{} = s.{}")
    connection.execute(
        sql.SQL(
            "UPDATE {} AS t SET {} FROM {} AS s "
            "WHERE t.row_id = s.row_id AND record_image_ne(ROW({}), ROW({}))"
        ).format(
            where("data", plan.table),
            sql.SQL(", ").join(
                assignment.format(sql.Identifier(to), sql.Identifier(name)) for to, name in names
            ),
            where("stage", plan.table),
            _list("t", [to for to, _ in names]),
            _list("s", [name for _, name in names]),
        )
    )


def _delete_surplus(connection: Connection, plan: Refill) -> None:
    statement = sql.SQL(
        "DELETE FROM {} AS t WHERE NOT EXISTS (SELECT FROM {} AS s WHERE s.row_id = t.row_id)"
    ).format(where("data", plan.table), where("stage", plan.table))
    referring = listed(user for user in plan.users if user.kind == "table")
    try:
        # Deferred foreign keys would refuse at the very end; and a referring table that is locked stops all.
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(f"{SECONDS_FOR_LOCKS}s"))
        connection.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(f"{SECONDS_FOR_REFERENCES}s"))
        connection.execute(statement)
        connection.execute("SET LOCAL statement_timeout = DEFAULT")
    except psycopg.errors.ForeignKeyViolation as error:
        place = f"{error.diag.schema_name}.{error.diag.table_name}"
        culprit = [user for user in plan.users if user.name == place]
        raise PostponedError(
            f"it has fewer rows now, and {listed(culprit or plan.users)} refers to one that is gone from "
            f"table '{plan.table}'; the old table stays until that row is no longer referred to"
        ) from None
    except psycopg.errors.QueryCanceled:
        raise PostponedError(
            f"it has fewer rows now, and looking whether {referring} refers to those that are gone takes too "
            f"long; an index on the column that refers to '{plan.table}' makes it quick"
        ) from None


def _alter(connection: Connection, plan: Refill, parts: list[sql.Composed]) -> None:
    if not parts:
        return
    try:
        connection.execute(
            sql.SQL("ALTER TABLE {} {}").format(where("data", plan.table), sql.SQL(", ").join(parts))
        )
    except (
        psycopg.errors.DependentObjectsStillExist,
        psycopg.errors.FeatureNotSupported,
        psycopg.errors.TooManyColumns,
    ) as error:
        raise PostponedError(
            f"its columns changed, which {listed(plan.users)} does not allow: {error.diag.message_primary}; "
            f"the old table '{plan.table}' stays until that is changed or dropped"
        ) from None


def _meanwhile(name: str) -> str:
    """Name a column until it is filled; no file's column is called so."""
    return index_name(name, "new")


def _list(table: str, names: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(table, name) for name in names)


def _type(name: str) -> sql.SQL:
    """Types are those PostgreSQL itself gave, through format_type."""
    return sql.SQL(name)
