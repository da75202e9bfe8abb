"""A volunteer's container, made as the spawner makes it, that tries what it may not; and one beside it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import docker

from divebell import disks
from divebell.containers import box, image
from divebell.containers.engine import connected
from divebell.containers.network import event_key
from divebell.containers.packages import index_hosts
from divebell.doctor.advisories import PYTHON
from divebell.doctor.finding import CannotBeCheckedError, DoesNotApplyError
from divebell.doctor.patient import Patient
from divebell.doctor.ports import ENGINE_SOCKETS, machine_addresses
from divebell.doctor.targets import World, careless_service, world
from divebell.doctor.volunteer import NAME
from divebell.event import Containers
from divebell.event.model import Internet
from divebell.hub.spawner.accounts import ensure_home
from divebell.hub.spawner.boxing import etc_folder, make_box, settings

SECONDS = 60
"""How long a container may take for all it tries."""
CLOSED = ("/", "/etc", "/usr/bin", "/home", "/opt/event", box.CHECKOUT, box.SHARED)
"""Folders that nobody in a container may write in."""

DOORS = {
    "hub": "/hub/api",
    "web": "/services/event/health",
    "page": "/hub/login",
    "server": "/user/x/api",
}
"""What is asked for at the proxy's inner entry point: the first two are there, the others must not be."""


@dataclass(frozen=True)
class Report:
    """What the container found, and what there was to find."""

    found: dict[str, Any]
    where: Containers
    world: World
    service: int
    """The port at which something of this machine listened."""

    def reached(self, key: str) -> bool:
        """Tell whether the container reached something."""
        return bool(self.found["reach"][key] == "reached")


def contained(patient: Patient) -> Containers:
    """Give where containers run. Raises DoesNotApplyError where there are none."""
    if patient.containers is None:
        raise DoesNotApplyError("notebook servers run as processes")
    return patient.containers


@contextmanager
def report(patient: Patient) -> Iterator[Report]:
    """Run both containers and give what was found; nothing of them stays."""
    where = contained(patient)
    key = event_key(patient.state)
    with ExitStack() as stack:
        client = stack.enter_context(connected())
        service = stack.enter_context(careless_service())
        around = stack.enter_context(world(key))
        made = stack.enter_context(_box(patient))
        usual = _settings(patient, made, client)
        listen = [image.PYTHON, "-m", "http.server", str(box.PORT)]
        neighbour = stack.enter_context(_container(client, f"divebell-{key}-doctor-2", usual, listen))
        neighbour.reload()
        address = neighbour.attrs["NetworkSettings"]["Networks"][where.network]["IPAddress"]
        script = (files("divebell.doctor") / "inside.py").read_text()
        wanted = orders(patient, around, service, address)
        command = [image.PYTHON, "-c", script, json.dumps(wanted)]
        explorer = stack.enter_context(_container(client, f"divebell-{key}-doctor-1", usual, command))
        found = _said(explorer)
        yield Report(found, where, around, service)


def orders(patient: Patient, around: World, service: int, neighbour: str) -> dict[str, Any]:
    """Say what the container is to try."""
    where, ports = contained(patient), patient.ports
    gateway = where.gateway
    own = ("proxy", "proxy_api", "hub", "web", "supervisor")
    reach: dict[str, tuple[str, int]] = {
        "postgres": (gateway, ports.postgres),
        **{f"service at {address}": (address, service) for address in {gateway, *_ipv4(machine_addresses())}},
        **{f"{name} at {gateway}": (gateway, getattr(ports, name)) for name in own},
        **{f"port {port} at {gateway}": (gateway, port) for port in (22, 2375, 2376)},
        "neighbour": (neighbour, box.PORT),
        **{f"private {address}": (address, around.port) for address in around.addresses},
    }
    if around.metadata is not None:
        reach["metadata"] = around.metadata
    if around.public is not None:
        reach["public"] = (around.public, around.port)
    return {
        "reach": reach,
        "ask": {name: (gateway, ports.inside, path) for name, path in DOORS.items()},
        "shake": index_hosts() if patient.event.workspace.internet is not Internet.NONE else (),
        "write": [*CLOSED, f"/home/{NAME}"],
        "sockets": [str(path) for path in ENGINE_SOCKETS],
        "versions": list(PYTHON),
    }


def _ipv4(addresses: list[str]) -> list[str]:
    return [address for address in addresses if ":" not in address]


@contextmanager
def _box(patient: Patient) -> Iterator[box.Box]:
    """Give what the spawner prepares for a volunteer, and take it away again."""
    state, place = patient.state, patient.state.shared / NAME
    with ExitStack() as stack:
        home = ensure_home(state.homes, NAME)
        stack.callback(shutil.rmtree, home.folder, ignore_errors=True)
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        stack.callback(disks.release, place)
        made = make_box(patient.event, state, contained(patient), NAME, home)
        stack.callback(shutil.rmtree, etc_folder(state, NAME), ignore_errors=True)
        yield made


def _settings(patient: Patient, made: box.Box, client: docker.DockerClient) -> dict[str, Any]:
    environment = {"HOME": made.home_inside, "USER": NAME}
    if made.certificates is not None:
        environment["SSL_CERT_FILE"] = box.CERTIFICATES
    usual = settings(client.api, patient.event, patient.state, contained(patient), made)
    return {**usual, "environment": environment}


@contextmanager
def _container(
    client: docker.DockerClient, name: str, settings: dict[str, Any], command: list[str]
) -> Iterator[Any]:
    """Run a container for as long as the block lasts."""
    with suppress(docker.errors.NotFound):
        client.api.remove_container(name, force=True)
    made = client.api.create_container(name=name, command=command, **settings)
    container = client.containers.get(made["Id"])
    try:
        container.start()
        yield container
    finally:
        container.remove(force=True)


def _said(container: Any) -> dict[str, Any]:
    container.wait(timeout=SECONDS)
    said = container.logs(stdout=True, stderr=False)
    try:
        found: dict[str, Any] = json.loads(said)
    except ValueError:
        words = container.logs(stdout=False, stderr=True).decode(errors="replace").strip()
        raise CannotBeCheckedError(f"the container that tries things said: {words[-500:]}") from None
    return found
