"""Zip archives: every dataset in them, unpacked with limits into a private folder."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers.claims import require_signature
from divebell.readers.model import Layer, Reader
from divebell.readers.scratch import Scratch
from divebell.readers.select import DatasetFiles

MOST_MEMBERS = 5_000
MOST_BYTES = 8 << 30
RATIO = 250
"""How many times its own size an archive may unpack to (small ones always may reach 64 MB)."""
_CHUNK = 1 << 20

Find = Callable[[Path], Reader | None]
Group = Callable[[Iterable[str]], tuple[DatasetFiles, ...]]


class ZipReader:
    """Reads the datasets of a zip archive with the reader of each; a layer is named by its file."""

    name = "Zip"
    suffixes: tuple[str, ...] = (".zip",)

    def __init__(self, find: Find, group: Group) -> None:
        self._find = find
        self._group = group

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe the layers of all datasets in the archive.

        Raises DivebellError when it is no zip, breaks the limits, or holds nothing that can be read.
        """
        require_signature(path, b"PK", "zip archive")
        scratch = Scratch()
        try:
            with zipfile.ZipFile(path) as archive:
                names = _unpack(path, archive, self._group, scratch.folder)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
            raise DivebellError(
                f"{path.name} cannot be unpacked: {error}",
                next_step="make the archive again, without a password",
            ) from error
        found, failures = self._layers(names, scratch, hint)
        if not found:
            reason = "; ".join(failures) or "it holds no file that divebell reads"
            raise DivebellError(f"{path.name}: {reason}", next_step="put the data itself into the archive")
        return [layer.told(*failures) for layer in found]

    def _layers(self, names: list[str], scratch: Scratch, hint: DatasetHint) -> tuple[list[Layer], list[str]]:
        found: list[Layer] = []
        failures: list[str] = []
        for name in names:
            member = scratch.folder / name
            reader = self._find(member)
            if reader is None:
                continue
            try:
                layers = reader.read(member, hint)
            except DivebellError as error:
                failures.append(f"'{name}' in the archive was not loaded: {error.message}")
                continue
            stem = PurePosixPath(name).stem
            found += [
                scratch.keep_for(layer.told(name=stem if layer.name is None else _joined(stem, layer.name)))
                for layer in layers
            ]
        return _apart(found, names), failures


def _joined(stem: str, layer: str) -> str:
    return layer if layer == stem else f"{stem} {layer}"


def _apart(layers: list[Layer], _names: list[str]) -> list[Layer]:
    """Tell layers of one name apart (the same file name in two folders of the archive)."""
    seen: dict[str | None, int] = {}
    result = []
    for layer in layers:
        seen[layer.name] = seen.get(layer.name, 0) + 1
        again = seen[layer.name] > 1
        result.append(layer.told(name=f"{layer.name} {seen[layer.name]}") if again else layer)
    return result


def _unpack(path: Path, archive: zipfile.ZipFile, group: Group, folder: Path) -> list[str]:
    """Unpack the parts of every dataset; give the datasets' main files, relative to `folder`."""
    members = {name: info for info in archive.infolist() if (name := _safe_name(path, info)) is not None}
    if len(members) > MOST_MEMBERS:
        raise DivebellError(
            f"{path.name} holds {len(members):,} files; at most {MOST_MEMBERS:,} are read from one archive",
            next_step="commit the files that are needed",
        )
    left = min(MOST_BYTES, max(64 << 20, RATIO * path.stat().st_size))
    datasets = group(members)
    for dataset in datasets:
        for part in dataset.parts:
            left -= _extract(archive, members[part], folder / part, left, path)
    return [dataset.path for dataset in datasets if not dataset.path.lower().endswith(".zip")]


def _safe_name(path: Path, info: zipfile.ZipInfo) -> str | None:
    """Give a member's path when it is a plain file; refuse one that would leave the folder."""
    name = info.filename.replace("\\", "/")
    if info.is_dir() or (
        info.external_attr >> 16
        and not stat.S_ISREG(info.external_attr >> 16)
        and stat.S_IFMT(info.external_attr >> 16)
    ):
        return None
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or ":" in pure.parts[0]:
        raise DivebellError(
            f"{path.name} holds '{name[:80]}', which would be unpacked outside its folder",
            next_step="do not trust this archive; make it again from the data itself",
        )
    return name


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, left: int, path: Path) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(info) as source, target.open("wb") as file:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > left:
                raise DivebellError(
                    f"{path.name} unpacks to far more than its own size, like a zip bomb; it was left alone",
                    next_step="commit the data itself, or in smaller archives",
                )
            file.write(chunk)
    return written
