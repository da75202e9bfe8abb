"""Files: who may read and write them, and that no secret lies where it does not belong."""

from __future__ import annotations

import mmap
import os
import stat
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from divebell.database.account import FIRST_UID
from divebell.doctor.finding import CannotBeCheckedError, Check, DoesNotApplyError, Hole
from divebell.doctor.patient import Patient

OTHERS = stat.S_IRWXG | stat.S_IRWXO
OLDEST_UID = 860_001
"""What volunteers' accounts of the first versions began with."""


def secrets_file(patient: Patient) -> Iterator[Hole]:
    """Look at the secrets' own file."""
    yield from _closed([patient.state.secrets_file], 0o600)


def state_folder(patient: Patient) -> Iterator[Hole]:
    """Look at the folder around everything."""
    _require_one_account(patient)
    yield from _closed([patient.state.folder], 0o700)


def private(patient: Patient) -> Iterator[Hole]:
    """Look at the other files that hold passwords and tokens."""
    _require_one_account(patient)
    state = patient.state
    folders = [state.proxy, state.hub, state.run, state.logs]
    files = [*state.proxy.rglob("*"), state.run / "supervisord.conf", state.ports_file]
    yield from _closed([*folders, *files], 0o600)


def _require_one_account(patient: Patient) -> None:
    if patient.served is not None:
        raise DoesNotApplyError("on a server parts have accounts of their own, which server.files looks at")


def _closed(paths: Iterable[Path], mode: int) -> Iterator[Hole]:
    for path in paths:
        try:
            status = path.stat()
        except FileNotFoundError:  # rewritten at this moment
            continue
        if status.st_mode & OTHERS:
            wanted = 0o700 if stat.S_ISDIR(status.st_mode) else mode
            shown = f"{path} has mode {status.st_mode & 0o7777:04o}: others may get at it"
            yield Hole(shown, f"chmod {wanted:o} {path}")
        if status.st_uid != os.geteuid():
            yield Hole(f"{path} belongs to uid {status.st_uid}", f"chown {os.geteuid()} {path}")


def homes(patient: Patient) -> Iterator[Hole]:
    """Look at every home: closed, and as root of an account that no other home has."""
    folders = [path for path in sorted(patient.state.homes.iterdir()) if path.is_dir()]
    owners = Counter(path.stat().st_uid for path in folders)
    for path in folders:
        status = path.lstat()
        if status.st_mode & OTHERS:
            shown = f"the home {path} has mode {status.st_mode & 0o7777:04o}"
            yield Hole(f"{shown}: other volunteers may get at it", f"chmod 700 {path}")
        if os.geteuid() == 0 and status.st_uid < OLDEST_UID:
            yield Hole(
                f"the home {path} belongs to uid {status.st_uid}, not to an account of its volunteer",
                f"chown -R to a uid of its own, {FIRST_UID} or above, that no other home has: {path}",
            )
        elif os.geteuid() == 0 and owners[status.st_uid] > 1:
            yield Hole(f"the home {path} shares its account (uid {status.st_uid}) with another home")


