"""Take the database as it is at one moment, while everybody works on."""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import IsolationLevel

from divebell.backup.manifest import Database, Role, Sequence, Table
from divebell.backup.rows import RowSum
from divebell.backup.store import GENTLY
from divebell.backup.tools import Tools, definitions
from divebell.database import admin
from divebell.database.connection import DATABASE
from divebell.database.stillness import keep_still
from divebell.errors import DivebellError
from divebell.event import State

TRIES = 3
"""A table that somebody drops between the first look and the lock on it ends a dump."""
ENOUGH = 256 * 1024**2
"""Bytes that must stay free beside the dump: the event's database needs some to go on."""
_END = b"\\.\n\n\n"
"""What pg_dump puts after the rows of a table."""
_TABLE_DATA = re.compile(r"^(\d+); \d+ (\d+) TABLE DATA ", re.MULTILINE)


def take(state: State, folder: Path) -> Database:
    """Write the database into `folder` (new) and say what is in it.

    Raises DivebellError where the server is away, there is no room, or a table is kept locked.
    """
    tools = Tools.of(state)
    for left in reversed(range(TRIES)):
        shutil.rmtree(folder, ignore_errors=True)
        try:
            return _take(tools, folder)
        except DivebellError:
            if not left:
                raise
    raise AssertionError  # pragma: no cover - the last try returns or raises


def _take(tools: Tools, folder: Path) -> Database:
    with moment(tools.state) as (database, snapshot):
        _require_room(database, folder)
        tables, roles = _tables(database), _roles(database)
        folder.mkdir(mode=0o700, parents=True)
        tools.run([*GENTLY, *tools.command("pg_dump", *dump_words(snapshot, folder / "rows"))])
        schema = tools.run(tools.command("pg_dump", *schema_words(snapshot))).stdout
    (folder / "definitions.sql").write_text(schema, "utf-8", "surrogateescape")
    listing = tools.run([tools.binaries.program("pg_restore"), "--list", str(folder / "rows")]).stdout
    return Database(
        version=tools.binaries.version,
        tables=tuple(_counted(folder / "rows", listing, tables)),
        sequences=tuple(_sequences(tools, folder / "rows", listing)),
        roles=roles,
        definitions=fingerprint(schema),
    )


@contextmanager
def moment(state: State) -> Iterator[tuple[psycopg.Connection[Any], str]]:
    """Hold one moment of the database for several programs, and the loader's swaps until they are done."""
    with admin(state, autocommit=True) as database:
        keep_still(database)
        database.execute("SET search_path = pg_catalog")
        database.isolation_level = IsolationLevel.REPEATABLE_READ
        database.read_only = True
        with database.transaction():
            row = database.execute("SELECT pg_export_snapshot()").fetchone()
            if row is None:
                raise DivebellError("PostgreSQL gave no snapshot")
            yield database, row[0]


def dump_words(snapshot: str, folder: Path) -> list[str]:
    """Give pg_dump's arguments for all rows and definitions; half-loaded tables are nobody's yet."""
    return [
        *("--format", "directory", "--compress", "1", "--file", str(folder)),
        *schema_words(snapshot)[1:],
    ]


def schema_words(snapshot: str | None = None, database: str = DATABASE) -> list[str]:
    """Give pg_dump's arguments for the definitions alone."""
    at = ["--snapshot", snapshot] if snapshot else []
    return ["--schema-only", *at, "--lock-wait-timeout", "30s", "--exclude-table", "stage.*", database]


def fingerprint(schema: str) -> str:
    """Give a hash over definitions that is the same for the same definitions."""
    text = "\n".join(definitions(schema))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _require_room(database: psycopg.Connection[Any], folder: Path) -> None:
    row = database.execute(
        "SELECT coalesce(sum(pg_table_size(c.oid)), 0)::bigint FROM pg_class c"
        " WHERE c.relkind = 'r' AND c.relnamespace <> 'stage'::regnamespace"
    ).fetchone()
    wanted, free = (row[0] if row else 0) + ENOUGH, shutil.disk_usage(folder.parent).free
    if free < wanted:
        raise DivebellError(
            f"a copy of the database needs up to {wanted / 1e9:.1f} GB for a while, and the disk of "
            f"{folder.parent} has {free / 1e9:.1f} GB left",
            next_step="make room there, then divebell backup; earlier backups are whole",
        )


