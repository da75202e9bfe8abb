"""Make the tables what the branch says: fetch, check out, plan, and carry out each step by itself."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from divebell.errors import DivebellError
from divebell.event import Event
from divebell.pipeline import catalogue, checkout, swap
from divebell.pipeline.catalogue import Connection, Record
from divebell.pipeline.names import layer_names
from divebell.pipeline.plan import Catalogue, Drop, Forget, Keep, Load, Plan, Report, Step, datasets, plan
from divebell.pipeline.repository import Commit, Repository
from divebell.pipeline.spool import Spooled, SpooledLayer, spool
from divebell.pipeline.stage import Staged, stage

_log = logging.getLogger(__name__)
_AGAIN = "again"
"""Identity of a failure that may have passed by the next time: no dataset has it, so it is tried again."""
_LONGEST_REASON = 2000

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Summary:
    """What one pass did."""

    commit: str
    loaded: int = 0
    kept: int = 0
    dropped: int = 0
    failed: int = 0
    postponed: int = 0
    """How many of the failed ones may succeed if they are simply tried again."""
    problem: str | None = None
    """What is wrong with the commit as a whole."""


@dataclass(frozen=True)
class _Pass:
    """What every step of one pass needs."""

    connection: Connection
    repository: Repository
    commit: Commit
    plan: Plan


def bring_up_to_date(
    connection: Connection, event: Event, repository: Repository, commit_id: str, progress: Progress
) -> Summary:
    """Load what is new at a commit and drop what is gone; `connection` is the loader's, in autocommit.

    A file that fails is written to the catalogue with the reason. Raises DivebellError when the commit itself
    cannot be had, and psycopg.OperationalError when the database goes away; a later call carries on.
    """
    progress("Fetching")
    commit = repository.fetch(commit_id)
    progress("Checking out")
    checkout.update(repository, commit.files)
    found, reports = datasets(commit.files, event.data.folder, event.data.datasets)
    current = _Pass(connection, repository, commit, plan(found, reports, catalogue.known(connection)))
    _empty(spool_folder(repository))
    counts = _carry_out(current, progress)
    catalogue.loaded_in_full(connection, commit.id)
    return Summary(commit.id, **counts, problem=_problem(commit, event))


def spool_folder(repository: Repository) -> Path:
    """Where the reading processes write."""
    return repository.state.run / "spool"


def _problem(commit: Commit, event: Event) -> str | None:
    below = "" if event.data.folder in {"", "."} else event.data.folder.strip("/") + "/"
    if any(file.path.startswith(below) for file in commit.files):
        return None
    return f"commit {commit.id[:10]} has no folder '{event.data.folder}'; data.folder in event.yaml names it"


def _carry_out(current: _Pass, progress: Progress) -> dict[str, int]:
    counts: Counter[str] = Counter()
    loads = sum(isinstance(step, Load) for step in current.plan.steps)
    number = 0
    for step in current.plan.steps:
        if isinstance(step, Load):
            number += 1
            progress(f"Loading {step.dataset.file} ({number} of {loads})")
        counts[_step(current, step)] += 1
    counts["failed"] += counts["postponed"]
    return {name: counts[name] for name in ("loaded", "kept", "dropped", "failed", "postponed")}


def _step(current: _Pass, step: Step) -> str:
    match step:
        case Load():
            return _attempt(current, step)
        case Keep():
            if step.forget:
                catalogue.forget_failure(current.connection, step.file)
            return "kept"
        case Report():
            _fail(current, step.file, step.identity, step.reason)
            return "failed"
        case Forget():
            catalogue.forget_failure(current.connection, step.file)
            return "forgotten"
        case Drop():
            return _drop(current, step)


def _attempt(current: _Pass, step: Load) -> str:
    """Load one dataset; whatever goes wrong is its failure and nobody else's, unless the database is gone."""
    file, identity = step.dataset.file, step.dataset.identity
    try:
        _load(current, step)
    except Exception as error:
        if current.connection.broken or current.connection.closed:
            raise
        passing = _passing(error)
        _fail(current, file, _AGAIN if passing else identity, _in_words(error))
        return "postponed" if passing else "failed"
    return "loaded"


def _passing(error: Exception) -> bool:
    """Tell whether the same file may well load the next time."""
    return isinstance(error, swap.PostponedError | psycopg.OperationalError | OSError | MemoryError)


