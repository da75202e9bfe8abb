"""The door to the Docker engine: at DOCKER_HOST, else at the default socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import docker
from docker.errors import DockerException

from divebell.errors import DivebellError

SECONDS_TO_ANSWER = 5
SECONDS_OF_PATIENCE = 120
"""How long the engine may take for one answer; a build sends something at every step."""


def connect(seconds: float = SECONDS_OF_PATIENCE) -> docker.DockerClient:
    """Give a client of the engine, which has answered. Close it after use.

    `seconds`: how long each answer may take. Raises DivebellError when no engine answers.
    """
    try:
        _knock(seconds)
        return docker.from_env(timeout=seconds)
    except (DockerException, OSError) as error:
        raise DivebellError(
            f"no container engine answers at {address()}: {_reason(error)}", next_step=_next_step(error)
        ) from error


@contextmanager
def connected() -> Iterator[docker.DockerClient]:
    """Do as `connect`, for a `with`: the client is closed after it."""
    client = connect()
    try:
        yield client
    finally:
        client.close()


def answers() -> bool:
    """Tell within seconds whether an engine answers."""
    try:
        connect(SECONDS_TO_ANSWER).close()
    except DivebellError:
        return False
    return True


def address() -> str:
    """Say where the engine is looked for."""
    return os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


def _knock(seconds: float) -> None:
    """Open the engine's unix socket and close it: the SDK loses the socket when nobody opens."""
    kind, _, path = address().partition("://")
    if kind == "unix":
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(seconds)
            knocking.connect(path)


def _reason(error: Exception) -> str:
    match error:
        case FileNotFoundError():
            return "there is none"
        case PermissionError():
            return "this account may not use it"
        case _:
            return str(error).removeprefix("Error while fetching server API version: ")


def _next_step(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "sudo adduser $USER docker, then sign in anew"
    return "sudo apt-get install -y docker.io, or write `runs_in: processes` under `workspace`"
