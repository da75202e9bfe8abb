"""The files in a zip archive, handled as a stranger's: counted, measured, never believed."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from divebell.errors import DivebellError
from divebell.readers.scratch import is_full
from divebell.readers.select import DatasetFiles, shapefile_part

MOST_MEMBERS = 5_000
MOST_BYTES = 8 << 30
RATIO = 250
"""How many times its own size an archive may unpack to (small ones always may reach 64 MB)."""
_SMALL = 64 << 20
_CHUNK = 1 << 20
_LONGEST_STEM = 120
_UTF8_NAME, _ENCRYPTED = 0x800, 0x1
_FAILURES = (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError, zlib.error)


@dataclass
class Budget:
    """What an archive, with the archives in it, may still unpack to."""

    path: Path
    bytes: int
    members: int = MOST_MEMBERS
    broken: bool = False

    @classmethod
    def of(cls, path: Path) -> Budget:
        """Set the limits by the size of the outermost archive."""
        return cls(path, min(MOST_BYTES, max(_SMALL, RATIO * path.stat().st_size)))

    def spend(self, size: int) -> None:
        """Count what was unpacked. Raises DivebellError when it is more than the archive may."""
        self.bytes -= size
        if self.bytes < 0:
            self.broken = True
            raise DivebellError(
                f"{self.path.name} unpacks to far more than its own size, like a zip bomb; it was left alone",
                next_step="commit the data itself, or in smaller archives",
            )

    def count(self, members: int) -> None:
        """Count files. Raises DivebellError when there are more than one archive may hold."""
        self.members -= members
        if self.members < 0:
            self.broken = True
            raise DivebellError(
                f"{self.path.name} holds more than {MOST_MEMBERS:,} files, which is the most that is read",
                next_step="commit the files that are needed",
            )


@dataclass
class Members:
    """The plain files of an open archive."""

    archive: zipfile.ZipFile
    budget: Budget
    names: dict[str, zipfile.ZipInfo] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def extract(self, dataset: DatasetFiles, folder: Path) -> Path:
        """Unpack the parts of one dataset into an empty folder; give its main file.

        Raises DivebellError when a part is damaged, needs a password, or is too large.
        """
        main = PurePosixPath(dataset.path)
        stem = _short(main.stem)
        for part in dataset.parts:
            info = self.names[part]
            if info.flag_bits & _ENCRYPTED:
                raise DivebellError("it needs a password", next_step="make the archive again without one")
            self._write(info, folder / (stem + _ending(part, main)))
        return folder / (stem + _ending(dataset.path, main))

    def _write(self, info: zipfile.ZipInfo, target: Path) -> None:
        try:
            with self.archive.open(info) as source, target.open("wb") as file:
                while chunk := source.read(_CHUNK):
                    self.budget.spend(len(chunk))
                    file.write(chunk)
        except _FAILURES as error:
            if is_full(error):
                raise
            raise DivebellError(
                f"it cannot be unpacked: {error}", next_step="make the archive again"
            ) from error


@contextmanager
def opened(path: Path, budget: Budget) -> Iterator[Members]:
    """Open an archive and list its plain files.

    Raises DivebellError when it is none, or holds a file that would be unpacked outside its folder.
    """
    try:
        archive = zipfile.ZipFile(path)
    except _FAILURES as error:
        raise DivebellError(
            f"{path.name} cannot be unpacked: {error}", next_step="make the archive again, without a password"
        ) from error
    with archive:
        infos = archive.infolist()
        budget.count(len(infos))
        members = Members(archive, budget)
        for info in infos:
            name = _name(path, info)
            if name is None:
                continue
            if name in members.names:
                members.warnings.append(f"'{name[:80]}' is in the archive twice; the last one was read")
            members.names[name] = info
        yield members


def _name(path: Path, info: zipfile.ZipInfo) -> str | None:
    """Give a member's path when it is a plain file; refuse one that would leave the folder."""
    name = _spelt(info).replace("\\", "/")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if info.is_dir() or name.endswith("/") or (kind and not stat.S_ISREG(kind)):
        return None
    pure = PurePosixPath(name)
    if not pure.parts:
        return None
    if pure.is_absolute() or ".." in pure.parts or ":" in pure.parts[0]:
        raise DivebellError(
            f"{path.name} holds '{name[:80]}', which would be unpacked outside its folder",
            next_step="do not trust this archive; make it again from the data itself",
        )
    return str(pure)


def _spelt(info: zipfile.ZipInfo) -> str:
    """Give a name with its letters: many programs write UTF-8 without saying so, and zipfile reads cp437."""
    name = info.filename
    if info.flag_bits & _UTF8_NAME or name.isascii():
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def _short(stem: str) -> str:
    """Cut a name to what any file system takes."""
    kept = stem.replace("\x00", "").encode("utf-8", "replace")[:_LONGEST_STEM]
    return kept.decode("utf-8", "ignore") or "data"


def _ending(part: str, main: PurePosixPath) -> str:
    found = shapefile_part(part)
    if found is not None:
        return found[1]
    return main.suffix + PurePosixPath(part).name.removeprefix(main.name)
