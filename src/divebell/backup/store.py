"""Where backups lie: one restic repository for each event, encrypted with the event's key."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from divebell.errors import DivebellError

HOST = "divebell"
"""What stands as the host in every snapshot: a restored event goes on where the lost machine left off."""
TAG = "divebell"
GENTLY = ("nice", "-n", "10", "ionice", "-c", "2", "-n", "7")
"""The event goes first on processor and disk."""
TETHER = ("setpriv", "--pdeathsig", "KILL", "--")
"""It ends with us: else what a killed restore began would go on writing where the next one does."""
REACH_SECONDS = 10
SHORT_SECONDS = 180
CHECKED_SHARE = "5%"
"""How much of the store's contents a check reads, beside all of its lists."""


class StoreError(DivebellError):
    """The store could not do it."""


class WrongKeyError(StoreError):
    """The store is encrypted with another key."""


class NothingThereError(StoreError):
    """There is no store at this place."""


@dataclass(frozen=True)
class Snapshot:
    """One backup in the store."""

    id: str
    time: str
    """When it was begun, as restic writes it (RFC 3339)."""
    event: str
    version: str
    """The divebell that made it."""
    bytes: int
    """What it holds, before anything is saved by what the store had already."""


@dataclass(frozen=True)
class Store:
    """One store and what opens it."""

    address: str
    key: str = field(repr=False)
    environment: dict[str, str] = field(repr=False)
    """Keys of the place, as environment variables."""
    cache: Path

    @property
    def folder(self) -> Path | None:
        """The store's folder, None where it is reached over a network."""
        return Path(self.address) if self.address.startswith("/") else None

    def restic(self, *words: str) -> list[str]:
        """Give the command line, in which nothing is secret."""
        cache = ["--no-cache"] if self.folder else ["--cache-dir", str(self.cache), "--cleanup-cache"]
        return [*TETHER, *GENTLY, "restic", "--repo", self.address, *cache, *words]

    def run(self, *words: str, cwd: Path | None = None, fine: tuple[int, ...] = (0,)) -> str:
        """Run a command to its end and give what it prints. Raises StoreError in words."""
        with self.opened() as (environment, descriptor):
            try:
                done = subprocess.run(
                    self.restic(*words),
                    cwd=cwd,
                    env=environment,
                    pass_fds=(descriptor,),
                    capture_output=True,
                    text=True,
                    errors="replace",
                    check=False,
                    timeout=SHORT_SECONDS if words[0] in {"cat", "snapshots", "init", "unlock"} else None,
                )
            except subprocess.TimeoutExpired:
                raise self.unreachable(f"no answer within {SHORT_SECONDS} s") from None
        if done.returncode not in fine:
            raise self.in_words(done.stderr or done.stdout)
        return done.stdout

    def follow(self, *words: str, cwd: Path) -> Iterator[dict[str, Any]]:
        """Run a command and yield each line of JSON it prints. Raises StoreError in words."""
        complaints: list[str] = []
        with (
            self.opened() as (environment, descriptor),
            subprocess.Popen(
                self.restic(words[0], "--json", *words[1:]),
                cwd=cwd,
                env=environment,
                pass_fds=(descriptor,),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            ) as process,
        ):
            for line in process.stdout or ():
                message = _json(line)
                if message is not None:
                    yield message
                    continue
                complaints.append(line)
                if re.search(_FULL, line, re.IGNORECASE):  # restic would try again for a quarter of an hour
                    process.send_signal(signal.SIGINT)
        if process.returncode not in {0, 3}:  # 3: made, but some files could not be read
            raise self.in_words("".join(complaints))

    @contextmanager
    def opened(self) -> Iterator[tuple[dict[str, str], int]]:
        """Give restic's environment; the key is in a file without a name that only our children inherit."""
        descriptor = os.memfd_create("key")
        try:
            os.write(descriptor, self.key.encode())
            kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
            yield (
                {
                    **kept,
                    "LC_ALL": "C.UTF-8",
                    "GOMAXPROCS": "1",
                    "RESTIC_PROGRESS_FPS": "1",
                    **self.environment,
                    "RESTIC_PASSWORD_FILE": f"/proc/self/fd/{descriptor}",
                },
                descriptor,
            )
        finally:
            os.close(descriptor)

    def unreachable(self, why: str) -> StoreError:
        """Give the error for a store that does not answer."""
        return StoreError(
            f"the store {self.address} cannot be reached: {why}",
            next_step="check the address `backups.to` and the network, then try again",
        )

    def in_words(self, said: str) -> StoreError:
        """Turn what restic says into what a person can do."""
        for pattern, kind, message, next_step in _WORDS:
            if re.search(pattern, said, re.IGNORECASE):
                return kind(message.format(self.address), next_step=next_step)
        for secret in (self.key, *self.environment.values()):
            said = said.replace(secret, "...") if secret else said
        lines = [line for line in said.strip().splitlines() if line.strip()]
        return StoreError(f"the store {self.address}: {lines[-1] if lines else 'restic failed'}")


