"""What the benchmark asks of a Docker engine: a network, an image of stock, and who runs in it."""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
import psutil
from docker.errors import APIError, ImageNotFound, NotFound

_AUTHORITIES = Path("/usr/local/share/ca-certificates")
"""What this machine trusts besides: a machine behind an inspecting proxy builds nothing without it."""
_RECIPE = """\
FROM debian:12-slim
ARG DEBIAN_FRONTEND=noninteractive
COPY authorities/ /usr/local/share/ca-certificates/
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates python3-venv \
 && update-ca-certificates && rm -rf /var/lib/apt/lists/*
ARG PIP_CERT=/etc/ssl/certs/ca-certificates.crt
RUN python3 -m venv /opt/stock && /opt/stock/bin/pip install --no-cache-dir {packages}
RUN useradd --create-home --uid 1000 volunteer
USER volunteer
WORKDIR /home/volunteer
ENV PATH=/opt/stock/bin:/usr/bin:/bin
CMD ["jupyterhub-singleuser"]
"""


@dataclass(frozen=True)
class Network:
    """A bridge network and this machine's address in it."""

    name: str
    gateway: str
    subnet: str


@contextmanager
def network(engine: docker.DockerClient, name: str) -> Iterator[Network]:
    """Keep a network for as long as the block lasts; the containers in it are removed with it."""
    made = engine.networks.create(name, driver="bridge")
    try:
        made.reload()
        [settings] = made.attrs["IPAM"]["Config"]
        yield Network(name, settings["Gateway"], settings["Subnet"])
    finally:
        for container in _containers(engine, name):
            container.remove(force=True, v=True)
        made.remove()


def processes_in(engine: docker.DockerClient, name: str) -> list[psutil.Process]:
    """Give the processes of all containers in a network."""
    found = []
    for container in _containers(engine, name):
        try:
            top = container.top(ps_args="-eo pid")
            found += [psutil.Process(int(row[0])) for row in top["Processes"]]
        except (APIError, psutil.NoSuchProcess):
            continue  # it does not run, or no longer
    return found


def stock_image(engine: docker.DockerClient, packages: tuple[str, ...]) -> str:
    """Give the image that plain `pip install` makes, built where it is not there yet."""
    recipe = _RECIPE.format(packages=" ".join(f"'{package}'" for package in packages))
    tag = f"divebell-herd-stock:{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    try:
        engine.images.get(tag)
    except ImageNotFound:
        print(f"building {tag} (a few minutes, once)", file=sys.stderr, flush=True)
        engine.images.build(fileobj=_context(recipe), custom_context=True, tag=tag, rm=True, forcerm=True)
    return tag


def _containers(engine: docker.DockerClient, name: str) -> list[docker.models.containers.Container]:
    try:
        return engine.containers.list(all=True, filters={"network": name})
    except NotFound:
        return []


def _context(recipe: str) -> io.BytesIO:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        _add(archive, "Dockerfile", recipe.encode())
        folder = tarfile.TarInfo("authorities")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(folder)
        for file in sorted(_AUTHORITIES.glob("*.crt")):
            _add(archive, f"authorities/{file.name}", file.read_bytes())
    context.seek(0)
    return context


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    archive.addfile(entry, io.BytesIO(content))
