"""What the engine and the kernel hold around the containers that run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from divebell import disks
from divebell.containers import closing
from divebell.containers.engine import connected
from divebell.containers.firewall import Chains
from divebell.containers.network import LABEL, event_key
from divebell.doctor.finding import Check, DoesNotApplyError, Hole
from divebell.doctor.patient import Patient
from divebell.doctor.probe import contained
from divebell.doctor.volunteer import NAME

SLACK = 1.05
"""How much larger than promised a disk may be: a file system is made of whole blocks."""


def running(patient: Patient) -> Iterator[Hole]:
    """Look at how the containers that run were made."""
    where, key = contained(patient), event_key(patient.state)
    with connected() as client:
        for each in client.containers.list(filters={"label": f"{LABEL}={key}"}):
            for words in wrong_container(each.attrs, where.network, where.image):
                yield Hole(f"the container {each.name} {words}", f"docker rm --force {each.name}")


def wrong_container(facts: dict[str, Any], network: str, image: str) -> Iterable[str]:
    """Say what is wrong about a container, as the engine shows it. Pure."""
    config, made, networks = facts["HostConfig"], facts["Config"], facts["NetworkSettings"]["Networks"]
    wrong = {
        "is privileged": config.get("Privileged"),
        "has capabilities": config.get("CapAdd"),
        "does not give up all capabilities": config.get("CapDrop") != ["ALL"],
        "may gain privileges through set-uid programs": "no-new-privileges:true"
        not in (config.get("SecurityOpt") or []),
        "can change its own system": not config.get("ReadonlyRootfs"),
        "runs as root": made.get("User", "").partition(":")[0] in {"", "0", "root"},
        f"is in another network ({', '.join(networks)})": set(networks) != {network},
        # an image of before the event's packages changed goes on until its volunteer starts anew
        f"runs another image ({made['Image']})": made["Image"].partition(":")[0] != image.partition(":")[0],
        "is open to other machines (published ports)": config.get("PortBindings"),
        "has no limit of memory": not config.get("Memory"),
        "has no limit of processes": not (config.get("PidsLimit") or 0) > 0,
        "shares namespaces with this machine": config.get("PidMode") or config.get("IpcMode") == "host",
        **{f"sees {each['Source']} of this machine": _gives_away(each) for each in facts.get("Mounts", [])},
    }
    return (words for words, true in wrong.items() if true)


def _gives_away(mount: dict[str, Any]) -> bool:
    return mount["Source"] == "/" or str(mount["Source"]).endswith("docker.sock")


def homes(patient: Patient) -> Iterator[Hole]:
    """Look whether each home has a disk of its own, of the size that was promised."""
    contained(patient)
    if not disks.can_mount():
        raise DoesNotApplyError("only root on a machine with loop devices can give homes disks of their own")
    promised = patient.event.workspace.disk_bytes
    for home in sorted(patient.state.homes.iterdir()):
        image = patient.state.disks / f"{home.name}.img"
        if home.name == NAME:
            continue
        if not image.exists():
            yield Hole(f"the home {home} has no disk of its own: who fills it fills the machine's")
        elif image.stat().st_size > promised * SLACK:
            has = image.stat().st_size / 1024**3
            yield Hole(f"the home {home} may take {has:.1f} GB instead of {promised / 1024**3:.1f} GB")


def firewall(patient: Patient) -> Iterator[Hole]:
    """Look whether the rules that close containers in lead where they should."""
    where = contained(patient)
    if os.geteuid() != 0:
        raise DoesNotApplyError("only root sees the rules; what they do is tried in any case")
    if not closing.holds(Chains(event_key(patient.state), where.bridge)):
        yield Hole("the rules that close containers in are not in force: somebody flushed iptables")


CHECKS = (
    Check(
        "engine.running",
        "every container of the event that runs was made as divebell makes them",
        "one that was started by hand has none of the limits",
        "docker rm --force the container that is named; its owner starts it again",
        running,
    ),
    Check(
        "engine.homes",
        "every home has a disk of its own, no larger than event.yaml allows",
        "a full disk stops the event for everybody",
        "stop and start that notebook; to make a disk smaller, move the home away and back",
        homes,
    ),
    Check(
        "engine.firewall",
        "the rules that close containers in are in force",
        "without them a notebook reaches every port of this machine",
        "divebell up {folder} closes containers in anew",
        firewall,
    ),
)
