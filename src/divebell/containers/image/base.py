"""How the base image is had: it is there, or it is pulled, or this machine makes it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
from docker.errors import DockerException, ImageNotFound
from docker.utils import parse_repository_tag

from divebell import disks
from divebell.errors import DivebellError

SUITES = {"12": "bookworm", "13": "trixie"}
"""Debian's releases that can be made here."""
_NAME = re.compile(r"debian:(?P<release>\d+|[a-z]+)(?:-slim)?")
_LAST_LINES = 15
_ROOM = "/var/tmp"  # noqa: S108 - a system cannot be made in /tmp where that is mounted `nodev`, as Debian 13 does


def ensure_base(client: docker.DockerClient, name: str, say: Callable[[str], None]) -> str:
    """Give the id of the image `name`, had from wherever it can be had.

    `say` hears what takes time. Raises DivebellError with everything that was tried.
    """
    try:
        return str(client.images.get(name).id)
    except ImageNotFound:
        pass
    say(f"pulling {name}")
    try:
        return str(client.images.pull(name).id)
    except (DockerException, OSError) as error:
        refused = _reason(error)
    suite = suite_of(name)
    if why_not := _cannot_make(name, suite):
        raise DivebellError(
            f"the base image {name} is not here, cannot be pulled ({refused}), and cannot be made: {why_not}",
            next_step=f"docker pull {name} where a registry is reached, docker save and docker load it here; "
            "or as root: apt-get install -y debootstrap debian-archive-keyring, with `base: debian:12-slim`; "
            "or write `runs_in: processes` under `workspace`",
        )
    say(f"no registry has it ({refused}); making {name} with debootstrap, a minute or two")
    return make(client, name, str(suite))


def suite_of(name: str) -> str | None:
    """Give the Debian release that an image's name stands for; None for other images. Pure."""
    found = _NAME.fullmatch(name)
    release = found["release"] if found else ""
    return SUITES.get(release) or (release if release in SUITES.values() else None)


def make(client: docker.DockerClient, name: str, suite: str) -> str:
    """Make a minimal Debian from this machine's mirror, import it under `name`, and give its id."""
    with _folder() as root:
        origins = _machine_origins(suite)
        mirror = [origins[0].split()[1]] if origins else []
        _run(["debootstrap", "--variant=minbase", suite, str(root), *mirror])
        sources = root / "etc/apt/sources.list"
        lines = origins or with_security(sources.read_text(), suite)
        sources.write_text("\n".join(lines) + "\n")
        for waste in ("var/cache/apt", "var/lib/apt/lists"):
            shutil.rmtree(root / waste)
            (root / waste).mkdir()
        return _import(client, name, root)


def _import(client: docker.DockerClient, name: str, root: Path) -> str:
    repository, tag = parse_repository_tag(name)
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as packing:
        try:
            said = client.api.import_image_from_stream(
                packing.stdout, repository=repository, tag=tag, changes=['CMD ["bash"]']
            )
            return str(client.images.get(name).id)
        except ImageNotFound as error:
            raise DivebellError(f"the engine did not take the base image {name}: {said}") from error
        except (DockerException, OSError) as error:
            raise DivebellError(f"the engine did not take the base image {name}: {_reason(error)}") from error


def machine_origins(targets: str, suite: str) -> list[str]:
    """Give the lines of a sources.list for a release, out of what apt says of this machine. Pure.

    Where this machine has another release, the same mirrors have this one under its name, security's too.
    """
    rows = [line.split() for line in targets.splitlines()]
    named = {release for _, release, _ in rows}
    own = next((each for each in (suite, *SUITES.values()) if each in named), suite)
    found: dict[tuple[str, str], set[str]] = {}
    for uri, release, component in rows:
        if re.fullmatch(rf"{own}(-updates|-security)?", release):
            found.setdefault((uri.rstrip("/"), release.replace(own, suite)), set()).add(component)
    own_first = sorted(found, key=lambda each: (each[1] != suite, each))
    lines = [f"deb {uri} {release} {' '.join(sorted(found[uri, release]))}" for uri, release in own_first]
    return lines if own_first and own_first[0][1] == suite else []


def with_security(sources: str, suite: str) -> list[str]:
    """Give the lines of a sources.list, and those of the upgrades that Debian's own mirror has. Pure.

    A machine that is no Debian has no mirror of it, and debootstrap writes down the release alone.
    """
    _, uri, _, components = sources.strip().split(" ", maxsplit=3)
    named = {suite: uri, f"{suite}-updates": uri, f"{suite}-security": f"{uri.rstrip('/')}-security"}
    return [f"deb {uri} {release} {components}" for release, uri in named.items()]


def _machine_origins(suite: str) -> list[str]:
    fields = "$(SITE) $(RELEASE) $(COMPONENT)"
    asked = ["apt-get", "indextargets", "--format", fields, "Identifier: Packages", "Origin: Debian"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return machine_origins(done.stdout, suite)


def _cannot_make(name: str, suite: str | None) -> str:
    if suite is None:
        return f"{name} is no Debian that can be made ({', '.join(SUITES.values())})"
    if os.geteuid() != 0:
        return "that takes root"
    return "" if shutil.which("debootstrap") else "debootstrap is not installed"


@contextmanager
def _folder() -> Iterator[Path]:
    """Give a folder for a system's root; nothing of this machine is mounted in it when it is removed."""
    root = Path(tempfile.mkdtemp(prefix="divebell-base-", dir=_ROOM))
    try:
        yield root
    finally:
        for mounted in disks.mounted_below(root):
            disks.release(mounted)
        shutil.rmtree(root)


def _reason(error: Exception) -> str:
    return str(getattr(error, "explanation", None) or error)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n  ".join((done.stdout + done.stderr).strip().splitlines()[-_LAST_LINES:])
        raise DivebellError(
            f"{' '.join(command)} failed:\n  {last}", next_step="see whether apt-get update works"
        )