def _tables(database: psycopg.Connection[Any]) -> dict[int, tuple[str, str, tuple[str, ...]]]:
    """Give the tables by oid, without those of extensions: a dump holds only what was added to them."""
    rows = database.execute(
        "SELECT c.oid, n.nspname, c.relname, coalesce(array_agg(a.attname ORDER BY a.attnum)"
        " FILTER (WHERE a.attgenerated = ''), '{}')::text[]"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE c.relkind = 'r' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'e'"
        " AND d.classid = 'pg_class'::regclass AND d.objid = c.oid) GROUP BY 1, 2, 3"
    )
    return {oid: (schema, name, tuple(columns)) for oid, schema, name, columns in rows.fetchall()}


def _roles(database: psycopg.Connection[Any]) -> tuple[Role, ...]:
    rows = database.execute(
        "SELECT r.rolname, r.rolcanlogin, coalesce(array_agg(g.rolname ORDER BY g.rolname)"
        " FILTER (WHERE g.oid IS NOT NULL), '{}')::text[]"
        " FROM pg_roles r LEFT JOIN pg_auth_members m ON m.member = r.oid"
        " LEFT JOIN pg_roles g ON g.oid = m.roleid"
        " WHERE r.rolname !~ '^pg_' AND NOT r.rolsuper GROUP BY 1, 2 ORDER BY 1"
    )
    return tuple(Role(name, login, tuple(member_of)) for name, login, member_of in rows.fetchall())


def _counted(
    rows: Path, listing: str, tables: dict[int, tuple[str, str, tuple[str, ...]]]
) -> Iterator[Table]:
    for entry, oid in _TABLE_DATA.findall(listing):
        if int(oid) not in tables:
            continue
        schema, name, columns = tables[int(oid)]
        count, checksum = _count(rows / f"{entry}.dat.gz")
        yield Table(schema, name, columns, count, checksum)


def _count(file: Path) -> tuple[int, str]:
    """Count the rows of one table's file, and give their checksum."""
    rows, rest = RowSum(), b""
    with gzip.open(file) as stream:
        while block := stream.read(1 << 20):
            block = rest + block
            block, rest = block[: -len(_END)], block[-len(_END) :]
            rows.feed(block)
    if rest != _END:
        raise DivebellError(f"{file.name} of the dump does not end as pg_dump ends a table")
    return rows.count, rows.checksum


def _sequences(tools: Tools, rows: Path, listing: str) -> Iterator[Sequence]:
    """Read from the dump itself how far its sequences have counted: they belong to no moment."""
    chosen = rows.with_name("sequences.list")
    chosen.write_text("".join(f"{line}\n" for line in listing.splitlines() if " SEQUENCE SET " in line))
    words = ("--data-only", "--file", "-", "--use-list", str(chosen), str(rows))
    script = tools.run([tools.binaries.program("pg_restore"), *words]).stdout
    chosen.unlink()
    yield from sequences_of(script)


def sequences_of(script: str) -> Iterator[Sequence]:
    """Read what a dump sets its sequences to."""
    for name, value, begun in re.findall(
        r"^SELECT pg_catalog\.setval\('((?:[^']|'')+)', (-?\d+), (true|false)\);$", script, re.MULTILINE
    ):
        schema, own = _parts(name.replace("''", "'"))
        yield Sequence(schema, own, int(value) if begun == "true" else None)


def _parts(name: str) -> tuple[str, str]:
    """Take a qualified name apart, quoted or not."""
    words = re.findall(r'"((?:[^"]|"")*)"|([^".]+)', name)
    schema, own = (quoted.replace('""', '"') or plain for quoted, plain in words)
    return schema, own
