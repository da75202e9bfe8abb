"""Run the event's PostgreSQL in the foreground: ``python -m divebell.database.serve FOLDER``.

SIGINT stops it fast (sessions end, everything committed stays), as does the supervisor's stop.
"""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path
from typing import NoReturn

from divebell.database.account import run_as, server_account
from divebell.database.binaries import find_binaries
from divebell.database.cluster import (
    data_folder,
    inherited,
    made_by_version,
    make_cluster,
    server_command,
    socket_folder,
    write_configuration,
)
from divebell.database.leftovers import clear_leftovers
from divebell.database.settings import pg_hba_conf, pg_ident_conf, postgresql_conf
from divebell.errors import DivebellError
from divebell.event import Event, Ports, State, load_event
from divebell.event.state import STATE_VARIABLE


def main(folder: Path) -> NoReturn:
    """Prepare the cluster of the event in `folder` and become its server."""
    state = State.beside(folder / "event.yaml")
    account = server_account()
    binaries = find_binaries(made_by_version(state))
    make_cluster(state, binaries, account)
    clear_leftovers(data_folder(state), socket_folder(state))
    write_configuration(state, _configuration(folder, state))
    environment = server_environment(state, dict(os.environ))
    with inherited(state) as root:
        command = server_command(binaries, root.path)
        argv = run_as(account.uid, account.gid, command, reachable=[binaries.folder])
        os.set_inheritable(root.descriptor, True)
        os.chdir("/")
        os.umask(0o077)
        os.execvpe(argv[0], argv, environment)  # noqa: S606 - a list, no shell


def _configuration(folder: Path, state: State) -> dict[str, str]:
    """Compute the configuration; an event file that has become invalid stops no database."""
    try:
        return configuration(load_event(folder), _ports(state))
    except DivebellError as error:
        if not (state.postgres / "pg_ident.conf").exists():
            raise
        print(f"divebell: serving with the earlier configuration, because {error}", file=sys.stderr)
        return {}


def configuration(event: Event, ports: Ports) -> dict[str, str]:
    """Give the cluster's configuration files by name."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    ourselves = pwd.getpwuid(os.geteuid()).pw_name
    return {
        "postgresql.conf": postgresql_conf(ports.postgres, event.people.expected, memory),
        "pg_hba.conf": pg_hba_conf(),
        "pg_ident.conf": pg_ident_conf((ourselves,)),
    }


def server_environment(state: State, ours: dict[str, str]) -> dict[str, str]:
    """Give the server's environment: nothing of ours but what it needs, and whose server it is."""
    kept: dict[str, str] = {name: ours[name] for name in ("PATH", "TZ") if name in ours}
    return {**kept, "LC_ALL": "C.UTF-8", STATE_VARIABLE: str(state.folder)}


def _ports(state: State) -> Ports:
    try:
        return Ports.load(state)
    except FileNotFoundError:
        raise DivebellError(
            f"no ports have been chosen for this event: {state.ports_file} is missing",
            next_step="divebell up, which chooses them and starts every part",
        ) from None


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m divebell.database.serve FOLDER")
    try:
        main(Path(sys.argv[1]))
    except DivebellError as error:
        sys.exit(f"divebell: {error}")
