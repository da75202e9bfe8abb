"""An event that is up, into which the benchmark commits files and whose loader it asks."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from contenders.files import Job, fresh
from divebell.database import admin, connect, conninfo
from divebell.event import State
from divebell.local.leftovers import processes_of
from divebell.pipeline.worker import REQUESTS

SCHEMA = "peers"
"""Where the others load into: the event's own PostgreSQL, as the loader's role."""
_EVENT = "name: Benchmark\npeople: {expected: 60}\ndata: {repository: .}\n"
_LONGEST_SECONDS = 1800.0
_LOOK_SECONDS = 0.01
_SAMPLE_SECONDS = 0.1


@dataclass
class Event:
    """A running event and what was measured of its loader."""

    folder: Path
    connection: psycopg.Connection
    turn: int = 0
    peak_bytes: int = 0
    with_git: dict[str, list[float]] = field(default_factory=dict)
    """Seconds from the moment the branch names the commit until the catalogue has its row."""

    @property
    def state(self) -> State:
        """Where its parts are found."""
        return State.beside(self.folder / "event.yaml")

    @property
    def target(self) -> dict[str, str]:
        """How the peers sign in: libpq's variables."""
        known = conninfo(self.state, "event_loader")
        names = {"dbname": "PGDATABASE"}
        return {names.get(key, f"PG{key.upper()}"): str(value) for key, value in known.items()}

    def put(self, job: Job) -> Job:
        """Take the last file away, until its table is gone, and place the next one without committing it."""
        for file in (self.folder / "data").iterdir():
            file.unlink()
        self._publish(self._commit())
        self._wait("SELECT count(*) = 0 FROM catalogue.dataset", ())
        self.turn += 1
        return fresh(job, self.folder / "data", self.turn)

    def load(self, job: Job) -> float:
        """Give the seconds that the loader writes into the catalogue."""
        commit = self._commit()
        with self._watched():
            began = time.perf_counter()
            self._publish(commit)
            self._wait("SELECT count(*) > 0 FROM catalogue.dataset WHERE commit = %s", (commit,))
            seconds = time.perf_counter() - began
        [(table, rows, inside)] = self.connection.execute(
            "SELECT table_name, rows, load_seconds FROM catalogue.dataset"
        ).fetchall()
        check(self.connection, "data", table, job.rows)
        if rows != job.rows:
            raise RuntimeError(f"the catalogue says {rows:,} rows of {job.file.name}, not {job.rows:,}")
        self.with_git.setdefault(job.format, []).append(seconds)
        return float(inside)

    def settle(self) -> None:
        """Let disk and database finish what was written, so that nobody pays for another's rows."""
        with admin(self.state, autocommit=True) as database:
            database.execute("CHECKPOINT")
        subprocess.run(["sync"], check=True)

    def _commit(self) -> str:
        """Make a commit of the folder that the branch does not name yet."""
        self._git("add", "--all")
        parent = ["-p", "refs/heads/main"]
        return self._git("commit-tree", self._git("write-tree"), *parent, "-m", "data")

    def _publish(self, commit: str) -> None:
        self._git("update-ref", "refs/heads/main", commit)
        self.connection.execute(sql.SQL("NOTIFY {}").format(sql.Identifier(REQUESTS)))

    def _wait(self, question: str, values: tuple[str, ...]) -> None:
        deadline = time.monotonic() + _LONGEST_SECONDS
        while not self.connection.execute(question, values).fetchone()[0]:  # type: ignore[index]
            if failed := self.connection.execute("SELECT file, reason FROM catalogue.failure").fetchone():
                raise RuntimeError(f"divebell could not load {failed[0]}: {failed[1]}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"divebell's loader did not answer; see {self.state.folder}")
            time.sleep(_LOOK_SECONDS)

    def _git(self, *arguments: str) -> str:
        names = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
        return run(["git", "-C", str(self.folder), *names, *arguments]).strip()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Sample the memory of the loader and everything below it, shared pages counted once."""
        loader, stop = _loader(self.state), threading.Event()

        def sample() -> None:
            while not stop.wait(_SAMPLE_SECONDS):
                self.peak_bytes = max(self.peak_bytes, _memory(loader))

        watcher = threading.Thread(target=sample, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()


@contextmanager
def running_event() -> Iterator[Event]:
    """Keep an event up in a temporary folder for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="divebell-bench-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        (folder / "event.yaml").write_text(_EVENT)
        run([*divebell("up"), str(folder), "--detach", "--port", str(free_port())])
        try:
            state = State.beside(folder / "event.yaml")
            _make_room(state)
            with connect(state, "event_loader", autocommit=True) as connection:
                yield Event(folder, connection)
        finally:
            run([*divebell("down"), str(folder)])


def _make_room(state: State) -> None:
    """Make the peers' schema, and let them call the function that shp2pgsql makes its table with."""
    with admin(state) as database:
        database.execute(sql.SQL("CREATE SCHEMA {} AUTHORIZATION event_owner").format(sql.Identifier(SCHEMA)))
        functions = "SELECT oid::regprocedure::text FROM pg_proc WHERE proname = 'addgeometrycolumn'"
        for (function,) in database.execute(functions).fetchall():
            grant = sql.SQL("GRANT EXECUTE ON FUNCTION {} TO event_owner")
            database.execute(grant.format(sql.SQL(function)))


def check(connection: psycopg.Connection, schema: str, table: str, rows: int) -> None:
    """See to it that nobody wins by failing: every row is there, and every one has its geometry."""
    found = connection.execute(
        "SELECT f_geometry_column FROM geometry_columns WHERE f_table_schema = %s AND f_table_name = %s",
        (schema, table),
    ).fetchall()
    if not found:
        raise RuntimeError(f"{schema}.{table} has no geometry")
    statement = sql.SQL("SELECT count(*), count({}) FROM {}").format(
        sql.Identifier(found[0][0]), sql.Identifier(schema, table)
    )
    counts = connection.execute(statement).fetchone()
    if counts != (rows, rows):
        raise RuntimeError(f"{schema}.{table} has (rows, geometries) {counts}, not {rows:,} of each")


def run(command: list[str], variables: dict[str, str] | None = None, given: str = "") -> str:
    """Run a command that must succeed, with `given` on its standard input; give what it printed."""
    environment = os.environ | (variables or {})
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, input=given)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def divebell(action: str) -> list[str]:
    """Give the beginning of one of divebell's commands."""
    return [sys.executable, "-m", "divebell", action]


def free_port() -> int:
    """Give a loopback port that nothing listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _loader(state: State) -> psutil.Process:
    for process in processes_of(state):
        if "divebell.pipeline" in process.cmdline():
            return process
    raise RuntimeError(f"the event's loader does not run; see {state.logs}")


def _memory(loader: psutil.Process) -> int:
    total = 0
    for process in [loader, *loader.children(recursive=True)]:
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue  # it has just ended
    return total
