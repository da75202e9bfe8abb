"""Make the workspace image with the engine, unless it is there."""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO

import docker
from docker.errors import DockerException, ImageNotFound

from divebell._version import __version__
from divebell.containers.engine import connected
from divebell.containers.image import builder
from divebell.containers.image.base import ensure_base
from divebell.containers.image.progress import Progress
from divebell.containers.image.recipe import Recipe, recipe
from divebell.errors import DivebellError
from divebell.event import Event

SECONDS_OF_SILENCE = 1800
"""How long one instruction may work without a word."""


@dataclass(frozen=True)
class Built:
    """A workspace image that is there."""

    tag: str
    id: str
    bytes: int
    seconds: float
    """How long it took; 0 when it was there already."""
    was_there: bool
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Wish:
    """How an image is to be built: `bundle` are certificates for the build alone."""

    bundle: Path | None = None
    anew: bool = False


def ensure(event: Event, say: Callable[[str], None]) -> str:
    """Give the name and tag of an event's image, which is built if it is not there.

    `say` hears each step and how long it took. Raises DivebellError when it cannot be built.
    """
    return build(event, say, Wish(bundle=builder.bundle_of(os.environ))).tag


def build(event: Event, say: Callable[[str], None], wish: Wish) -> Built:
    """Build an event's image unless it is there, or anew with everything in it."""
    wanted = recipe(event)
    begun = time.monotonic()
    with connected() as client:
        if not wish.anew and (there := find(client, wanted.tag)):
            return there
        base = ensure_base(client, wanted.base, say)
        said = _run(client, wanted, wish, base)
        Progress(wanted.steps, say).follow(said)
        found = find(client, wanted.tag)
    if found is None:
        raise DivebellError(f"{wanted.tag} was built and is gone", next_step="divebell image build")
    return Built(found.tag, found.id, found.bytes, time.monotonic() - begun, False, found.labels)


def find(client: docker.DockerClient, tag: str) -> Built | None:
    """Give what the engine has under that name."""
    try:
        image = client.images.get(tag)
    except ImageNotFound:
        return None
    return Built(tag, str(image.id), int(image.attrs["Size"]), 0.0, True, dict(image.labels))


def _run(client: docker.DockerClient, wanted: Recipe, wish: Wish, base: str) -> Iterator[dict[str, Any]]:
    """Start the build and give what the engine says, as it says it."""
    context = pack({**wanted.files, **builder.files(os.environ, wish.bundle)})
    try:
        yield from client.api.build(
            fileobj=context,
            custom_context=True,
            tag=wanted.tag,
            buildargs={"BASE_ID": base},
            labels=labels(wanted, base),
            nocache=wish.anew,
            rm=True,
            forcerm=True,
            decode=True,
            timeout=SECONDS_OF_SILENCE,
        )
    except (DockerException, OSError, HTTPException) as error:
        raise DivebellError(
            f"the engine gave up building {wanted.tag}: {getattr(error, 'explanation', None) or error}",
            next_step="see whether docker info works, then divebell image build",
        ) from error


def pack(contents: Mapping[str, str]) -> BinaryIO:
    """Give files as the archive that the engine takes; the same files give the same bytes. Pure."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, text in sorted(contents.items()):
            data = text.encode()
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    packed.seek(0)
    return packed


def labels(wanted: Recipe, base: str) -> dict[str, str]:
    """Give what an image says of itself."""
    return {
        "org.divebell.version": __version__,
        "org.divebell.recipe": wanted.tag.partition(":")[2],
        "org.divebell.base": wanted.base,
        "org.divebell.base-id": base,
        "org.divebell.packages": ", ".join(wanted.files["packages/packages.in"].splitlines()),
    }
