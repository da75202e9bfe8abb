"""Make the tables what the branch says: fetch, check out, plan, and carry out each step by itself."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from divebell.errors import DivebellError
from divebell.event import Event, State
from divebell.pipeline import catalogue, checkout, handover, rasters, swap
from divebell.pipeline.catalogue import Connection
from divebell.pipeline.entry import Loaded, record
from divebell.pipeline.found import below_folder
from divebell.pipeline.names import layer_names
from divebell.pipeline.plan import Adopt, Drop, Forget, Keep, Load, Plan, Report, datasets, plan
from divebell.pipeline.reading.frames import Opened
from divebell.pipeline.reading.service import FileRefusedError, Readings
from divebell.pipeline.reading.warming import SOCKET_VARIABLE
from divebell.pipeline.repository import Commit, Repository
from divebell.pipeline.stage import Bench, Staged, expect, fixes, stage
from divebell.pipeline.users import users

_log = logging.getLogger(__name__)
_AGAIN = "again"
"""Identity of a failure that may have passed by the next time: no dataset has it, so it is tried again."""
_LONGEST_REASON = 2000
_ROWS_WORTH_TELLING = 100_000

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Summary:
    """What one pass did."""

    commit: str
    loaded: int = 0
    kept: int = 0
    dropped: int = 0
    retired: int = 0
    """Tables whose file is gone, and which stay as long as somebody's work uses them."""
    failed: int = 0
    postponed: int = 0
    """How many of the failed ones may succeed if they are simply tried again."""
    problem: str | None = None
    """What is wrong with the commit as a whole."""


@dataclass(frozen=True)
class Tools:
    """What the loader keeps from pass to pass."""

    connection: Connection
    """In autocommit."""
    beside: Callable[[], Connection]
    """Gives a second connection like the first."""
    readings: Readings
    progress: Progress


@dataclass(frozen=True)
class _Pass:
    """What every step of one pass needs."""

    tools: Tools
    repository: Repository
    commit: Commit
    plan: Plan

    @property
    def connection(self) -> Connection:
        """The loader's connection."""
        return self.tools.connection


def bring_up_to_date(tools: Tools, event: Event, repository: Repository, commit_id: str) -> Summary:
    """Load what is new at a commit and drop what is gone.

    A file that fails is written to the catalogue with the reason. Raises DivebellError when the commit itself
    cannot be had, and psycopg.OperationalError when the database goes away; a later call carries on.
    """
    tools.progress("Fetching")
    commit = repository.fetch(commit_id)
    tools.progress("Checking out")
    checkout.update(repository, commit.files)
    found, reports = datasets(commit.files, event.data.folder, event.data.datasets)
    current = _Pass(tools, repository, commit, plan(found, reports, catalogue.known(tools.connection)))
    clear(tools.connection)
    counts = _carry_out(current)
    catalogue.loaded_in_full(tools.connection, commit.id)
    hints = {one.file: one.hint for one in found}
    rasters.keep(tools.connection, tools.readings, repository.state, hints, tools.progress)
    return Summary(commit.id, **counts, problem=_problem(commit, event))


def readings(state: State) -> Readings:
    """Give what reads the files of an event's checkout."""
    state.checkout.mkdir(mode=0o755, parents=True, exist_ok=True)
    return Readings([state.checkout], state.run / "reading", os.environ.get(SOCKET_VARIABLE))


def _problem(commit: Commit, event: Event) -> str | None:
    if any(file.path.startswith(below_folder(event.data.folder)) for file in commit.files):
        return None
    return f"commit {commit.id[:10]} has no folder '{event.data.folder}'; data.folder in event.yaml names it"


def _carry_out(current: _Pass) -> dict[str, int]:
    counts: Counter[str] = Counter()
    loads = sum(isinstance(step, Load) for step in current.plan.steps)
    number = 0
    for step in current.plan.steps:
        if isinstance(step, Load):
            number += 1
            where = f"{step.dataset.file} ({number} of {loads})"
            current.tools.progress(f"Loading {where}")
            counts[_attempt(current, step, where)] += 1
        else:
            counts[_step(current, step)] += 1
    counts["failed"] += counts["postponed"]
    return {name: counts[name] for name in ("loaded", "kept", "dropped", "retired", "failed", "postponed")}


def _step(current: _Pass, step: Keep | Report | Forget | Drop | Adopt) -> str:
    match step:
        case Adopt():
            return _adopt(current, step)
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


def _adopt(current: _Pass, step: Adopt) -> str:
    try:
        if handover.adopt(current.connection, step, current.commit):
            return "kept"
    except swap.PostponedError as reason:
        _fail(current, step.dataset.file, _AGAIN, str(reason))
        return "postponed"
    outcome = _attempt(current, step.load, step.dataset.file)
    for table, _ in step.names:
        _drop(current, Drop(step.source, table))
    return outcome


def _attempt(current: _Pass, step: Load, where: str) -> str:
    """Load one dataset; whatever goes wrong is its failure and nobody else's, unless the database is gone."""
    file, identity = step.dataset.file, step.dataset.identity
    try:
        _load(current, step, where)
    except Exception as error:
        if current.connection.broken or current.connection.closed:
            raise
        passing = _passing(error)
        _fail(current, file, _AGAIN if passing else identity, _in_words(error))
        return "postponed" if passing else "failed"
    return "loaded"


