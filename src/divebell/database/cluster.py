"""The event's private PostgreSQL cluster: its folders, its making, and what an earlier run left behind.

`postgres/` in the state folder belongs to whoever runs divebell and holds the configuration; `data` and
`socket` in it belong to the server's account. The server reaches them through a descriptor of `postgres/`
that it inherits, so it needs no way through the closed folders above, and no path is ever too long for it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from divebell.database.account import Account, run_as
from divebell.database.binaries import Binaries
from divebell.database.settings import SUPERUSER
from divebell.errors import DivebellError
from divebell.event import State

STOPPING_SECONDS = 60
ORPHAN_SECONDS = 2.0


def data_folder(state: State) -> Path:
    """Give PGDATA."""
    return state.postgres / "data"


def socket_folder(state: State) -> Path:
    """Give the folder of the unix socket."""
    return state.postgres / "socket"


def made_by_version(state: State) -> int | None:
    """Give the major version of PostgreSQL that made the cluster, None when there is none yet."""
    file = data_folder(state) / "PG_VERSION"
    return int(file.read_text()) if file.exists() else None


def initdb_command(binaries: Binaries, root: str) -> list[str]:
    """Give the command that makes a cluster in `data.new` below `root`, with nobody able to sign in by password."""
    return [
        *(binaries.program("initdb"), "--pgdata", f"{root}/data.new", "--username", SUPERUSER),
        *("--encoding", "UTF8", "--locale", "C.UTF-8", "--data-checksums", "--no-instructions"),
        *("--auth-local", "peer", "--auth-host", "reject"),
    ]


def server_command(binaries: Binaries, root: str) -> list[str]:
    """Give the command that runs the server in the foreground on the files below `root`."""
    files = {
        "config_file": "postgresql.conf",
        "hba_file": "pg_hba.conf",
        "ident_file": "pg_ident.conf",
    }
    settings = [word for name, file in files.items() for word in ("-c", f"{name}={root}/{file}")]
    return [binaries.program("postgres"), "-D", f"{root}/data", *settings]


def make_cluster(state: State, binaries: Binaries, account: Account) -> None:
    """Make folders and cluster where they are missing; one whose making was interrupted is made anew."""
    state.folder.mkdir(mode=0o700, exist_ok=True)
    state.postgres.mkdir(exist_ok=True)
    state.postgres.chmod(0o711)
    _own_folder(socket_folder(state), account)
    data = data_folder(state)
    if data.exists():
        _check_owner(data, account)
        return
    new = data.with_name("data.new")
    if new.exists():
        shutil.rmtree(new)
    _own_folder(new, account)
    with_descriptor(state, lambda root, fd: _initdb(binaries, account, root, fd))
    new.rename(data)
    _sync(state.postgres)


def with_descriptor(state: State, act: Callable[[str, int], None]) -> None:
    """Call `act` with a path of `postgres/` that needs no way to it, and the descriptor that stands behind."""
    descriptor = os.open(state.postgres, os.O_PATH | os.O_DIRECTORY)
    try:
        act(f"/proc/self/fd/{descriptor}", descriptor)
    finally:
        os.close(descriptor)


def write_configuration(state: State, files: dict[str, str]) -> None:
    """Write the configuration files, each whole or not at all."""
    for name, text in files.items():
        temporary = state.postgres / f"{name}.new"
        temporary.write_text(text)
        temporary.chmod(0o644)
        temporary.replace(state.postgres / name)


def clear_leftovers(state: State) -> None:
    """Make way for a new server after an earlier one was killed; wait for one that is stopping.

    Raises DivebellError when the event's server runs.
    """
    data = data_folder(state)
    _wait(lambda: not (_is_stopping(data) and _server_pid(data)), STOPPING_SECONDS)
    if pid := _server_pid(data):
        raise DivebellError(
            f"PostgreSQL of this event already runs (process {pid})", next_step="divebell status"
        )
    _end_orphans(data)
    (data / "postmaster.pid").unlink(missing_ok=True)
    for file in socket_folder(state).iterdir():
        file.unlink()


def processes_in(data: Path) -> list[int]:
    """Give the PostgreSQL processes that work in a data folder: server and sessions run with it as their own."""
    if not data.exists():
        return []
    return [int(entry.name) for entry in Path("/proc").iterdir() if _works_in(entry, data)]


def _works_in(process: Path, data: Path) -> bool:
    if not process.name.isdigit():
        return False
    try:
        return (process / "exe").readlink().name.startswith("postgres") and (process / "cwd").samefile(data)
    except OSError:  # it has ended, or is another account's
        return False


def _initdb(binaries: Binaries, account: Account, root: str, descriptor: int) -> None:
    done = subprocess.run(
        run_as(account.uid, account.gid, initdb_command(binaries, root), reachable=[binaries.folder]),
        **_surroundings(descriptor),
    )
    if done.returncode:
        raise DivebellError(
            f"initdb could not make the database cluster: {(done.stderr or done.stdout).strip()}",
            next_step="put that right, then divebell up; a cluster half made is made anew",
        )


def _surroundings(descriptor: int) -> dict[str, object]:
    return {"cwd": "/", "pass_fds": (descriptor,), "capture_output": True, "text": True}


def _own_folder(folder: Path, account: Account) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    if os.geteuid() == 0:
        os.chown(folder, account.uid, account.gid)


def _check_owner(data: Path, account: Account) -> None:
    owner = data.stat().st_uid
    if owner != account.uid:
        raise DivebellError(
            f"the event's database belongs to another account (uid {owner}, the server would be "
            f"'{account.name}'): {data}",
            next_step="run `divebell up` as the account that first did",
        )


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(descriptor)
    os.close(descriptor)


def _pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _server_pid(data: Path) -> int | None:
    """Give the running server's process: the PID file alone proves nothing, its number may be another's now."""
    lines = _pid_file(data)
    pid = int(lines[0]) if lines and lines[0].isdigit() else None
    return pid if pid in processes_in(data) else None


def _is_stopping(data: Path) -> bool:
    lines = _pid_file(data)
    return len(lines) > 7 and lines[7].strip() == "stopping"


def _end_orphans(data: Path) -> None:
    """End sessions whose server is gone: they keep its shared memory and would keep a new one from starting."""
    for number in (None, signal.SIGQUIT, signal.SIGKILL):
        for pid in processes_in(data) if number else []:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)  # type: ignore[arg-type]
        if _wait(lambda: not processes_in(data), ORPHAN_SECONDS):
            return


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
