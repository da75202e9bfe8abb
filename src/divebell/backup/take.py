"""Back an event up: make everything ready, copy it away in one snapshot, forget the oldest."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from divebell import disks
from divebell._version import __version__
from divebell.backup import dump, homes
from divebell.backup.manifest import FORMAT, LeftOut, Manifest, to_json
from divebell.backup.store import HOST, Store, check, ensure_store, forget, require_restic, snapshots, tags
from divebell.errors import DivebellError
from divebell.event import Event, State, repository_folder
from divebell.event.last_backup import LastBackup
from divebell.local.running import only_one
from divebell.pipeline.folder import git_folder, is_repository

CHECK_SECONDS = 24 * 3600
TELL_SECONDS = 2.0
CONTENTS = "contents"
MANIFEST = "manifest.json"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Taken:
    """One backup that is whole in the store."""

    snapshot: str
    event: str
    taken_at: str
    tables: int
    rows: int
    homes: int
    home_bytes: int
    added_bytes: int
    """What the store grew by, before compression."""
    seconds: float
    left_out: tuple[LeftOut, ...]
    unreadable: tuple[str, ...]
    """Files that could not be read, such as those deleted at that moment."""


def back_up(event: Event, state: State, store: Store, say: Say) -> Taken:
    """Copy the event into the store while it goes on, and note how that went.

    Raises DivebellError in words; what the store had before is whole then.
    """
    require_restic()
    if not state.run.is_dir():
        raise DivebellError("this event has not been started yet", next_step="divebell up")
    with only_one(state, "backup"):
        before = LastBackup.load(state) or LastBackup(time.time())
        try:
            taken = _take(event, state, store, say)
            now = time.time()
            before = replace(before, tried_at=now, error="", succeeded_at=now, snapshot=taken.snapshot)
            before = _tidy(event, store, before, say)
        except (DivebellError, OSError) as error:
            why = error.message if isinstance(error, DivebellError) else str(error)
            replace(before, tried_at=time.time(), error=why).save(state)
            raise
        before.save(state)
    return taken


def _take(event: Event, state: State, store: Store, say: Say) -> Taken:
    started = time.monotonic()
    ensure_store(store)
    parent = next((each.id for each in snapshots(store)), None)
    hidden = homes.show_all(state)
    contents = state.backup / CONTENTS
    shutil.rmtree(contents, ignore_errors=True)
    contents.mkdir(mode=0o700, parents=True)
    try:
        manifest = _make_ready(event, state, contents, tuple(hidden), say)
        said = _Said(say)
        for message in store.follow(*_words(state, manifest, parent), cwd=state.folder.parent):
            said.hear(message)
    finally:
        shutil.rmtree(contents, ignore_errors=True)
    return said.taken(manifest, time.monotonic() - started)


def _make_ready(
    event: Event, state: State, contents: Path, hidden: tuple[LeftOut, ...], say: Say
) -> Manifest:
    say("reading the database")
    taken_at = datetime.now(UTC).isoformat(timespec="seconds")
    database = dump.take(state, contents / "database")
    copy_sqlite(state.hub / "jupyterhub.sqlite", contents / "jupyterhub.sqlite")
    say("counting what is in the homes")
    found = homes.count(state)
    manifest = Manifest(
        FORMAT,
        __version__,
        event.name,
        taken_at,
        database,
        found.homes,
        (*hidden, *found.left_out),
        repository_of(event, state),
    )
    (contents / MANIFEST).write_bytes(to_json(manifest))
    (contents / "left-out").write_text(
        "".join(f"{homes.pattern(str(state.folder / left.path))}\n" for left in manifest.left_out)
    )
    return manifest


def _words(state: State, manifest: Manifest, parent: str | None) -> list[str]:
    """Give restic's arguments for the one snapshot that holds it all."""
    here = state.folder.name
    wanted = [
        state.event_file.name,
        *(f"{here}/{name}" for name in ("secrets.json", f"backup/{CONTENTS}", "homes")),
        *shared_folders(state),
        *([manifest.repository] if manifest.repository else []),
        f"{here}/{state.repository.name}",  # its branches shared/<name> are in no other place
    ]
    there = [word for word in wanted if (state.folder.parent / word).exists()]
    dumped = sum(file.stat().st_size for file in (state.backup / CONTENTS).rglob("*"))
    size = manifest.home_bytes + dumped
    since = ["--parent", parent] if parent else []
    left_out = [
        "--exclude-file",
        f"{here}/backup/{CONTENTS}/left-out",
        "--exclude",
        f"{here}/homes/*/lost+found",
    ]
    return [
        "backup",
        "--host",
        HOST,
        *tags(manifest.event, __version__, size),
        *since,
        *left_out,
        "--",
        *there,
    ]


def shared_folders(state: State) -> list[str]:
    """Name what volunteers share that does not lie in their homes: where nothing can be mounted."""
    folders = sorted(state.shared.iterdir()) if state.shared.is_dir() else []
    return [f"{state.folder.name}/shared/{each.name}" for each in folders if not disks.is_mounted(each)]


def repository_of(event: Event, state: State) -> str | None:
    """Name the git directory of a repository on this machine; the mirror only borrows from that one."""
    folder = repository_folder(event.data.repository, state.event_file)
    if folder is None or not is_repository(folder):
        return None
    place = git_folder(folder.resolve())
    here = state.folder.parent.resolve()
    return str(place.relative_to(here) if place.is_relative_to(here) else place)


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a SQLite database as it is at one moment, while others write it."""
    if not source.exists():
        return
    with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as live, sqlite3.connect(target) as copy:
        live.backup(copy)
    copy.close()
    live.close()


class _Said:
    """Hears what restic says and passes on how far it is, now and then."""

    def __init__(self, say: Say) -> None:
        self._say, self._told = say, time.monotonic()
        self._unreadable: list[str] = []
        self._summary: dict[str, Any] = {}

    def hear(self, message: dict[str, Any]) -> None:
        """Take in one message."""
        match message.get("message_type"):
            case "summary":
                self._summary = message
            case "error":
                self._unreadable.append(str(message.get("item", "")))
            case "status" if time.monotonic() - self._told > TELL_SECONDS:
                self._told = time.monotonic()
                done, size = message.get("bytes_done", 0), message.get("total_bytes", 0)
                self._say(f"copying: {done / 1e6:,.0f} of {size / 1e6:,.0f} MB")

    def taken(self, manifest: Manifest, seconds: float) -> Taken:
        """Give what was taken, once restic has ended."""
        if "snapshot_id" not in self._summary:
            raise DivebellError(
                "restic ended without saying that the backup is whole", next_step="divebell backup"
            )
        return Taken(
            snapshot=self._summary["snapshot_id"],
            event=manifest.event,
            taken_at=manifest.taken_at,
            tables=len(manifest.database.tables),
            rows=manifest.rows,
            homes=len(manifest.homes),
            home_bytes=manifest.home_bytes,
            added_bytes=self._summary.get("data_added", 0),
            seconds=round(seconds, 1),
            left_out=manifest.left_out,
            unreadable=tuple(self._unreadable),
        )


def _tidy(event: Event, store: Store, note: LastBackup, say: Say) -> LastBackup:
    """Forget the oldest backups; check the store once a day."""
    store.run(*forget(event.backups.keep))
    if note.checked_at is not None and time.time() - note.checked_at < CHECK_SECONDS:
        return note
    say("checking the store")
    store.run(*check())
    return replace(note, checked_at=time.time())