def _in_words(error: Exception) -> str:
    if isinstance(error, DivebellError):
        return str(error)
    if isinstance(error, psycopg.Error):
        return f"PostgreSQL refused it: {error}"
    _log.error("a file could not be loaded", exc_info=error)
    return f"it could not be loaded: {type(error).__name__}: {error}"


def _load(current: _Pass, step: Load) -> None:
    began = time.monotonic()
    path = current.repository.state.checkout / step.dataset.file
    if not path.is_file():
        raise DivebellError("its path cannot be made on this machine; give it a shorter, plain name")
    spools = spool_folder(current.repository)
    spools.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=spools) as folder:
        spooled = spool(path, step.dataset.hint, Path(folder))
        if spooled.format is not None and not spooled.layers:
            raise DivebellError("it holds no table")
        with current.connection.transaction():
            _replace(current, step, spooled, began)


def _replace(current: _Pass, step: Load, spooled: Spooled, began: float) -> None:
    """Stage every layer, then put all in place: a file's tables change together or not at all."""
    connection, file = current.connection, step.dataset.file
    tables = _tables(step, spooled, current)
    staged = [
        stage(connection, layer, table, file) for layer, table in zip(spooled.layers, tables, strict=True)
    ]
    before = [known.table for known in catalogue.known(connection).tables if known.file == file]
    for one in staged:
        swap.swap_in(connection, one)
    for table in sorted(set(before) - set(tables)):
        swap.drop(connection, table)
    catalogue.forget_tables(connection, before)
    for layer, one in zip(spooled.layers, staged, strict=True):
        record = _record(current, step, spooled.format or "", layer, one)
        catalogue.remember(connection, replace(record, load_seconds=round(time.monotonic() - began, 3)))
    catalogue.forget_failure(connection, file)


def _tables(step: Load, spooled: Spooled, current: _Pass) -> list[str]:
    """Name the tables: a layer that is loaded keeps its table's name."""
    file = step.dataset.file
    taken = {base for other, base in current.plan.bases.items() if other != file}
    if not step.dataset.hint.table:
        here = set(current.plan.bases)
        known: Catalogue = catalogue.known(current.connection)
        taken |= {one.table for one in known.tables if one.file != file and one.file in here}
    return layer_names(file, step.base, [layer.name for layer in spooled.layers], taken)


def _record(current: _Pass, step: Load, reader: str, layer: SpooledLayer, staged: Staged) -> Record:
    measures, spatial = staged.measures, staged.geometry_type is not None
    return Record(
        file=step.dataset.file,
        layer=layer.name if layer.name is None else catalogue.storable(layer.name),
        table=staged.table,
        format=reader,
        identity=step.dataset.identity,
        commit=current.commit.id,
        committed_at=current.commit.committed_at,
        author=current.commit.author,
        rows=measures.rows,
        null_geometries=measures.null_geometries,
        empty_geometries=measures.empty_geometries,
        invalid_geometries=measures.invalid_geometries,
        geometry_type=staged.geometry_type,
        crs=staged.reference.code,
        srid=staged.reference.srid if spatial else None,
        bbox=measures.bbox,
        columns=[{"name": one.name, "original": one.original, "type": one.sql} for one in staged.attributes],
        warnings=list(staged.warnings),
        load_seconds=0.0,
    )


def _drop(current: _Pass, step: Drop) -> str:
    connection = current.connection
    if all(
        known.table != step.table or known.file != step.file for known in catalogue.known(connection).tables
    ):
        return "handed over"  # a file that moved has taken the table over
    try:
        with connection.transaction():
            swap.drop(connection, step.table)
            catalogue.forget_tables(connection, [step.table])
            catalogue.forget_failure(connection, step.file)
    except swap.PostponedError as reason:
        _fail(current, step.file, _AGAIN, str(reason))
        return "postponed"
    return "dropped"


def _fail(current: _Pass, file: str, identity: str, reason: str) -> None:
    _log.warning("%s: %s", file, reason)
    reason = reason[:_LONGEST_REASON]
    catalogue.fail(current.connection, file, reason, identity=identity, commit=current.commit.id)


def _empty(folder: Path) -> None:
    """Remove what reading processes of a killed loader left."""
    shutil.rmtree(folder, ignore_errors=True)
