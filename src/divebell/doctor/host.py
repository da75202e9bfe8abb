"""The machine: room for what was promised, and an engine whose restart harms nobody."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from divebell import disks
from divebell.doctor.advisories import ENGINE, has_hole
from divebell.doctor.finding import Check, DoesNotApplyError, Hole
from divebell.doctor.patient import Patient
from divebell.doctor.versions import ENGINE_PACKAGES, policies

LEAST_FREE = 2 * 1024**3
"""Bytes the database, the logs and the images need besides what is reserved."""
_GIGABYTE = 1024**3


def disk(patient: Patient) -> Iterator[Hole]:
    """Compare what is free with what is promised and not yet reserved."""
    state = patient.state
    free = shutil.disk_usage(state.folder).free
    promised = 0
    if patient.containers is not None and disks.can_mount():
        images = [path for path in state.folder.rglob("*.img") if path.is_file() and path != state.scratch]
        waiting = max(patient.event.people.expected - len(images), 0)
        promised = waiting * patient.event.workspace.disk_bytes + sum(map(_unreserved, images))
    if disks.can_mount():
        scratch = patient.event.database.scratch_bytes
        promised += _unreserved(state.scratch) if state.scratch.exists() else scratch
    if free < promised + LEAST_FREE:
        needed = (promised + LEAST_FREE - free) / _GIGABYTE
        words = (
            f"{free / _GIGABYTE:.1f} GB are free below {state.folder}",
            f"{promised / _GIGABYTE:.1f} GB are promised to homes and tables",
            f"{needed:.1f} GB are missing",
        )
        mend = (
            "make room, or lower workspace.disk, database.scratch or people.expected in {folder}/event.yaml"
        )
        yield Hole(", ".join(words), mend)


def _unreserved(image: Path) -> int:
    status = image.stat()
    return max(status.st_size - status.st_blocks * 512, 0)


def memory(patient: Patient) -> Iterator[Hole]:
    """Compare the machine's memory with what everybody together may use."""
    promised = patient.event.people.expected * patient.event.workspace.memory_bytes
    has, people = psutil.virtual_memory().total, patient.event.people.expected
    if promised > has:
        together = f"{people} people may use {promised / _GIGABYTE:.0f} GB together"
        yield Hole(f"{together}, the machine has {has / _GIGABYTE:.0f} GB")


@contextmanager
def engine_facts(patient: Patient) -> Iterator[dict[str, Any]]:
    """Give what the engine says of itself."""
    if patient.containers is None:
        raise DoesNotApplyError("notebook servers run as processes")
    import docker  # noqa: PLC0415 - nothing else needs it where there are no containers

    client = docker.from_env(timeout=10)
    try:
        yield client.info()
    finally:
        client.close()


def live_restore(patient: Patient) -> Iterator[Hole]:
    """Ask the engine whether containers outlive it."""
    if not patient.shared(engine_facts).get("LiveRestoreEnabled"):
        yield Hole("containers end when the Docker engine is restarted or upgraded")


def engine(patient: Patient) -> Iterator[Hole]:
    """Look at the engine's version, where no distribution looks after it."""
    found = str(patient.shared(engine_facts).get("ServerVersion", ""))
    if shutil.which("apt-cache") and policies(list(ENGINE_PACKAGES)):
        return  # versions.packages compares it with what is offered
    if has_hole(found, ENGINE):
        yield Hole(f"Docker {found} has {ENGINE}")


def root(patient: Patient) -> Iterator[Hole]:
    """Notebook servers as processes are apart from each other only when divebell runs as root."""
    if patient.containers is not None:
        raise DoesNotApplyError("notebook servers run in containers")
    if os.geteuid() != 0:
        yield Hole("volunteers' notebooks run as the account that runs divebell: they can read its passwords")


CHECKS = (
    Check(
        "host.disk",
        "there is room for every home and every table that was promised",
        "a full disk stops the database for everybody",
        "make room below {state}",
        disk,
    ),
    Check(
        "host.memory",
        "the machine has the memory that all notebooks together may use",
        "when all use what they may, the kernel ends the largest",
        "lower workspace.memory or people.expected in {folder}/event.yaml, or take a larger machine",
        memory,
        warns=True,
    ),
    Check(
        "host.isolation",
        "notebook servers have accounts or containers of their own",
        "one volunteer is all volunteers, and the event",
        "run divebell as root, or with `workspace: {runs_in: containers}` in {folder}/event.yaml",
        root,
        warns=True,
    ),
    Check(
        "host.live_restore",
        "containers outlive a restart of the Docker engine",
        "an upgrade of the engine would end everybody's kernel",
        'put {"live-restore": true} into /etc/docker/daemon.json and reload: kill -HUP $(pidof dockerd)',
        live_restore,
        warns=True,
    ),
    Check(
        "host.engine",
        "the Docker engine has no known hole",
        "from a container to root on this machine",
        "upgrade the Docker engine",
        engine,
    ),
)
