"""Make ready what the parts find when they start: folders, network, firewall, the proxy's files, secrets."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from divebell.containers import setup
from divebell.containers.packages import index_hosts
from divebell.errors import DivebellError
from divebell.event import Containers, Event, Ports, Secrets, Service, State, belongings, give_credentials
from divebell.event.model import Internet, RunsIn
from divebell.event.state import write_private
from divebell.hub.proxy import Inside, traefik_files

Say = Callable[[str], None]


def make_folders(state: State) -> None:
    """Make the folders that are missing; on a server the parts' accounts find a way through the first."""
    for folder in (state.folder, state.logs, state.run, state.hub, state.proxy, state.homes):
        folder.mkdir(mode=0o700, exist_ok=True)
    state.folder.chmod(0o700 if Service.load(state) is None else 0o711)


def make_ready(event: Event, state: State, ports: Ports, secrets: Secrets, say: Say) -> list[str]:
    """Put everything in its place, and give what has changed. May be repeated, also while the event is up."""
    before = Containers.load(state)
    where = _place_notebooks(event, state, ports, say)
    served = Service.load(state)
    files = traefik_files(state, secrets, ports, inside(event, state), served)
    if served is None:
        _write(files, None)
        return _moved(before, where)
    belongings.hand_out(state)
    rules = _write(files, belongings.group_id(belongings.account("proxy")))
    belongings.hand_out(state)
    told = give_credentials(secrets, state)
    return [*_moved(before, where), *rules, *(f"secrets of {part} changed" for part in told)]


def may_notebooks_stay(event: Event, state: State) -> None:
    """Raise DivebellError when a changed event file would move notebooks elsewhere while they run."""
    before, wanted = Containers.load(state), event.workspace.runs_in
    if wanted is not None and (wanted is RunsIn.CONTAINERS) != (before is not None):
        raise DivebellError(
            f"notebooks cannot move to run in {wanted.value} while the event is up",
            next_step="divebell down, then divebell up",
        )


def inside(event: Event, state: State) -> Inside | None:
    """Give what the proxy lets containers reach; None where there are none."""
    where = Containers.load(state)
    if where is None:
        return None
    return Inside(where.gateway, index_hosts() if event.workspace.internet is Internet.PACKAGES else ())


def _place_notebooks(event: Event, state: State, ports: Ports, say: Say) -> Containers | None:
    """Make ready what containers need, before PostgreSQL and proxy listen at their gateway."""
    where = setup.set_up(event, state, say)
    if where is not None:
        setup.close_in(event, state, ports, where)
        return where
    if Service.load(state) is not None:
        raise DivebellError(
            "on a server notebooks run in containers, and no container engine answers",
            next_step="systemctl restart docker; and event.yaml must not say `runs_in: processes`",
        )
    if os.geteuid() != 0:
        say(
            "Volunteers' notebooks run as your own account: they are not isolated from each other or you. "
            "With a Docker engine they run in containers."
        )
    return None


def _write(files: dict[Path, str], group: int | None) -> list[str]:
    changed = []
    for path, text in files.items():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != text:
            write_private(path, text, group=group)
            changed.append(f"{path.name} of the proxy changed")
    return changed


def _moved(before: Containers | None, now: Containers | None) -> list[str]:
    if now is None or now == before:
        return []
    image = "" if before and before.image == now.image else f"notebooks' image is {now.image}"
    network = (before.gateway, before.subnet) if before else ()
    return [
        *([image] if image else []),
        *(["notebooks' network made"] if network != (now.gateway, now.subnet) else []),
    ]
