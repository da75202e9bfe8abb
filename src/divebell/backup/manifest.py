"""What one backup holds, written beside it: what a restore compares with."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

FORMAT = 1


@dataclass(frozen=True)
class Table:
    """The rows of one table as PostgreSQL writes them out (COPY, text)."""

    schema: str
    name: str
    columns: tuple[str, ...]
    rows: int
    checksum: str
    """Over the rows, whatever order they lie in."""


@dataclass(frozen=True)
class Sequence:
    """How far a sequence has counted; None where it has not begun."""

    schema: str
    name: str
    value: int | None


@dataclass(frozen=True)
class Role:
    """A role of the cluster, without its password: volunteers get a new one with each start."""

    name: str
    login: bool
    member_of: tuple[str, ...]


@dataclass(frozen=True)
class Database:
    """The database at one moment."""

    version: int
    """Major version of PostgreSQL."""
    tables: tuple[Table, ...]
    sequences: tuple[Sequence, ...]
    roles: tuple[Role, ...]
    definitions: str
    """SHA-256 over all definitions: columns, keys, views, owners, grants."""


@dataclass(frozen=True)
class HomeCount:
    """A volunteer's home as it was when it was counted, a moment before it was copied."""

    name: str
    uid: int
    files: int
    bytes: int


@dataclass(frozen=True)
class LeftOut:
    """Something that is not in the backup."""

    path: str
    reason: str


@dataclass(frozen=True)
class Manifest:
    """What one backup holds."""

    format: int
    divebell: str
    event: str
    taken_at: str
    """When the database was read, in UTC."""
    database: Database
    homes: tuple[HomeCount, ...]
    left_out: tuple[LeftOut, ...]
    repository: str | None = None
    """The git directory of a repository on this machine, as a path of the snapshot; None for an address."""

    @property
    def rows(self) -> int:
        """Rows of all tables together."""
        return sum(table.rows for table in self.database.tables)

    @property
    def home_bytes(self) -> int:
        """Bytes of all homes together."""
        return sum(home.bytes for home in self.homes)


_MANIFEST = TypeAdapter(Manifest)


def to_json(manifest: Manifest) -> bytes:
    """Write a manifest."""
    return _MANIFEST.dump_json(manifest, indent=1)


def from_json(text: bytes | str) -> Manifest:
    """Read a manifest. Raises ValueError when it is not one."""
    return _MANIFEST.validate_json(text)
