"""Find the machine's PostgreSQL: the newest version that has PostGIS."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from divebell.errors import DivebellError

OLDEST_VERSION = 15

INSTALL = "apt-get install -y postgresql postgresql-postgis"


@dataclass(frozen=True)
class Binaries:
    """One PostgreSQL installation: the folder of its programs and its major version."""

    folder: Path
    version: int
    has_postgis: bool

    def program(self, name: str) -> str:
        """Give the path of one of its programs."""
        return str(self.folder / name)


def find_binaries(version: int | None = None) -> Binaries:
    """Find the newest PostgreSQL that has PostGIS, or the one of the given major version.

    Raises DivebellError that names what to install.
    """
    return choose(filter(None, map(_inspect, dict.fromkeys(_folders()))), version)


def choose(found: Iterable[Binaries], version: int | None = None) -> Binaries:
    """Choose among installations the newest that is new enough, has PostGIS, and is of `version` if given."""
    every = sorted(found, key=lambda binaries: binaries.version)
    usable = [each for each in every if each.version >= OLDEST_VERSION and each.has_postgis]
    if version is not None:
        usable = [each for each in usable if each.version == version]
    if usable:
        return usable[-1]
    if version is not None:
        raise DivebellError(
            f"the event's database was made by PostgreSQL {version}, which is not here with PostGIS",
            next_step=f"apt-get install -y postgresql-{version} postgresql-{version}-postgis-3",
        )
    raise DivebellError(_what_is_missing(every), next_step=INSTALL)


def _what_is_missing(every: Sequence[Binaries]) -> str:
    if not every:
        return "PostgreSQL is not installed"
    newest = every[-1]
    if newest.version < OLDEST_VERSION:
        return f"PostgreSQL {newest.version} is too old: {OLDEST_VERSION} or newer is needed"
    return f"PostgreSQL {newest.version} ({newest.folder}) has no PostGIS"


def _folders() -> Iterator[Path]:
    for pattern in ("lib/postgresql/*/bin", "pgsql-*/bin"):
        yield from (folder.resolve() for folder in sorted(Path("/usr").glob(pattern)))
    for name in ("postgres", "initdb"):
        if program := shutil.which(name):
            yield Path(program).resolve().parent
    if configuration := shutil.which("pg_config"):
        yield Path(_output(configuration, "--bindir")).resolve()


def _inspect(folder: Path) -> Binaries | None:
    needed = [folder / name for name in ("postgres", "initdb", "pg_config")]
    if not all(program.is_file() for program in needed):
        return None
    version = re.search(r"\) (\d+)", _output(str(folder / "postgres"), "--version"))
    if version is None:
        return None
    shared = Path(_output(str(folder / "pg_config"), "--sharedir"))
    return Binaries(folder, int(version[1]), (shared / "extension" / "postgis.control").is_file())


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
