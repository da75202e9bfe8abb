"""Decide where notebook servers run, and make ready what containers need. Each step may be repeated."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import docker

from divebell.containers import closing, image
from divebell.containers.engine import answers, connected
from divebell.containers.firewall import Chains, Reach, nameservers
from divebell.containers.network import LABEL, ensure_network, event_key, network_name, remove_network
from divebell.containers.packages import index_hosts
from divebell.event import Containers, Event, Ports, State
from divebell.event.model import Internet, RunsIn

Say = Callable[[str], None]

_RESOLVED = ("/run/systemd/resolve/resolv.conf", "/etc/resolv.conf")
"""Where the name servers are listed; systemd-resolved puts only itself into /etc/resolv.conf."""
STOP_SECONDS = 5


def in_containers(event: Event) -> bool:
    """Tell whether notebook servers of this event run in containers on this machine."""
    match event.workspace.runs_in:
        case RunsIn.CONTAINERS:
            return True
        case RunsIn.PROCESSES:
            return False
        case None:
            return answers()


def set_up(event: Event, state: State, say: Say) -> Containers | None:
    """Build the image and make the network that the event's containers need; None when it runs as processes.

    Raises DivebellError when the event asks for containers and there cannot be any.
    """
    if not in_containers(event):
        state.containers_file.unlink(missing_ok=True)
        return None
    made_from = image.ensure(event, say)
    with connected() as client:
        bridge, gateway, subnet = ensure_network(client, state)
    where = Containers(network_name(state), bridge, gateway, subnet, made_from)
    where.save(state)
    return where


def close_in(event: Event, state: State, ports: Ports, where: Containers) -> None:
    """Close the event's containers in: from now on they reach what `reach` says and nothing else."""
    closing.close_in(reach(event, state, ports, where), where.image)


def take_down(state: State, say: Say) -> int:
    """Remove the event's containers, network and firewall; give how many containers that were.

    Homes and the image stay. Of an engine that is away nothing can be removed, though its containers may run.
    """
    where = Containers.load(state)
    if where is None:
        return 0
    if not answers():
        say("the container engine is away: containers and their network stay; start it, then: divebell down")
        return 0
    with connected() as client:
        found = client.containers.list(all=True, filters={"label": f"{LABEL}={event_key(state)}"})
        for container in found:
            _remove(container)
        closing.open_up(Chains(event_key(state), where.bridge), where.image)
        remove_network(client, state)
    return len(found)


def reach(event: Event, state: State, ports: Ports, where: Containers) -> Reach:
    """Give what the event's containers may reach."""
    return Reach(
        chains=Chains(event_key(state), where.bridge),
        gateway=where.gateway,
        postgres=ports.postgres,
        inside=ports.inside,
        packages=ports.packages,
        internet=event.workspace.internet,
        connections=event.database.connections,
        nameservers=nameservers(_resolv_conf()),
    )


def hosts(event: Event, where: Containers) -> dict[str, str]:
    """Give the names that containers find at the gateway: where the package index is let through."""
    if event.workspace.internet is not Internet.PACKAGES:
        return {}
    return dict.fromkeys(index_hosts(os.environ), where.gateway)


def _remove(container: docker.models.containers.Container) -> None:
    try:
        container.stop(timeout=STOP_SECONDS)
        container.remove(force=True)
    except docker.errors.NotFound:
        return


def _resolv_conf() -> str:
    return next((Path(file).read_text() for file in _RESOLVED if Path(file).exists()), "")
