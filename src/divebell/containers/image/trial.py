"""Try an image out: run its smoke test in a container like a volunteer's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import docker

from divebell.containers.image.steps import CODE, PYTHON

UID = 1_999_999_999
"""An account that nobody has."""
_LOOPBACK = ("127.", "localhost", "::1", "/")
_SECONDS = 600


@dataclass(frozen=True)
class Tried:
    """What the smoke test said."""

    good: bool
    output: str
    errors: str


def try_image(
    client: docker.DockerClient, tag: str, environment: Mapping[str, str], *, as_json: bool
) -> Tried:
    """Run the smoke test of an image; with PGHOST in `environment` it reads PostGIS there."""
    container = client.containers.create(tag, **options(environment, as_json=as_json))
    try:
        container.start()
        code = container.wait(timeout=_SECONDS)["StatusCode"]
        output, errors = (
            container.logs(stdout=out, stderr=not out).decode(errors="replace") for out in (True, False)
        )
    finally:
        container.remove(force=True)
    return Tried(code == 0, output, errors)


def options(environment: Mapping[str, str], *, as_json: bool) -> dict[str, Any]:
    """Give the container's settings: no rights, nothing to write to but /tmp. Pure."""
    database = {name: value for name, value in environment.items() if name.startswith("PG")}
    here = database.get("PGHOST", "").startswith(_LOOPBACK)
    return {
        "command": [PYTHON, f"{CODE}/smoke.py", *(["--json"] if as_json else [])],
        "user": f"{UID}:{UID}",
        "environment": {**database, "HOME": "/tmp"},  # noqa: S108 - the container's own
        "network_mode": "host" if here else "bridge",
        "read_only": True,
        "tmpfs": {"/tmp": "mode=1777"},  # noqa: S108
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "init": True,
    }
