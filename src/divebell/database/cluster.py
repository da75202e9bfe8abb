"""The event's private PostgreSQL cluster: its folders, how it is made, and the command that serves it.

`postgres/` in the state folder belongs to whoever runs divebell and holds the configuration; `data` and
`socket` in it belong to the server's account. The server reaches them through a descriptor of `postgres/`
that it inherits, so it needs no way through the closed folders above, and no path is ever too long for it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from divebell.database.account import Account, run_as
from divebell.database.binaries import Binaries
from divebell.database.settings import SUPERUSER
from divebell.errors import DivebellError
from divebell.event import State


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


@dataclass(frozen=True)
class Inherited:
    """A descriptor of `postgres/` for a child process, and the path by which the child reaches it."""

    descriptor: int

    @property
    def path(self) -> str:
        """The folder as the child sees it."""
        return f"/proc/self/fd/{self.descriptor}"


@contextmanager
def inherited(state: State) -> Iterator[Inherited]:
    """Open `postgres/` for a child process that has no way to it."""
    descriptor = os.open(state.postgres, os.O_PATH | os.O_DIRECTORY)
    try:
        yield Inherited(descriptor)
    finally:
        os.close(descriptor)


def initdb_command(binaries: Binaries, root: str) -> list[str]:
    """Give the command that makes a cluster in `data.new` below `root`; nobody gets a password."""
    return [
        *(binaries.program("initdb"), "--pgdata", f"{root}/data.new", "--username", SUPERUSER),
        *("--encoding", "UTF8", "--locale", "C.UTF-8", "--data-checksums", "--no-instructions"),
        *("--auth-local", "peer", "--auth-host", "reject"),
    ]


def server_command(binaries: Binaries, root: str) -> list[str]:
    """Give the command that runs the server in the foreground on the files below `root`."""
    files = {"config_file": "postgresql.conf", "hba_file": "pg_hba.conf", "ident_file": "pg_ident.conf"}
    settings = [word for name, file in files.items() for word in ("-c", f"{name}={root}/{file}")]
    return [binaries.program("postgres"), "-D", f"{root}/data", *settings]


def make_cluster(state: State, binaries: Binaries, account: Account) -> None:
    """Make folders and cluster where they are missing; one whose making was interrupted is made anew."""
    state.folder.mkdir(mode=0o700, exist_ok=True)
    state.postgres.mkdir(exist_ok=True)
    state.postgres.chmod(0o711)
    data, new = data_folder(state), state.postgres / "data.new"
    if data.exists():
        _check_owner(data, account)
    _own_folder(socket_folder(state), account)
    if data.exists():
        return
    if new.exists():
        shutil.rmtree(new)
    _own_folder(new, account)
    _initdb(state, binaries, account)
    new.rename(data)
    _sync(state.postgres)


def was_shut_down(state: State, binaries: Binaries) -> bool:
    """Tell whether the cluster's last server ended in good order, so that the next has nothing to recover."""
    done = subprocess.run(
        [binaries.program("pg_controldata"), str(data_folder(state))],
        env={"LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    return re.search(r"^Database cluster state:\s+shut down$", done.stdout, re.MULTILINE) is not None


def write_configuration(state: State, files: dict[str, str]) -> None:
    """Write the configuration files, each whole or not at all. Only we may change them, not the server."""
    for name, text in files.items():
        temporary = state.postgres / f"{name}.new"
        temporary.write_text(text)
        temporary.chmod(0o644)
        temporary.replace(state.postgres / name)


def _initdb(state: State, binaries: Binaries, account: Account) -> None:
    with inherited(state) as root:
        done = subprocess.run(
            run_as(
                account.uid, account.gid, initdb_command(binaries, root.path), reachable=[binaries.folder]
            ),
            cwd="/",
            pass_fds=(root.descriptor,),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise DivebellError(
            f"initdb could not make the database cluster: {(done.stderr or done.stdout).strip()}",
            next_step="put that right, then divebell up; a cluster half made is made anew",
        )


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
