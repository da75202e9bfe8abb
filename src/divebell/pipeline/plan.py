"""What must be done so that the tables are what the commit says. Pure: reads nothing, changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePosixPath

from divebell.pipeline.found import Dataset, Report, datasets
from divebell.pipeline.names import base_names, layer_names, own_names, tagged

__all__ = [
    "Adopt",
    "Catalogue",
    "Dataset",
    "Drop",
    "Forget",
    "Keep",
    "Known",
    "Load",
    "Plan",
    "Report",
    "Step",
    "datasets",
    "plan",
]


@dataclass(frozen=True)
class Known:
    """One table that the catalogue holds; `present` tells whether the table itself is there."""

    file: str
    layer: str | None
    table: str
    identity: str
    present: bool = True
    retired: bool = False
    """Its file was gone already at an earlier commit; somebody's work uses the table."""


@dataclass(frozen=True)
class Catalogue:
    """What is loaded, and what could not be: file -> identity it failed with."""

    tables: tuple[Known, ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def of(self) -> Mapping[str, tuple[Known, ...]]:
        """Give the tables of each file."""
        found: defaultdict[str, list[Known]] = defaultdict(list)
        for one in self.tables:
            found[one.file].append(one)
        return {file: tuple(tables) for file, tables in found.items()}


@dataclass(frozen=True)
class Load:
    """Make the tables of a dataset, named after `base`."""

    dataset: Dataset
    base: str
    why: str = field(default="", compare=False)


@dataclass(frozen=True)
class Adopt:
    """Give the tables of a file that is gone to a dataset of the same contents, under new names."""

    load: Load
    """What is to be done where a table cannot be handed over."""
    source: str
    names: tuple[tuple[str, str], ...]
    """Each table's name and the name it gets."""

    @property
    def dataset(self) -> Dataset:
        """The dataset that gets the tables."""
        return self.load.dataset


@dataclass(frozen=True)
class Keep:
    """Leave a file's tables as they are; `forget` an earlier failure that no longer holds."""

    file: str
    forget: bool = False


@dataclass(frozen=True)
class Drop:
    """Take away the table of a file that is gone; while somebody's work uses it, it retires instead."""

    file: str
    table: str
    retired: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Forget:
    """Take away the failure of a file that is gone."""

    file: str


Step = Load | Adopt | Keep | Report | Drop | Forget


@dataclass(frozen=True)
class Plan:
    """Every step, and the table names that belong to each file of the commit."""

    steps: tuple[Step, ...]
    bases: Mapping[str, str]


def plan(found: Iterable[Dataset], reports: Iterable[Report], catalogue: Catalogue) -> Plan:
    """Compare a commit with the catalogue.

    Loads come smallest first, so that most tables are there soon; drops come last, so that a file that moved
    hands its table over.
    """
    wanted = sorted(found, key=lambda one: (one.size, one.file))
    told = {report.file: report for report in reports}
    here = {one.file for one in wanted}
    heirs = _heirs(wanted, catalogue)
    tables = [replace(known, file=heirs.get(known.file, known.file)) for known in catalogue.tables]
    passed_on = Catalogue(tuple(tables), catalogue.failures)
    bases = _bases(wanted, passed_on)
    names = _Names(bases, passed_on, {heir: source for source, heir in heirs.items()})
    steps: list[Step] = [_step(one, passed_on, names) for one in wanted]
    steps += [report for report in told.values() if catalogue.failures.get(report.file) != report.identity]
    steps.sort(key=lambda step: not isinstance(step, Adopt))
    drops = _drops(catalogue, here, [step for step in steps if isinstance(step, Adopt)])
    gone = sorted(set(catalogue.failures) - here - set(told) - {step.file for step in drops})
    return Plan((*steps, *(Forget(file) for file in gone), *drops), bases)


@dataclass(frozen=True)
class _Names:
    """What is called how, and which file a dataset has its tables from."""

    bases: Mapping[str, str]
    catalogue: Catalogue
    sources: Mapping[str, str]


def _heirs(wanted: list[Dataset], catalogue: Catalogue) -> dict[str, str]:
    """Find the new files that are files which are gone, under another path: gone file -> new file."""
    here, known = {one.file for one in wanted}, catalogue.of.keys()
    gone: dict[str, list[str]] = {}
    for file in sorted(known - here):
        tables = catalogue.of[file]
        if len({one.identity for one in tables}) == 1 and all(one.present for one in tables):
            gone.setdefault(tables[0].identity, []).append(file)
    heirs: dict[str, str] = {}
    for one in sorted(wanted, key=lambda one: one.file):
        left = gone.get(one.identity, [])
        if one.file not in known and left:
            # Of several with the same contents, the one whose name is the same has merely moved.
            name = PurePosixPath(one.file).name
            source = next((file for file in left if PurePosixPath(file).name == name), left[0])
            left.remove(source)
            heirs[source] = one.file
    return heirs


def _step(dataset: Dataset, catalogue: Catalogue, names: _Names) -> Step:
    file, base = dataset.file, names.bases[dataset.file]
    mine = list(catalogue.of.get(file, ()))
    tables = [known for known in mine if not known.retired]
    failed_with = catalogue.failures.get(file)
    source = names.sources.get(file, file)
    same = bool(mine) and all(known.identity == dataset.identity and known.present for known in mine)
    if same and (source != file or not tables):
        load = Load(dataset, base, "its table cannot be handed over")
        given = _new_names(mine, load, names)
        return load if given is None else Adopt(load, source, given)
    loaded = bool(tables) and all(known.identity == dataset.identity and known.present for known in tables)
    if loaded and (len(tables) > 1 or tables[0].table in {base, tagged(base, file)}):
        return Keep(file, forget=failed_with is not None)
    if failed_with == dataset.identity:
        return Keep(file)
    return Load(dataset, base, _why(dataset, tables, failed_with))


def _new_names(tables: list[Known], load: Load, names: _Names) -> tuple[tuple[str, str], ...] | None:
    """Name the tables of a file that has another name now; None where such a table is there already."""
    others = {known.table for known in names.catalogue.tables if known.file != load.dataset.file}
    taken = others | {base for file, base in names.bases.items() if file != load.dataset.file}
    given = layer_names(load.dataset.file, load.base, [known.layer for known in tables], taken)
    pairs = tuple((known.table, name) for known, name in zip(tables, given, strict=True))
    old = {known.table for known in tables}
    clash = any(name != was and name in others | old for was, name in pairs)
    return None if clash else pairs


def _drops(catalogue: Catalogue, here: set[str], adopted: list[Adopt]) -> list[Drop]:
    """Say which tables have no file any more, or no layer in it (those have retired)."""
    kept = {name for step in adopted for name, _ in step.names}
    return [
        Drop(known.file, known.table, retired=known.retired)
        for known in catalogue.tables
        if known.table not in kept and (known.file not in here or known.retired)
    ]


_PARTS = (
    "this version of divebell reads files anew",
    "its hint in event.yaml changed",
    "its contents changed",
)
"""Why a dataset is loaded again, by the part of its identity that differs."""


def _why(dataset: Dataset, tables: list[Known], failed_with: str | None) -> str:
    if not tables:
        if failed_with is None:
            return "it is new"
        return "it could not be loaded before" + (", and changed" if ":" in failed_with else "")
    if not all(known.present for known in tables):
        return "its table is missing"
    was, now = tables[0].identity.split(":"), dataset.identity.split(":")
    if len(was) != len(now):
        return _PARTS[0]  # an earlier version wrote identities otherwise
    changed = [what for what, old, new in zip(_PARTS, was, now, strict=False) if old != new]
    return " and ".join(changed) or "its table gets another name"


def _bases(wanted: list[Dataset], catalogue: Catalogue) -> dict[str, str]:
    """Name files: a hint's word first, then what its tables are called already, then the file's own name."""
    fixed = {one.file: one.hint.table for one in wanted if one.hint.table}
    given: set[str | None] = {None, *fixed.values()}
    for one in wanted:
        mine = catalogue.of.get(one.file, ())
        known = [known.table for known in mine if not known.retired] or [known.table for known in mine]
        if not one.hint.table and (base := _base_in_place(one.file, known)) not in given:
            fixed[one.file] = str(base)
            given.add(base)
    return base_names((one.file for one in wanted), fixed)


def _base_in_place(file: str, tables: list[str]) -> str | None:
    """Give the name of a file's own that its tables bear."""
    if len(tables) == 1:
        return tables[0] if tables[0] in own_names(file) else None
    bases = [
        name for name in own_names(file) if tables and all(table.startswith(f"{name}_") for table in tables)
    ]
    return max(bases, key=len, default=None)
