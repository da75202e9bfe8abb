"""Put files of a backup in their places; what was there lies aside until the whole restore has worked.

Each step may be repeated: a restore that was interrupted goes on when it is run again.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from divebell import disks
from divebell.backup.manifest import Manifest
from divebell.backup.take import CONTENTS
from divebell.event import Event, Secrets, State, repository_folder
from divebell.event.state import write_private
from divebell.hub.spawner import accounts


@dataclass(frozen=True)
class Places:
    """Where a restore finds what it brings, and puts what was here."""

    state: State

    @property
    def new(self) -> Path:
        """The event's folder as the backup has it."""
        return self.state.restore / "new"

    @property
    def old(self) -> Path:
        """The state folder's contents that were here."""
        return self.state.restore / "old"

    @property
    def new_state(self) -> Path:
        """The state folder as the backup has it."""
        return self.new / self.state.folder.name

    @property
    def contents(self) -> Path:
        """What the backup made ready: the database, the manifest, the hub's own database."""
        return self.new_state / "backup" / CONTENTS


def place_files(event: Event, state: State, manifest: Manifest) -> None:
    """Put homes, the hub's database, the repository and secrets in their places."""
    places = Places(state)
    for folder in disks.mounted_below(state.folder):
        if not folder.is_relative_to(state.postgres):
            disks.release(folder)
    put_aside(state.disks, places.old / state.disks.name, when=(places.new_state / "homes").exists())
    put(places.new_state / "homes", state.homes, places.old / "homes")
    state.homes.mkdir(mode=0o711, exist_ok=True)
    state.homes.chmod(0o711)
    _settle_homes(event, state, manifest)
    _put_as_before(places.contents / "jupyterhub.sqlite", state.hub / "jupyterhub.sqlite", places)
    _put_as_before(places.new_state / state.repository.name, state.repository, places)
    for shared in sorted((places.new_state / "shared").glob("*")):
        state.shared.mkdir(mode=0o755, exist_ok=True)
        put(shared, state.shared / shared.name, places.old / "shared" / shared.name)
    _put_repository(event, state, manifest)
    merge_secrets(places.new_state / "secrets.json", state)


def put(new: Path, place: Path, aside: Path) -> None:
    """Let `new` take its place; what was there goes aside, unless something already lies there.

    Nothing happens where there is no `new`: it has taken its place already, or never was in the backup.
    """
    if not os.path.lexists(new):
        return
    put_aside(place, aside, when=True)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new.rename(place)


def put_aside(place: Path, aside: Path, *, when: bool) -> None:
    """Move what is at a place aside; what an earlier try brought there is thrown away instead."""
    if not when or not os.path.lexists(place):
        return
    if os.path.lexists(aside):
        remove(place)
        return
    aside.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.rename(aside)


def remove(path: Path) -> None:
    """Take away a file or folder."""
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def merge_secrets(file: Path, state: State) -> None:
    """Let the backup's passwords and keys hold again; the keys of the store stay those of this machine."""
    if not file.exists():
        return
    found = json.loads(file.read_text())
    known = {each.name for each in dataclasses.fields(Secrets)}
    if state.secrets_file.exists():
        here = json.loads(state.secrets_file.read_text())
        found["backup_environment"] = here.get("backup_environment") or found.get("backup_environment", {})
    kept = {name: value for name, value in found.items() if name in known}
    write_private(state.secrets_file, json.dumps(kept, indent=2) + "\n")


def _put_as_before(new: Path, place: Path, places: Places) -> None:
    """Put something in its place and give it to whoever owned what was there, or the folder above."""
    if not os.path.lexists(new):
        return
    owner = (place if place.exists() else place.parent).stat() if place.parent.exists() else None
    if os.geteuid() == 0 and owner is not None:
        give(new, owner.st_uid, owner.st_gid)
    for leftover in place.parent.glob(f"{place.name}-*"):  # a journal of the database that was there
        remove(leftover)
    put(new, place, places.old / place.relative_to(places.state.folder))


def give(path: Path, uid: int, gid: int, only: int | None = None) -> None:
    """Give a file, or a folder with all in it, to an account; `only` what belongs to that one so far.

    A folder itself comes last, so that its owner tells whether all of it has been given.
    """
    inner: list[str] = [
        os.path.join(above, name)  # noqa: PTH118 - names need not be text
        for above, folders, files in os.walk(path)
        for name in (*folders, *files)
    ]
    for each in (*inner, str(path)):
        if only is None or os.lstat(each).st_uid == only:
            os.chown(each, uid, gid, follow_symlinks=False)


def _settle_homes(event: Event, state: State, manifest: Manifest) -> None:
    """Give each home to an account of this event's own, and a disk of its own where there can be one."""
    if os.geteuid() != 0:
        return
    for count in sorted(manifest.homes, key=lambda each: each.name):
        folder = state.homes / count.name
        if not folder.is_dir() or folder.is_symlink() or disks.is_mounted(folder):
            continue
        uid = folder.lstat().st_uid
        if not accounts.in_block(state.homes, uid):
            uid = accounts.next_uid(state.homes)
            give(folder, uid, uid, only=folder.lstat().st_uid)
        folder.chmod(0o700)
        size = event.workspace.disk_bytes if state.containers_file.exists() else None
        accounts.ensure_disk(state, count.name, accounts.Home(folder, uid, uid), size)


def _put_repository(event: Event, state: State, manifest: Manifest) -> None:
    """Put the event's repository back where the event file says it lies, if there is nothing."""
    folder = repository_folder(event.data.repository, state.event_file)
    if folder is None or manifest.repository is None:
        return
    new = Places(state).new / manifest.repository.lstrip("/")
    if (folder.exists() and any(folder.iterdir()) and new.name != ".git") or not new.is_dir():
        return
    if new.name != ".git":
        remove(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        new.rename(folder)
    elif not (folder / ".git").exists():
        folder.mkdir(parents=True, exist_ok=True)
        new.rename(folder / ".git")
        trusted = ["git", "-c", "safe.directory=*", "-C", str(folder)]
        # only what is missing: nothing that lies there is overwritten
        done = subprocess.run(
            [*trusted, "ls-files", "--deleted", "-z"], capture_output=True, check=False
        ).stdout
        command = [*trusted, "checkout-index", "--quiet", "-z", "--stdin"]
        subprocess.run(command, input=done, capture_output=True, check=False)
