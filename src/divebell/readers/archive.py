"""Zip archives: every dataset in them, unpacked with limits into private folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers.claims import require_signature
from divebell.readers.model import Layer, Reader
from divebell.readers.scratch import Scratch
from divebell.readers.select import DatasetFiles
from divebell.readers.zipmembers import Budget, Members, opened

DEEPEST = 3
"""Archives within archives are read down to here."""

Find = Callable[[Path], Reader | None]
Group = Callable[[Iterable[str]], tuple[DatasetFiles, ...]]


@dataclass
class _Found:
    """What came out of an archive and the archives in it."""

    hint: DatasetHint
    budget: Budget
    layers: list[Layer] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class ZipReader:
    """Reads the datasets of a zip archive with the reader of each; a layer is named by its file."""

    name = "Zip"
    suffixes: tuple[str, ...] = (".zip",)

    def __init__(self, find: Find, group: Group) -> None:
        self._find = find
        self._group = group

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe the layers of all datasets in the archive, and in archives within it.

        Raises DivebellError when it is no zip, breaks the limits, or holds nothing that can be read.
        """
        found = _Found(hint, Budget.of(path))
        self._open(path, found, "", 1)
        if not found.layers:
            reason = "; ".join(found.failures[:5]) or "it holds no file that divebell reads"
            raise DivebellError(f"{path.name}: {reason}", next_step="put the data itself into the archive")
        return [layer.told(*found.failures) for layer in _apart(found.layers)]

    def _open(self, path: Path, found: _Found, within: str, depth: int) -> None:
        require_signature(path, b"PK", "zip archive")
        with opened(path, found.budget) as members:
            for dataset in self._group(members.names):
                name = within + dataset.path
                try:
                    self._take(members, dataset, found, name, depth)
                except DivebellError as error:
                    if found.budget.broken:
                        raise
                    found.failures.append(f"'{name}' in the archive was not loaded: {error.message}")
            found.failures += [within + one for one in members.warnings]

    def _take(self, members: Members, dataset: DatasetFiles, found: _Found, name: str, depth: int) -> None:
        if self._find(Path(PurePosixPath(dataset.path).name)) is None:
            return
        scratch = Scratch()
        member = members.extract(dataset, scratch.folder)
        reader = self._find(member)
        if reader is self:
            if depth >= DEEPEST:
                raise DivebellError(
                    f"archives are read {DEEPEST} deep", next_step="put the data itself into the archive"
                )
            self._open(member, found, f"{name}/", depth + 1)
        elif reader is not None:
            stem = PurePosixPath(dataset.path).stem
            found.layers += [
                scratch.keep_for(layer.told(name=stem if layer.name is None else _joined(stem, layer.name)))
                for layer in reader.read(member, found.hint)
            ]


def unpack(path: Path, group: Group, folder: Path) -> list[str]:
    """Unpack the datasets that `group` finds in a zip; give their main files, relative to `folder`.

    Raises DivebellError when it is no zip, breaks the limits, or a member would leave the folder.
    """
    require_signature(path, b"PK", "zip archive")
    names = []
    with opened(path, Budget.of(path)) as members:
        for dataset in group(members.names):
            target = folder / PurePosixPath(dataset.path).parent
            target.mkdir(parents=True, exist_ok=True)
            names.append(str(members.extract(dataset, target).relative_to(folder)))
    return names


def _joined(stem: str, layer: str) -> str:
    return layer if layer == stem else f"{stem} {layer}"


def _apart(layers: list[Layer]) -> list[Layer]:
    """Tell layers of one name apart (the same file name in two folders of the archive)."""
    taken = {layer.name for layer in layers}
    seen: Counter[str | None] = Counter()
    result = []
    for layer in layers:
        seen[layer.name] += 1
        name = layer.name
        if seen[layer.name] > 1:
            count = seen[layer.name]
            while (name := f"{layer.name} {count}") in taken:
                count += 1
            taken.add(name)
        result.append(layer.told(name=name))
    return result