def _passing(error: Exception) -> bool:
    """Tell whether the same file may well load the next time."""
    if isinstance(error, FileRefusedError):
        return error.passing
    return isinstance(error, swap.PostponedError | psycopg.OperationalError | OSError | MemoryError)


def _in_words(error: Exception) -> str:
    if isinstance(error, DivebellError):
        return str(error)
    if isinstance(error, psycopg.Error):
        return f"PostgreSQL refused it: {error}"
    _log.error("a file could not be loaded", exc_info=error)
    return f"it could not be loaded: {type(error).__name__}: {error}"


def _load(current: _Pass, step: Load, where: str) -> None:
    """Stage every layer, then put all in place: a file's tables change together or not at all."""
    began = time.monotonic()
    path = current.repository.state.checkout / step.dataset.file
    if not path.is_file():
        raise DivebellError("its path cannot be made on this machine; give it a shorter, plain name")
    connection = current.connection
    try:
        reader, staged = _staged(current, step, path, where)
        _rename_used(current, step, staged)
        _replace(current, step, reader, staged, began)
    except Exception:
        if not (connection.broken or connection.closed):
            clear(connection)
        raise


def _staged(current: _Pass, step: Load, path: Path, where: str) -> tuple[str, list[Staged]]:
    """Have a file read and its layers staged; give the name of its format with them."""
    tools = current.tools
    with tools.readings.read(path, step.dataset.hint) as told:
        opened = expect(told, Opened)
        if opened.format is not None and not opened.layers:
            raise DivebellError("it holds no table")
        tables = _tables(step, opened.layers, current)
        counted = _counter(tools.progress, where)
        bench = Bench(tools.connection, step.dataset.file, told, counted, tools.beside)
        staged = [stage(bench, table) for table in tables]
        next(told, None)  # hears that this is all
    return opened.format or "", staged


def _rename_used(current: _Pass, step: Load, staged: list[Staged]) -> None:
    """Let tables that somebody uses follow their file's new table name; views go along with a table."""
    connection, file = current.connection, step.dataset.file
    known = catalogue.layers_of(connection, file)
    names = [(known[one.layer], one.table) for one in staged if known.get(one.layer, one.table) != one.table]
    used = tuple(pair for pair in names if users(connection, pair[0]))
    if used and not handover.adopt(connection, Adopt(step, file, used), current.commit):
        old, new = used[0]
        raise swap.PostponedError(
            f"its table '{old}', which somebody uses, cannot be called '{new}' while another table is"
        )


def _counter(progress: Progress, where: str) -> Callable[[int], None]:
    def counted(rows: int) -> None:
        if rows >= _ROWS_WORTH_TELLING:
            progress(f"Loading {where}: {rows:,} rows")

    return counted


def _replace(current: _Pass, step: Load, reader: str, staged: list[Staged], began: float) -> None:
    connection, file = current.connection, step.dataset.file
    before = catalogue.tables_of(connection, [file])
    gone = sorted(set(before) - {one.table for one in staged})

    def write_down(used: list[str]) -> None:
        connection.execute("SET LOCAL synchronous_commit = on")  # all that came before is safe then, too
        catalogue.forget_tables(connection, [table for table in before if table not in used])
        for table in used:
            handover.retire(connection, table, current.commit)
        for one in staged:
            seconds = round(time.monotonic() - began, 3)
            catalogue.remember(connection, record(Loaded(step.dataset, current.commit, reader, seconds), one))
            if one.fixed:
                catalogue.keep_originals(connection, one.table, fixes(one.table))
        catalogue.forget_failure(connection, file)

    swap.put(connection, staged, gone, write_down)
    for one in staged:
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(fixes(one.table)))


def clear(connection: Connection) -> None:
    """Drop what a loader that was killed has left in schema `stage`; there is never more than one loader."""
    for (table,) in connection.execute(catalogue.query("staged")).fetchall():
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(sql.Identifier("stage", table)))


def _tables(step: Load, layers: Sequence[str | None], current: _Pass) -> list[str]:
    """Name the tables: a layer that is loaded keeps its table's name."""
    file = step.dataset.file
    taken = {base for other, base in current.plan.bases.items() if other != file}
    if not step.dataset.hint.table:
        taken |= set(
            catalogue.tables_of(current.connection, [one for one in current.plan.bases if one != file])
        )
    return layer_names(file, step.base, layers, taken)


def _drop(current: _Pass, step: Drop) -> str:
    connection = current.connection
    if step.table not in catalogue.tables_of(connection, [step.file]):
        return "handed over"  # a file that moved has taken the table over
    try:
        dropped = handover.leave(connection, step.table, current.commit)
    except swap.PostponedError as reason:
        _fail(current, step.file, _AGAIN, str(reason))
        return "postponed"
    if step.file not in current.plan.bases:
        catalogue.forget_failure(connection, step.file)
    return "dropped" if dropped else "retired"


def _fail(current: _Pass, file: str, identity: str, reason: str) -> None:
    _log.warning("%s: %s", file, reason)
    reason = reason[:_LONGEST_REASON]
    catalogue.fail(current.connection, file, reason, identity=identity, commit=current.commit.id)
