"""What became of a dataset: every version the catalogue had of it, and what changed from one to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

import psycopg
from psycopg.rows import class_row

from divebell.database.catalogue import query

Columns = list[dict[str, Any]]


@dataclass(frozen=True)
class Version:
    """What the catalogue said of a dataset from `since` to `until`; None: it still does."""

    version: int
    since: datetime
    until: datetime | None
    file: str
    layer: str | None
    table_name: str
    identity: str
    commit: str
    committed_at: datetime
    author: str
    rows: int
    columns: Columns
    crs: str | None
    geometry_type: str | None
    warnings: list[str]
    retired_at: datetime | None


@dataclass(frozen=True)
class Change:
    """One thing that happened to a dataset; `commit` and `author` are None where none is known for it."""

    what: str
    """added, changed, reloaded (the same contents), renamed, retired, restored or dropped."""
    at: datetime
    commit: str | None
    committed_at: datetime | None
    author: str | None
    file: str
    table: str
    rows: int
    rows_before: int | None = None
    details: tuple[str, ...] = ()
    """In words what else than rows changed: columns, types, warnings, names."""
    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()
    columns_retyped: tuple[tuple[str, str, str], ...] = ()
    """Name, type before, type after."""
    warnings_added: tuple[str, ...] = ()
    warnings_gone: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give what `divebell data history --json` prints of it."""
        facts = asdict(self)
        times = {key: value.isoformat() for key, value in facts.items() if isinstance(value, datetime)}
        return facts | times


@dataclass(frozen=True)
class _Difference:
    """What tells two versions apart, the rows besides."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    retyped: tuple[tuple[str, str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    names: tuple[str, ...] = field(default=())


def history(connection: psycopg.Connection[Any], name: str) -> tuple[Change, ...]:
    """Read what became of the table (or file) `name`, the newest first; () when there never was one."""
    with connection.cursor(row_factory=class_row(Version)) as cursor:
        versions = cursor.execute(query("history"), {"name": name}).fetchall()
    return changes(versions)


def changes(versions: Sequence[Version]) -> tuple[Change, ...]:
    """Tell what happened from one version to the next, the newest first."""
    told = [change for before, after in pairwise((None, *versions)) for change in _between(before, after)]
    if versions and versions[-1].until is not None:
        told += _end(versions[-1])
    return tuple(reversed(told))


def _between(before: Version | None, after: Version | None) -> Iterator[Change]:
    if after is None:
        return
    if before is not None and before.until is not None and before.until < after.since:
        yield from _end(before)  # it was dropped, and came back later
    if after.retired_at is not None and after.since == after.until:
        return  # dropped at once: its end says so
    difference = _Difference() if before is None else _difference(before, after)
    yield Change(
        what=_what(before, after, difference),
        at=after.since,
        commit=after.commit,
        committed_at=after.committed_at,
        author=after.author,
        file=after.file,
        table=after.table_name,
        rows=after.rows,
        rows_before=None if before is None else before.rows,
        details=tuple(_words(difference)),
        columns_added=difference.added,
        columns_removed=difference.removed,
        columns_retyped=difference.retyped,
        warnings_added=difference.warnings,
        warnings_gone=difference.gone,
    )


def _end(last: Version) -> Iterator[Change]:
    """Tell that a table was dropped; the commit that took its file away is known where it retired first."""
    known = last.retired_at is not None
    yield Change(
        what="dropped",
        at=last.until or last.since,
        commit=last.commit if known else None,
        committed_at=last.committed_at if known else None,
        author=last.author if known else None,
        file=last.file,
        table=last.table_name,
        rows=0,
        rows_before=last.rows,
    )


def _what(before: Version | None, after: Version, difference: _Difference) -> str:
    if before is None:
        return "added"
    if after.retired_at is not None:
        return "retired"
    if before.retired_at is not None or before.until != after.since:
        return "restored"
    if difference.names and before.rows == after.rows and difference == _Difference(names=difference.names):
        return "renamed"
    return "reloaded" if before.identity == after.identity else "changed"


def _difference(before: Version, after: Version) -> _Difference:
    old = {column["name"]: column["type"] for column in before.columns}
    new = {column["name"]: column["type"] for column in after.columns}
    names = (
        ("file", before.file, after.file),
        ("table", before.table_name, after.table_name),
        ("geometry type", before.geometry_type, after.geometry_type),
        ("coordinate system", before.crs, after.crs),
    )
    return _Difference(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        retyped=tuple((name, old[name], new[name]) for name in new if name in old and old[name] != new[name]),
        warnings=tuple(text for text in after.warnings if text not in before.warnings),
        gone=tuple(text for text in before.warnings if text not in after.warnings),
        names=tuple(f"{what} was {was or 'unknown'}" for what, was, now in names if was != now),
    )


def _words(difference: _Difference) -> Iterator[str]:
    yield from difference.names
    if difference.added:
        yield f"new: {', '.join(difference.added)}"
    if difference.removed:
        yield f"gone: {', '.join(difference.removed)}"
    for name, was, now in difference.retyped:
        yield f"{name} was {was}, is {now}"
    for text in difference.warnings:
        yield f"new warning: {text}"
    for text in difference.gone:
        yield f"no longer: {text}"
