"""Load a database from a backup beside the present one, compare it, and let it take its place in one instant.

What a volunteer wrote may run while rows are loaded: a check of a table calls functions as whoever loads it.
So rows are loaded as the owner of their table, who may do no more than before, and grants come afterwards,
lest somebody who took their own rights away could not be brought back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from divebell.backup.dump import fingerprint, schema_words
from divebell.backup.manifest import Database, Role, Table
from divebell.backup.rows import RowSum
from divebell.backup.tools import Tools, definitions
from divebell.database import admin
from divebell.database.connection import DATABASE
from divebell.database.migrate import migrations
from divebell.errors import DivebellError
from divebell.event import State

LOADED, ASIDE, BETWEEN = "event_loaded", "event_before_restore", "event_between"
SHOWN = 5
_ACL = re.compile(r"^\d+; \d+ \d+ (DEFAULT )?ACL (?!- SCHEMA )")


@dataclass(frozen=True)
class Compared:
    """How a database that was loaded compares with what the backup says of it."""

    tables: int
    rows: int
    wrong: tuple[str, ...]
    """What differs among the event's own tables."""
    volunteers: tuple[str, ...]
    """What differs among volunteers' tables."""
    notes: tuple[str, ...]
    """Definitions that differ, and what PostgreSQL complained of."""


def load(state: State, folder: Path, expected: Database) -> Compared:
    """Load the dump in `folder` into a database of its own and compare it. The present one stays as it is.

    Raises DivebellError where the event's own tables are not what they were, or a newer divebell made them.
    """
    tools = Tools.of(state)
    with admin(state, "postgres", autocommit=True) as server:
        _drop(server, LOADED)
        for role in expected.roles:
            _ensure_role(server, role)
        _create(server, LOADED)
    complaints = [words for stage in stages(tools, folder / "rows") for words in _run(tools, stage)]
    with admin(state, LOADED, autocommit=True) as database:
        _refuse_newer(database)
        compared = _compare(database, tools, folder, expected, complaints)
    if compared.wrong:
        raise DivebellError(
            f"the database that was loaded is not that of the backup: {'; '.join(compared.wrong[:SHOWN])}"
            + "".join(f"; {note}" for note in compared.notes[:SHOWN]),
            next_step="what was here is as before; make room if a disk is full, or try another --snapshot",
        )
    return compared


def swap(state: State) -> None:
    """Let the loaded database take the place of the present one, which is kept under another name."""
    with admin(state, "postgres", autocommit=True) as server:
        _drop(server, BETWEEN)
        there = {name for (name,) in server.execute("SELECT datname FROM pg_database").fetchall()}
        _disconnect(server)
        with server.transaction():
            _rename(server, DATABASE, BETWEEN if ASIDE in there else ASIDE)
            _rename(server, LOADED, DATABASE)
        _drop(server, BETWEEN)


def forget_earlier(state: State) -> None:
    """Drop the database that was here before."""
    with admin(state, "postgres", autocommit=True) as server:
        _drop(server, ASIDE)


def stages(tools: Tools, rows: Path) -> Iterator[list[str]]:
    """Give the commands that load a dump: definitions, rows as their owners, the rest with all grants."""
    restore = tools.command("pg_restore", "--dbname", LOADED)
    before, data, after = (_listing(tools, rows, section) for section in ("pre-data", "data", "post-data"))
    grants = [line for line in before if _ACL.match(line)]
    first = [line for line in before if line not in set(grants)]
    for name, lines, more in (
        ("definitions", first, ()),
        ("data", data, ("--use-set-session-authorization",)),
        ("rest", [*grants, *after], ()),
    ):
        chosen = rows.with_name(f"{name}.list")
        chosen.write_text("".join(f"{line}\n" for line in lines), "utf-8", "surrogateescape")
        yield [*restore, *more, "--use-list", str(chosen), str(rows)]


def _listing(tools: Tools, rows: Path, section: str) -> list[str]:
    command = [tools.binaries.program("pg_restore"), "--list", "--section", section, str(rows)]
    return [line for line in tools.run(command).stdout.splitlines() if not line.startswith(";")]


def _run(tools: Tools, command: Sequence[str]) -> list[str]:
    """Run one stage to its end: what one volunteer's table cannot do keeps nobody else's from coming back."""
    done = tools.run(command, fine=(0, 1))
    return [line for line in done.stderr.splitlines() if "error:" in line and "could not execute" in line]


