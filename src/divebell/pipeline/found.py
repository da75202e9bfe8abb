"""Which datasets a commit holds, and what makes each the same as before. Pure: looks at the tree only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from divebell.event.model import DatasetHint
from divebell.pipeline.repository import LINK_MODE, SUBMODULE_MODE, TreeFile
from divebell.readers import dataset_files

LOADER_VERSION = 1
"""Part of every dataset's identity: raised when readers or loader make different tables of the same file."""

_NO_HINT = DatasetHint()


@dataclass(frozen=True)
class Dataset:
    """One dataset of a commit."""

    file: str
    identity: str
    size: int
    """Bytes of all its parts."""
    hint: DatasetHint = _NO_HINT


@dataclass(frozen=True)
class Report:
    """Say why a file is not loaded."""

    file: str
    identity: str
    reason: str


def below_folder(folder: str) -> str:
    """Give what the path of every file below a folder of the repository begins with."""
    return "" if folder in {"", "."} else folder.strip("/") + "/"


def datasets(
    files: Iterable[TreeFile], folder: str, hints: Mapping[str, DatasetHint]
) -> tuple[list[Dataset], list[Report]]:
    """Find the datasets of a commit below `folder`, and what there is none for a reason worth saying."""
    below = below_folder(folder)
    inside = {file.path: file for file in files if file.path.startswith(below)}
    readable = {path: file for path, file in inside.items() if file.regular}
    found = [
        _dataset([inside[part] for part in parts.parts], parts.path, hints.get(parts.path, _NO_HINT))
        for parts in dataset_files(_without_odd_names(readable))
    ]
    odd = [_unnameable(path, file) for path, file in readable.items() if not _speakable(path)]
    links = [report for file in inside.values() if (report := _link(file))]
    missing = [_hint_without_file(path) for path in sorted(set(hints) - {one.file for one in found})]
    return found, sorted([*odd, *links, *missing], key=lambda report: report.file)


def _dataset(parts: list[TreeFile], path: str, hint: DatasetHint) -> Dataset:
    # Neither folder nor name belong to the identity: a file that moves or is renamed is still the same.
    stem = path.rpartition(".")[0]
    contents = sorted([part.path.removeprefix(stem).lower(), part.blob] for part in parts)
    told = _UNTOLD if hint is _NO_HINT else _digest(hint.model_dump(mode="json", exclude_defaults=True))
    words = (str(LOADER_VERSION), told, _digest(contents))
    return Dataset(path, ":".join(words), sum(part.size for part in parts), hint)


def _digest(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


_UNTOLD = _digest({})


def _link(file: TreeFile) -> Report | None:
    if file.mode == LINK_MODE:
        reason = "it is a link, and links in the repository are not followed; commit the file itself"
    elif file.mode == SUBMODULE_MODE:
        reason = "it is a submodule, and submodules are not loaded; commit the files themselves"
    else:
        return None
    return Report(_shown(file.path), file.blob, reason)


def _hint_without_file(path: str) -> Report:
    reason = (
        "event.yaml has a hint for it, but the commit holds no such dataset; check the path for a misspelling"
    )
    return Report(path, "hint", reason)


def _unnameable(path: str, file: TreeFile) -> Report:
    return Report(_shown(path), file.blob, "its name is not valid UTF-8; rename the file")


def _without_odd_names(files: Iterable[str]) -> list[str]:
    return [path for path in files if _speakable(path)]


def _speakable(path: str) -> bool:
    return _shown(path) == path


def _shown(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode()
