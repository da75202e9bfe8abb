"""Workspace images that a bare machine finds in its /var/lib/docker, as from a disk that somebody brought.

An image takes minutes on a machine of two cores. It is built once, by a machine's own engine, into a volume that
stays; machines of later tests get copies. Where a test is about the building, its machine gets none. The machine that
builds runs the oldest Debian we support: its engine's folder is one that every newer engine takes over.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
from docker.errors import NotFound

from divebell.containers.engine import connected
from divebell.containers.image import builder
from divebell.containers.image.base import ensure_base
from divebell.containers.image.build import pack
from divebell.containers.image.recipe import recipe
from divebell.event import load_event
from live import until
from target import Target, booted_target, docker_command, locked
from target_image import BASE, OLDEST

VOLUME = "divebell-target-images"
BUILD_SECONDS = 1200
MOST = 3
"""How many images stay: each change of the code that is in them makes another."""


def ensure_images(event: Path) -> str:
    """Give a volume that holds the image of an event, for `booted_target(docker_volume=...)`."""
    tag = recipe(load_event(event)).tag
    with connected() as client, locked(VOLUME, fcntl.LOCK_EX):
        wanted = f"{tag} on {ensure_base(client, BASE, lambda _: None)}"
        held = _held(client)
        if wanted not in held:
            _build(event, tag, [wanted, *held])
    return VOLUME


def _held(client: docker.DockerClient) -> list[str]:
    """Give what the volume says it holds; nothing where it is missing or was never finished."""
    try:
        client.volumes.get(VOLUME)
    except NotFound:
        return []
    mounted = [f"--volume={VOLUME}:/held:ro", BASE]
    return docker_command("run", "--rm", *mounted, "sh", "-c", "cat /held/holds || true").stdout.splitlines()


def _build(event: Path, tag: str, holds: list[str]) -> None:
    docker_command("run", "--rm", f"--volume={VOLUME}:/held", BASE, "rm", "-f", "/held/holds")
    with booted_target(own_volume=VOLUME, release=OLDEST) as target:
        packages = "docker.io iptables"
        target.ssh(f"apt-get update -qq && apt-get install -y -qq --no-install-recommends {packages}")
        with _engine_of(target) as address:
            _bring_base(address)
            building = [sys.executable, "-m", "divebell", "image", "build", str(event)]
            environment = {**os.environ, "DOCKER_HOST": address}
            done = subprocess.run(building, env=environment, timeout=BUILD_SECONDS, check=False)
            assert done.returncode == 0, f"{tag} was not built"
        for old in holds[MOST:]:
            target.ssh(f"docker rmi {old.split()[0]}", check=False)
        target.ssh("systemctl stop docker.socket docker; rm -rf /var/lib/docker/network")
        target.ssh("cat > /var/lib/docker/holds", stdin="\n".join(holds[:MOST]))


def _bring_base(address: str) -> None:
    with subprocess.Popen(["docker", "save", BASE], stdout=subprocess.PIPE) as saving:
        loading = ["docker", "--host", address, "load", "--quiet"]
        subprocess.run(loading, stdin=saving.stdout, check=True, timeout=300, capture_output=True)


@contextmanager
def _engine_of(target: Target) -> Iterator[str]:
    """Give an address at which the machine's engine answers here, for a while."""
    here = target.folder / "docker.sock"
    forward = ["ssh", "-F", str(target.ssh_config), "-nNT", "-L", f"{here}:/run/docker.sock", "root@target"]
    with subprocess.Popen(forward) as forwarding:
        try:
            until(here.exists, "no way to the machine's engine")
            yield f"unix://{here}"
        finally:
            forwarding.terminate()


def context_of(event: Path) -> bytes:
    """Give what an engine builds the image of an event from, as an archive."""
    bundle = builder.bundle_of(os.environ)
    return pack({**recipe(load_event(event)).files, **builder.files(os.environ, bundle)}).read()