def _ensure_role(server: psycopg.Connection[Any], role: Role) -> None:
    """Make a role that is missing, without a password: nobody signs in with what a backup knows."""
    there = {name for (name,) in server.execute("SELECT rolname FROM pg_roles").fetchall()}
    if role.name not in there:
        login = sql.SQL("LOGIN" if role.login else "NOLOGIN")
        server.execute(sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(role.name), login))
    for group in role.member_of:
        if group in there:
            server.execute(sql.SQL("GRANT {} TO {}").format(*map(sql.Identifier, (group, role.name))))


def _refuse_newer(database: psycopg.Connection[Any]) -> None:
    row = database.execute("SELECT max(number) FROM divebell.migration").fetchone()
    newest = migrations()[-1].number
    if row and row[0] is not None and row[0] > newest:
        raise DivebellError(
            f"a newer divebell made this backup (migration {row[0]}, this one knows {newest})",
            next_step="install that version, then restore; what was here is as before",
        )


def _compare(
    database: psycopg.Connection[Any], tools: Tools, folder: Path, expected: Database, complaints: list[str]
) -> Compared:
    database.execute("SET search_path = pg_catalog")
    database.execute("SET timezone = 'UTC'")
    database.execute("SET synchronize_seqscans = off")
    differing = [(table.schema, words) for table in expected.tables if (words := _table(database, table))]
    differing += [
        (each.schema, f"sequence {each.schema}.{each.name}")
        for each in expected.sequences
        if _counted(database, each.schema, each.name) != each.value
    ]
    return Compared(
        len(expected.tables),
        sum(table.rows for table in expected.tables),
        tuple(words for schema, words in differing if not schema.startswith("v_")),
        tuple(words for schema, words in differing if schema.startswith("v_")),
        (*_definitions(tools, folder, expected), *(line.strip()[:300] for line in complaints)),
    )


def _table(database: psycopg.Connection[Any], expected: Table) -> str | None:
    """Say how the rows of a table differ from what they were; None when they do not."""
    rows = RowSum()
    name = sql.Identifier(expected.schema, expected.name)
    columns = sql.SQL(", ").join(map(sql.Identifier, expected.columns))
    listed = sql.SQL("({})").format(columns) if expected.columns else sql.SQL("")
    try:
        with database.cursor().copy(sql.SQL("COPY {} {} TO STDOUT").format(name, listed)) as copy:
            for block in copy:
                rows.feed(bytes(block))
    except psycopg.Error as error:
        return f"table {expected.schema}.{expected.name}: {error.diag.message_primary or error}"
    if rows.count != expected.rows:
        return (
            f"table {expected.schema}.{expected.name}: {rows.count:,} rows, {expected.rows:,} in the backup"
        )
    if rows.checksum != expected.checksum:
        return f"table {expected.schema}.{expected.name}: as many rows, but other ones"
    return None


def _counted(database: psycopg.Connection[Any], schema: str, name: str) -> int | None:
    row = database.execute(
        "SELECT pg_sequence_last_value(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s AND c.relkind = 'S'",
        (schema, name),
    ).fetchone()
    return row[0] if row else -1


def _definitions(tools: Tools, folder: Path, expected: Database) -> list[str]:
    """Say which definitions differ; another major version writes them otherwise, which tells nothing."""
    if tools.binaries.version != expected.version:
        return []
    now = tools.run(tools.command("pg_dump", *schema_words(database=LOADED))).stdout
    if fingerprint(now) == expected.definitions:
        return []
    before = definitions((folder / "definitions.sql").read_text("utf-8", "surrogateescape"))
    lost, new = set(before) - set(definitions(now)), set(definitions(now)) - set(before)
    return [f"definition missing: {line}" for line in sorted(lost)] + [
        f"definition new: {line}" for line in sorted(new)
    ]


def _create(server: psycopg.Connection[Any], name: str) -> None:
    server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))


def _drop(server: psycopg.Connection[Any], name: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _rename(server: psycopg.Connection[Any], name: str, to: str) -> None:
    server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*map(sql.Identifier, (name, to))))


def _disconnect(server: psycopg.Connection[Any]) -> None:
    server.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = ANY(%s)",
        ([DATABASE, LOADED],),
    )
