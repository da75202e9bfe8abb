"""What must be done so that the tables are what the commit says. Pure: reads nothing, changes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from divebell.event.model import DatasetHint
from divebell.pipeline.names import base_names, own_names, tagged
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
class Known:
    """One table that the catalogue holds; `present` tells whether the table itself is there."""

    file: str
    layer: str | None
    table: str
    identity: str
    present: bool = True


@dataclass(frozen=True)
class Catalogue:
    """What is loaded, and what could not be: file -> identity it failed with."""

    tables: tuple[Known, ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Load:
    """Make the tables of a dataset, named after `base`."""

    dataset: Dataset
    base: str


@dataclass(frozen=True)
class Keep:
    """Leave a file's tables as they are; `forget` an earlier failure that no longer holds."""

    file: str
    forget: bool = False


@dataclass(frozen=True)
class Report:
    """Say why a file is not loaded."""

    file: str
    identity: str
    reason: str


@dataclass(frozen=True)
class Drop:
    """Take away the table of a file that is gone."""

    file: str
    table: str


@dataclass(frozen=True)
class Forget:
    """Take away the failure of a file that is gone."""

    file: str


Step = Load | Keep | Report | Drop | Forget


@dataclass(frozen=True)
class Plan:
    """Every step, and the table names that belong to each file of the commit."""

    steps: tuple[Step, ...]
    bases: Mapping[str, str]


def datasets(
    files: Iterable[TreeFile], folder: str, hints: Mapping[str, DatasetHint]
) -> tuple[list[Dataset], list[Report]]:
    """Find the datasets of a commit below `folder`, and what there is none for a reason worth saying."""
    below = "" if folder in {"", "."} else folder.strip("/") + "/"
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


def plan(found: Iterable[Dataset], reports: Iterable[Report], catalogue: Catalogue) -> Plan:
    """Compare a commit with the catalogue.

    Loads come smallest first, so that most tables are there soon; drops come last, so that a file that moved
    hands its table over.
    """
    wanted = sorted(found, key=lambda one: (one.size, one.file))
    bases = _bases(wanted, catalogue)
    told = {report.file: report for report in reports}
    here = {one.file for one in wanted}
    steps: list[Step] = [_step(one, bases[one.file], catalogue) for one in wanted]
    steps += [report for report in told.values() if catalogue.failures.get(report.file) != report.identity]
    steps += [Drop(known.file, known.table) for known in catalogue.tables if known.file not in here]
    kept = {step.file for step in steps if isinstance(step, Drop)}
    gone = sorted(set(catalogue.failures) - here - set(told) - kept)
    steps += [Forget(file) for file in gone]
    steps.sort(key=lambda step: isinstance(step, Drop))
    return Plan(tuple(steps), bases)


def _step(dataset: Dataset, base: str, catalogue: Catalogue) -> Step:
    tables = [known for known in catalogue.tables if known.file == dataset.file]
    failed_with = catalogue.failures.get(dataset.file)
    loaded = bool(tables) and all(known.identity == dataset.identity and known.present for known in tables)
    names = {base, tagged(base, dataset.file)}
    if loaded and (len(tables) > 1 or tables[0].table in names):
        return Keep(dataset.file, forget=failed_with is not None)
    return Keep(dataset.file) if failed_with == dataset.identity else Load(dataset, base)


def _bases(wanted: list[Dataset], catalogue: Catalogue) -> dict[str, str]:
    """Name files: a hint's word first, then the table that is already there, then the file's own name."""
    fixed = {one.file: one.hint.table for one in wanted if one.hint.table}
    for one in wanted:
        known = [known.table for known in catalogue.tables if known.file == one.file]
        if not one.hint.table and len(known) == 1 and known[0] in own_names(one.file) - set(fixed.values()):
            fixed[one.file] = known[0]
    return base_names((one.file for one in wanted), fixed)


def _dataset(parts: list[TreeFile], path: str, hint: DatasetHint) -> Dataset:
    facts = {
        "loader": LOADER_VERSION,
        "hint": hint.model_dump(mode="json", exclude_defaults=True),
        "parts": sorted([part.path, part.blob] for part in parts),
    }
    text = json.dumps(facts, sort_keys=True)
    identity = hashlib.sha256(text.encode()).hexdigest()
    return Dataset(path, identity, sum(part.size for part in parts), hint)


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
