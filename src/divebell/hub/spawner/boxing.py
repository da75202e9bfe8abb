"""Make ready what one container needs of this machine, and give the engine's arguments for it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from divebell import disks
from divebell.containers import box
from divebell.containers.network import LABEL, event_key
from divebell.containers.setup import close_in, hosts
from divebell.event import Containers, Event, Ports, State
from divebell.hub.spawner.accounts import Home, ensure_disk, ensure_home
from divebell.hub.spawner.shared import expose

VOLUNTEER = "divebell.volunteer"
"""Marks every container of a volunteer; its value is the name."""


@dataclass(frozen=True)
class Place:
    """What all containers of one event share."""

    event: Event
    state: State
    ports: Ports
    portal: str
    where: Containers


def etc_folder(state: State, name: str) -> Path:
    """Give the folder of the files of /etc in a volunteer's container."""
    return state.run / "etc" / name


def prepare(place: Place, name: str) -> box.Box:
    """Do all that comes before a volunteer's container: firewall, home, its disk, and what else it mounts."""
    event, state = place.event, place.state
    if os.geteuid() == 0:  # somebody may have flushed the rules, or this machine has been restarted
        close_in(event, state, place.ports, place.where)
    home = ensure_home(state.homes, name)
    ensure_disk(state, name, home, event.workspace.disk_bytes)
    return make_box(event, state, place.where, name, home)


def make_box(event: Event, state: State, where: Containers, name: str, home: Home) -> box.Box:
    """Make what a container mounts besides the home: the checkout's folder, files of /etc, what is shared."""
    state.checkout.mkdir(mode=0o755, exist_ok=True)
    etc, trusted = etc_folder(state, name), Path(box.CERTIFICATES)
    made = box.Box(
        name=name,
        uid=home.uid,
        gid=home.gid,
        home=home.folder.absolute(),
        etc=etc.absolute(),
        checkout=state.checkout.absolute(),
        shared=expose(state, name, home).absolute(),
        public=None if disks.can_mount() else (state.shared / name).absolute(),
        certificates=trusted if trusted.exists() else None,
        hosts=hosts(event, where),
    )
    etc.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file, text in box.etc_files(event.workspace, made).items():
        (etc / file).write_text(text)
        (etc / file).chmod(0o644)
    return made


def settings(
    client: docker.APIClient, event: Event, state: State, where: Containers, made: box.Box
) -> dict[str, Any]:
    """Give the arguments of `create_container` that every container of the event has."""
    return {
        "image": where.image,
        "hostname": f"{event_key(state)}-notebook",
        "user": f"{made.uid}:{made.gid}",
        "working_dir": "/",
        "entrypoint": [],
        "ports": [(box.PORT, "tcp")],
        "labels": {LABEL: event_key(state), VOLUNTEER: made.name},
        "host_config": client.create_host_config(
            network_mode=where.network, **box.host_config(event.workspace, made)
        ),
    }
