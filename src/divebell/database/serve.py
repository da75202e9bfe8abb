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
    Inherited,
    data_folder,
    inherited,
    made_by_version,
    make_cluster,
    server_command,
    socket_folder,
    was_shut_down,
    write_configuration,
)
from divebell.database.leftovers import clear_leftovers
from divebell.database.memory import limit_ourselves, machine_memory, spare_the_server
from divebell.database.scratch import drop_ballast, make_scratch
from divebell.database.settings import Server, pg_hba_conf, pg_ident_conf, postgresql_conf
from divebell.errors import DivebellError
from divebell.event import Containers, Event, Ports, State, load_event
from divebell.event.state import STATE_VARIABLE

SERVER_DESCRIPTOR = 99
"""How the server reaches its folder: always the same, because its write-ahead log remembers paths."""
_KEPT_VARIABLES = ("PATH", "TZ", "NOTIFY_SOCKET")  # the last for telling systemd that it is ready
UNKNOWN_CONNECTIONS = 3_000
"""How many to reckon with when the event file does not say."""


def main(folder: Path) -> NoReturn:
    """Prepare the cluster of the event in `folder` and become its server."""
    state = State.beside(folder / "event.yaml")
    account = server_account()
    binaries = find_binaries(made_by_version(state))
    event = _event(folder, state)
    make_cluster(state, binaries, account)
    clear_leftovers(data_folder(state), socket_folder(state))
    make_scratch(state, event.database.scratch_bytes if event else None, account)
    if not was_shut_down(state, binaries):
        drop_ballast(state)
    if event:
        write_configuration(state, configuration(event, state))
    limit_ourselves(_server(event, state) if event else Server(0, UNKNOWN_CONNECTIONS, machine_memory()))
    environment = spare_the_server(server_environment(state, dict(os.environ)))
    with inherited(state) as root:
        os.dup2(root.descriptor, SERVER_DESCRIPTOR)
        command = server_command(binaries, Inherited(SERVER_DESCRIPTOR).path)
        argv = run_as(account.uid, account.gid, command, reachable=[binaries.folder])
        os.chdir("/")
        os.umask(0o077)
        os.execvpe(argv[0], argv, environment)  # noqa: S606 - a list, no shell


def _event(folder: Path, state: State) -> Event | None:
    """Read the event file; one that has become invalid stops no database."""
    try:
        event = load_event(folder)
        _server(event, state)
    except DivebellError as error:
        if not (state.postgres / "pg_ident.conf").exists():
            raise
        print(f"divebell: serving with the earlier configuration, because {error}", file=sys.stderr)
        return None
    return event


def configuration(event: Event, state: State) -> dict[str, str]:
    """Give the cluster's configuration files by name."""
    server = _server(event, state)
    ourselves = pwd.getpwuid(os.geteuid()).pw_name
    return {
        "postgresql.conf": postgresql_conf(server),
        "pg_hba.conf": pg_hba_conf(server.subnet),
        "pg_ident.conf": pg_ident_conf((ourselves,)),
    }


def _server(event: Event, state: State) -> Server:
    network = Containers.load(state)
    return Server(
        port=_ports(state).postgres,
        connections=event.people.expected * event.database.connections,
        memory_bytes=machine_memory(),
        gateway=network.gateway if network else None,
        subnet=network.subnet if network else None,
    )


def server_environment(state: State, ours: dict[str, str]) -> dict[str, str]:
    """Give the server's environment: nothing of ours but what it needs, and whose server it is."""
    kept: dict[str, str] = {name: ours[name] for name in _KEPT_VARIABLES if name in ours}
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
