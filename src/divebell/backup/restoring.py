"""Bring an event back from a backup: fetch, load, compare, put in place, start again."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from divebell.backup import loading
from divebell.backup.homes import count
from divebell.backup.loading import Compared
from divebell.backup.manifest import FORMAT, LeftOut, Manifest, from_json
from divebell.backup.placing import Places, place_files, put, remove
from divebell.backup.store import Snapshot, Store
from divebell.backup.take import MANIFEST
from divebell.database import admin, prepare
from divebell.errors import DivebellError
from divebell.event import Event, State, ensure_secrets, load_event
from divebell.event.state import write_private
from divebell.local.ports import choose_ports_beside
from divebell.local.running import bring_up, only_one, take_down, watch_start

START_SECONDS = 120
TELL_SECONDS = 2.0
SPARE = 512 * 1024**2

Say = Callable[[str], None]


@dataclass(frozen=True)
class Restored:
    """An event that was brought back."""

    snapshot: str
    event: str
    taken_at: str
    tables: int
    rows: int
    homes: int
    home_files: int
    home_bytes: int
    differing: tuple[str, ...]
    """Volunteers' tables that are not what they were, and why."""
    notes: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    """What the backup itself had not."""
    running: bool


def newest_work(state: State) -> datetime | None:
    """Tell when somebody last worked here; None where nobody ever did."""
    file = state.hub / "jupyterhub.sqlite"
    if not file.exists():
        return None
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as hub:
        try:
            row = hub.execute("SELECT max(last_activity) FROM users").fetchone()
        except sqlite3.DatabaseError:
            return None
    return datetime.fromisoformat(row[0]).replace(tzinfo=UTC) if row and row[0] else None


def is_empty(state: State) -> bool:
    """Tell whether there is nothing here that a restore would replace."""
    folders = (state.homes, state.disks)
    return newest_work(state) is None and not any(each.is_dir() and any(each.iterdir()) for each in folders)


def is_interrupted(state: State) -> bool:
    """Tell whether a restore began here and did not end."""
    return _under_way(state).exists()


