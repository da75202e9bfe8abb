"""The playbook's variables, from the event and what is shipped; group_vars/all.yml explains each. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from divebell._version import __version__
from divebell.deploy.host import Host
from divebell.deploy.https import Brought
from divebell.deploy.machine import Server
from divebell.deploy.repository import Bundle
from divebell.event import Event

BACKUP_KEYS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_DEFAULT_REGION",
)
"""Variables of the environment with which restic reaches an S3-compatible address."""
SERVER_REPOSITORY = "/srv/divebell/repository.git"


@dataclass(frozen=True)
class Shipment:
    """Files of this machine that go to the server."""

    wheel: Path
    lock: Path
    digest: str
    """Names wheel and lock together."""
    lock_digest: str
    event_file: Path
    bundle: Bundle | None
    kept: Path | None
    """What an earlier machine of this event left, if anything."""
    https: Brought = field(default_factory=Brought)
    background: Path | None = None
    """What lies under the data on maps, where that is a file beside the event file."""


def server_name(event: Event, host: Host) -> str:
    """Give the name people open: the event's address, else the one it is deployed to."""
    return event.address or host.name


def public_address(event: Event, host: Host) -> str:
    """Give the address people open."""
    name = server_name(event, host)
    return f"https://[{name}]/" if ":" in name else f"https://{name}/"


@dataclass(frozen=True)
class Place:
    """Where it goes: the server as ssh knows it, and as it is."""

    host: Host
    server: Server


def variables(event: Event, place: Place, shipment: Shipment, outer: Mapping[str, str]) -> dict[str, Any]:
    """Give every variable that depends on the event, the server or this machine's environment (`outer`)."""
    host, server = place.host, place.server
    bundle = shipment.bundle
    return {
        "event": event.model_dump(mode="json"),
        "divebell_version": __version__,
        "divebell_wheel": str(shipment.wheel),
        "divebell_lock": str(shipment.lock),
        "divebell_digest": shipment.digest,
        "divebell_lock_digest": shipment.lock_digest,
        "divebell_event_file": str(shipment.event_file),
        "divebell_bundle": str(bundle.file) if bundle else "",
        "divebell_branch": bundle.branch if bundle else event.data.branch,
        "divebell_commit": bundle.commit if bundle else "",
        "divebell_background": str(shipment.background or ""),
        "divebell_kept": str(shipment.kept) if shipment.kept else "",
        "divebell_public_address": public_address(event, host),
        "divebell_server_name": server_name(event, host),
        "divebell_server_name_is_ip": _is_ip(server_name(event, host)),
        **shipment.https.variables(),
        "divebell_backup_every_seconds": int(event.backups.every_seconds),
        "divebell_backup_environment": {name: outer[name] for name in BACKUP_KEYS if outer.get(name)},
        "divebell_ssh_port": server.ssh_port,
    }


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