_FULL = "no space left on device|disk quota exceeded"
_WORDS: tuple[tuple[str, type[StoreError], str, str], ...] = (
    (
        "wrong password or no key found",
        WrongKeyError,
        "the store {} is encrypted with another key than this event's",
        "give `divebell restore` the key that `divebell backup --show-key` printed; or choose another place",
    ),
    (
        _FULL,
        StoreError,
        "the store {} is full",
        "make room there, or keep fewer backups (`backups.keep`); earlier backups are whole",
    ),
    (
        "access ?denied|invalidaccesskeyid|signaturedoesnotmatch|access key id",
        StoreError,
        "the store {} does not accept the keys it is given",
        "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, then divebell deploy",
    ),
    (
        "already locked",
        StoreError,
        "another backup or restore is at work on the store {}",
        "wait for it; a lock left by a machine that is gone is taken away after 30 minutes",
    ),
    (
        "unable to open config file|is there a repository|bucket does not exist|nosuchbucket",
        NothingThereError,
        "there are no backups at {}",
        "divebell backup makes the first; or name another place with --from",
    ),
    (
        "permission denied|read-only file system",
        StoreError,
        "this account may not write the store {}",
        "choose another folder in `backups.to`, or run divebell as the account that owns it",
    ),
    (
        "connection refused|no such host|i/o timeout|network is unreachable",
        StoreError,
        "the store {} cannot be reached",
        "check the address `backups.to` and the network, then try again",
    ),
)


def require_restic() -> None:
    """Raise DivebellError where restic is not installed."""
    if shutil.which("restic") is None:
        raise DivebellError(
            "restic, which makes the backups, is not installed", next_step="apt-get install restic"
        )


def ensure_store(store: Store) -> None:
    """Make the store where there is none, and take away locks that a killed backup left."""
    require_reachable(store)
    try:
        store.run("cat", "config", "--no-lock")
    except NothingThereError:
        _make(store)
    store.run("unlock")


def require_reachable(store: Store) -> None:
    """Raise StoreError where nothing answers: restic itself would try for a quarter of an hour."""
    require_restic()
    if store.folder is not None:
        return
    parts = urlsplit(store.address.removeprefix("s3:"))
    port = parts.port or (80 if parts.scheme == "http" else 443)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=REACH_SECONDS).close()
    except OSError as error:
        raise store.unreachable(str(error)) from error


def _make(store: Store) -> None:
    if store.folder is not None:
        try:
            store.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise store.in_words(error.strerror or str(error)) from error
    store.run("init", "--repository-version", "2")


def snapshots(store: Store) -> list[Snapshot]:
    """Give all backups in the store, the latest first. Raises NothingThereError where there is no store."""
    require_reachable(store)
    found = json.loads(store.run("snapshots", "--json", "--no-lock", "--tag", TAG))
    return sorted((_snapshot(each) for each in found or ()), key=lambda each: each.time, reverse=True)


def snapshot_of(store: Store, wanted: str | None) -> Snapshot:
    """Give the backup that `wanted` begins the name of, or the latest."""
    found = snapshots(store)
    chosen = [each for each in found if wanted is None or each.id.startswith(wanted)]
    if not chosen:
        raise StoreError(
            f"there is no backup {wanted or ''} at {store.address}".replace("  ", " "),
            next_step="divebell backup --list shows which there are",
        )
    return chosen[0]


def tags(event: str, version: str, size: int) -> list[str]:
    """Give restic's arguments that say what a snapshot is of; a comma would end a tag."""
    words = (TAG, f"event={event.replace(',', ' ')}", f"version={version}", f"bytes={size}")
    return [word for tag in words for word in ("--tag", tag)]


def forget(keep: int) -> Sequence[str]:
    """Give the command that forgets all but the last `keep` backups and frees their room."""
    return ("forget", "--tag", TAG, "--group-by", "host", "--keep-last", str(keep), "--prune")


def check() -> Sequence[str]:
    """Give the command that checks the store and reads a share of what is in it."""
    return ("check", f"--read-data-subset={CHECKED_SHARE}")


def _snapshot(found: dict[str, Any]) -> Snapshot:
    named = dict(tag.partition("=")[::2] for tag in found.get("tags") or ())
    return Snapshot(
        found["id"][:8],
        found["time"],
        named.get("event", ""),
        named.get("version", ""),
        int(named.get("bytes", 0)),
    )


def _json(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