def fetch(store: Store, snapshot: str, folder: Path, only: str | None, say: Say) -> None:
    """Bring a backup's files, or those below `only`, into a folder, and compare each with the store."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    chosen = ["--include", only] if only else []
    words = ("restore", snapshot, "--target", str(folder), "--verify", *chosen)
    free, told = shutil.disk_usage(folder).free, time.monotonic()
    with store.opened() as (environment, descriptor):
        process = subprocess.Popen(
            store.restic(*words),
            env=environment,
            pass_fds=(descriptor,),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        complaints = ""
        while True:
            try:
                complaints = process.communicate(timeout=TELL_SECONDS)[1]
            except subprocess.TimeoutExpired:
                fetched = max(free - shutil.disk_usage(folder).free, 0)
                say(f"fetching: {fetched / 1e6:,.0f} MB in {time.monotonic() - told:.0f} s")
            else:
                break
    if process.returncode:
        raise store.in_words(complaints)


def manifest_of(store: Store, snapshot: str, state: State) -> Manifest:
    """Read what a backup says of itself. Raises DivebellError where this divebell does not understand it."""
    path = f"/{state.folder.name}/backup/contents/{MANIFEST}"
    try:
        manifest = from_json(store.run("dump", snapshot, path))
    except ValueError as error:
        raise DivebellError(f"backup {snapshot} cannot be read: {error}") from error
    if manifest.format > FORMAT:
        raise DivebellError(
            f"divebell {manifest.divebell} made backup {snapshot}, and this one does not understand it",
            next_step=f"install divebell {manifest.divebell} or newer",
        )
    return manifest


def restore(state: State, store: Store, snapshot: Snapshot, say: Say) -> Restored:
    """Bring the event back and start it again if it was up. What was here goes once all has worked.

    Raises DivebellError in words; run again, it goes on. Until the new database has taken its place, what
    was here is as before.
    """
    for folder in (state.folder, state.run, state.logs, state.hub, state.homes):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_one(state, "backup"), only_one(state, "restore"):
        manifest = manifest_of(store, snapshot.id, state)
        _fetch_all(state, store, snapshot, manifest, say)
        put_event_file(state)
        event = load_event(state.event_file)
        was_up = _take_down(state, snapshot, say)
        compared, counted = _replace(event, state, manifest, say)
        if was_up:
            ports = bring_up(load_event(state.event_file), state, None, say, ends_with_us=False).ports
        shutil.rmtree(state.restore)
        if was_up:
            deque(watch_start(state, ports), maxlen=0)
    return _told(snapshot, manifest, compared, counted, running=was_up)


def put_event_file(state: State) -> None:
    """Put the event file back where there is none; one that is there was written for this machine."""
    if not state.event_file.exists():
        new = Places(state).new / state.event_file.name
        put(new, state.event_file, Places(state).old / new.name)


def _fetch_all(state: State, store: Store, snapshot: Snapshot, manifest: Manifest, say: Say) -> None:
    """Fetch the whole backup, unless that has been done by a try that was interrupted later."""
    places, done = Places(state), state.restore / "fetched"
    if done.exists() and done.read_text() == snapshot.id:
        return
    _require_room(state, manifest)
    say(f"fetching backup {snapshot.id} of {manifest.event}, {manifest.taken_at}")
    for leftover in (done, places.new):
        remove(leftover)
    state.restore.mkdir(mode=0o700, exist_ok=True)
    fetch(store, snapshot.id, places.new, None, say)
    write_private(done, snapshot.id)


def _require_room(state: State, manifest: Manifest) -> None:
    wanted, free = manifest.home_bytes + SPARE, shutil.disk_usage(state.folder).free
    if free < wanted:
        raise DivebellError(
            f"the backup needs more than {wanted / 1e9:.1f} GB, and the disk of {state.folder} has "
            f"{free / 1e9:.1f} GB left",
            next_step="make room there, then run the same again; what was here is as before",
        )


def _under_way(state: State) -> Path:
    return state.restore / "under-way.json"


def _take_down(state: State, snapshot: Snapshot, say: Say) -> bool:
    """Stop the event; tell whether it was up when the restore began, also if that was an earlier try."""
    note = _under_way(state)
    if note.exists():
        was_up = bool(json.loads(note.read_text())["was_up"])
        take_down(state, say)
        return was_up
    say("stopping the event")
    was_up = take_down(state, say) > 0
    write_private(note, json.dumps({"was_up": was_up, "snapshot": snapshot.id}))
    return was_up


def _replace(event: Event, state: State, manifest: Manifest, say: Say) -> tuple[Compared, tuple[int, int]]:
    ensure_secrets(event, state)
    if not state.ports_file.exists():
        choose_ports_beside(state).save(state)
    with server(state):
        prepare(event, state)
        say(f"loading {manifest.rows:,} rows in {len(manifest.database.tables)} tables")
        compared = loading.load(state, Places(state).contents / "database", manifest.database)
        loading.swap(state)
        say(f"putting {len(manifest.homes)} homes in their places")
        place_files(event, state, manifest)
        prepare(event, state)
        loading.forget_earlier(state)
    return compared, count_homes(state)


def count_homes(state: State) -> tuple[int, int]:
    """Count files and bytes in all homes."""
    found = count(state).homes
    return sum(each.files for each in found), sum(each.bytes for each in found)


@contextmanager
def server(state: State) -> Iterator[None]:
    """Run the event's PostgreSQL, and nothing else of the event, for as long as it is needed."""
    tether = ["setpriv", "--pdeathsig", "INT", "--"]
    with (state.logs / "restore.log").open("ab") as log:
        process = subprocess.Popen(
            [*tether, sys.executable, "-m", "divebell.database.serve", str(state.folder.parent)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_for(state, process)
        yield
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGINT)
        process.wait()


def _wait_for(state: State, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            admin(state, "postgres").close()
        except DivebellError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise DivebellError(
                    f"PostgreSQL did not start: {error.message}",
                    next_step=f"look at {state.logs / 'restore.log'}, then run the same again",
                ) from error
            time.sleep(0.1)
        else:
            return


def _told(
    snapshot: Snapshot, manifest: Manifest, compared: Compared, counted: tuple[int, int], *, running: bool
) -> Restored:
    return Restored(
        snapshot=snapshot.id,
        event=manifest.event,
        taken_at=manifest.taken_at,
        tables=compared.tables,
        rows=compared.rows,
        homes=len(manifest.homes),
        home_files=counted[0],
        home_bytes=counted[1],
        differing=compared.volunteers,
        notes=compared.notes,
        left_out=manifest.left_out,
        running=running,
    )