def logs(patient: Patient) -> Iterator[Hole]:
    """Look for every secret in every log."""
    wanted = known_secrets(patient)
    for path in sorted(patient.state.logs.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        for name in _found_in(path, wanted):
            yield Hole(f"{name} of secrets.json stands in {path}", f"{_renew(name)}; then rm {path}")


def known_secrets(patient: Patient) -> dict[str, bytes]:
    """Give every secret by its name in secrets.json."""
    values = asdict(patient.secrets)
    ambassadors = {f"ambassadors.{name}": word for name, word in values.pop("ambassadors").items()}
    return {name: str(value).encode() for name, value in {**values, **ambassadors}.items() if value}


def _found_in(path: Path, wanted: dict[str, bytes]) -> list[str]:
    with path.open("rb") as file:
        try:
            text: mmap.mmap | bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:  # empty
            return []
        return [name for name, secret in wanted.items() if text.find(secret) >= 0]


def _renew(name: str) -> str:
    return f"divebell down, remove {name} from {{state}}/secrets.json, divebell up"


def event_file(patient: Patient) -> Iterator[Hole]:
    """Look at the event file: its mode, that of its folder, and what stands in it."""
    path = patient.state.event_file
    for each in (path, path.parent):
        if each.stat().st_mode & stat.S_IWOTH:
            yield Hole(f"every account of this machine may write {each}", f"chmod o-w {each}")
    for name in _found_in(path, known_secrets(patient)):
        yield Hole(f"{name} of secrets.json stands in {path}", f"take it out of {path}; {_renew(name)}")


def git(patient: Patient) -> Iterator[Hole]:
    """Look for secrets in what git keeps of the event's folder and of its data."""
    folder, state = patient.state.folder.parent, patient.state
    kept = False
    if _git(folder, "rev-parse", "--is-inside-work-tree").stdout.strip() == b"true":
        kept = True
        if _git(folder, "ls-files", "--", state.folder.name).stdout:
            yield Hole(
                f"git keeps files of {state.folder}", f"git -C {folder} rm -r --cached {state.folder.name}"
            )
        if _git(folder, "check-ignore", "-q", state.folder.name).returncode == 1:
            ignore = f"echo {state.folder.name}/ >> {folder / '.gitignore'}"
            yield Hole(f"git does not ignore {state.folder}: `git add .` would publish it", ignore)
        yield from _secrets_in(patient, folder, [])
    if (state.repository / "HEAD").exists():
        kept = True
        for branch in _git(state.repository, "for-each-ref", "--format=%(refname)").stdout.split():
            yield from _secrets_in(patient, state.repository, [branch.decode()])
    if not kept:
        raise DoesNotApplyError("git keeps nothing of this event yet")


def _secrets_in(patient: Patient, repository: Path, revision: list[str]) -> Iterator[Hole]:
    """Ask git with the secrets on its standard input: its command line is for all to see."""
    patterns = b"\n".join(known_secrets(patient).values())
    done = _git(repository, "grep", "-l", "-I", "-F", "-f", "-", *revision, stdin=patterns)
    if done.returncode > 1:
        raise CannotBeCheckedError(done.stderr.decode(errors="replace").strip())
    for name in done.stdout.decode(errors="replace").split("\n"):
        if name:
            yield Hole(f"a secret of secrets.json stands in {name} of the git repository {repository}")


def _git(folder: Path, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = ["git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-C", str(folder), *words]
    return subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=15)


CHECKS = (
    Check(
        "files.secrets",
        "secrets.json can be read by its owner alone",
        "whoever reads it is everybody: hub, database, every ambassador",
        "chmod 600 {state}/secrets.json",
        secrets_file,
    ),
    Check(
        "files.state",
        "the state folder is closed to other accounts",
        "it holds passwords, homes and the database",
        "chmod 700 {state}",
        state_folder,
    ),
    Check(
        "files.private",
        "logs and files of proxy, hub and supervisor can be read by their owner alone",
        "the proxy's token moves every route, the hub's database holds sessions",
        "chmod 600 the file that is named",
        private,
    ),
    Check(
        "files.homes",
        "each home is closed and, as root, belongs to an account of its own",
        "volunteers would read and change each other's work",
        "chmod 700 the home that is named",
        homes,
    ),
    Check(
        "files.logs",
        "no secret stands in a log",
        "logs are copied, shown and sent to others",
        "divebell down, remove that secret from {state}/secrets.json, divebell up; then delete the log",
        logs,
        seconds=60,
    ),
    Check(
        "files.event",
        "event.yaml holds nothing secret, and not everybody may write it or its folder",
        "who writes the event file decides who is an ambassador; who reads it may be anybody",
        "chmod o-w {folder}/event.yaml",
        event_file,
    ),
    Check(
        "files.git",
        "git keeps nothing of the state folder and no secret",
        "what is pushed is public, and stays in the history",
        "take it out of the repository and its history, then renew that secret",
        git,
        seconds=30,
    ),
)
