"""The event's own bridge network: containers reach this machine's gateway address, and not each other."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import docker

from divebell.errors import DivebellError
from divebell.event import State

LABEL = "divebell.event"
"""Marks every network and container of an event; its value is the event's key."""


def event_key(state: State) -> str:
    """Give what tells this event's containers from those of other events on the machine: 8 hex digits."""
    return hashlib.sha256(str(state.folder).encode()).hexdigest()[:8]


def network_name(state: State) -> str:
    """Give the name of the event's network."""
    return f"divebell-{event_key(state)}"


def network_options(state: State, mtu: int) -> dict[str, Any]:
    """Give the arguments that make the network."""
    return {
        "name": network_name(state),
        "driver": "bridge",
        "labels": {LABEL: event_key(state)},
        "options": {
            "com.docker.network.bridge.name": f"dvb-{event_key(state)}",
            "com.docker.network.bridge.enable_icc": "false",
            "com.docker.network.driver.mtu": str(mtu),
        },
    }


def ensure_network(client: docker.DockerClient, state: State) -> tuple[str, str, str]:
    """Make the event's network if there is none; give its interface, gateway and subnet.

    Raises DivebellError when the engine cannot make one.
    """
    wanted = network_options(state, route_mtu(Path("/proc/net/route").read_text()))
    try:
        found = client.networks.list(names=[f"^{wanted['name']}$"])
        network = found[0] if found else client.networks.create(**wanted)
        network.reload()
    except docker.errors.APIError as error:
        raise DivebellError(
            f"the engine could not make a network for the event: {error.explanation or error}",
            next_step="docker network prune, if this machine has very many networks; or see the engine's log",
        ) from error
    addresses = network.attrs["IPAM"]["Config"][0]
    options = network.attrs["Options"]
    if any(options.get(key) != value for key, value in wanted["options"].items() if "mtu" not in key):
        raise DivebellError(
            f"the network {wanted['name']} was not made by divebell",
            next_step=f"docker network rm {wanted['name']}",
        )
    return options["com.docker.network.bridge.name"], addresses["Gateway"], addresses["Subnet"]


def remove_network(client: docker.DockerClient, state: State) -> None:
    """Take the event's network away; nothing happens when there is none."""
    for network in client.networks.list(names=[f"^{network_name(state)}$"]):
        network.remove()


def route_mtu(routes: str) -> int:
    """Give the largest packet of the way out, from the text of /proc/net/route; larger ones get lost."""
    for line in routes.splitlines()[1:]:
        fields = line.split()
        if fields[1] == "00000000" and fields[7] == "00000000":
            return int(Path(f"/sys/class/net/{fields[0]}/mtu").read_text())
    return 1500
