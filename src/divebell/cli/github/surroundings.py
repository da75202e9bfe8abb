"""What lies around an event file that a connection needs: the clone, its remote, the server, the secret."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from divebell.cli.event_address import origin
from divebell.cli.github.connection import Remote, parse_remote
from divebell.deploy.host import remembered
from divebell.deploy.kept import SECRETS, kept_folder
from divebell.errors import DivebellError
from divebell.event import Event, Service, State, ensure_secrets, is_folder, repository_folder
from divebell.event.model import Certificate
from divebell.pipeline import git
from divebell.pipeline.folder import is_repository


def server_of(event: Event, state: State, given: str | None) -> str | None:
    """Give where GitHub reaches the event; None for one that only this machine reaches."""
    if given is not None:
        return origin(given)
    served, host = Service.load(state), remembered(state)
    if served is not None:
        return origin(served.address)
    name = event.address or (host.name if host else None)
    return None if name is None else f"https://[{name}]" if ":" in name else f"https://{name}"


def clone_of(event: Event, state: State, given: Path | None) -> Path:
    """Give the top of the clone to write into. Raises DivebellError when nobody says where one is."""
    folder = given or repository_folder(event.data.repository, state.event_file) or state.folder.parent
    top = _asked(folder, "rev-parse", "--show-toplevel") if folder.is_dir() else None
    if top is not None:
        return Path(top)
    if given is None and is_folder(event.data.repository) and folder.is_dir() and not is_repository(folder):
        return folder  # it becomes a repository with the event's first `up`
    raise DivebellError(
        f"{folder} is no clone of the event's repository, with files to write among",
        next_step="name one: divebell github connect --into CLONE, or see what belongs in it: --print",
    )


def remote_of(event: Event, clone: Path) -> Remote | None:
    """Give the repository on GitHub, by the event file or by what the clone was made from."""
    if not is_folder(event.data.repository):
        return parse_remote(event.data.repository)
    return parse_remote(_asked(clone, "config", "--get", "remote.origin.url") or "")


def secret_of(event: Event, state: State) -> str | None:
    """Give the webhook secret of the event: as its server was told, or here; None before it first ran."""
    kept = kept_folder(state) / SECRETS
    if kept.exists():
        try:
            return str(json.loads(kept.read_text())["webhook_secret"])
        except (ValueError, KeyError, TypeError):
            return None  # of an older version, which has none
    return ensure_secrets(event, state).webhook_secret if state.secrets_file.exists() else None


def shows_secret(state: State, path: Path) -> str:
    """Give the command that prints the webhook secret, as the event has it now."""
    host = remembered(state) if (kept_folder(state) / SECRETS).exists() else None
    place = [] if path == Path() else [str(path)]
    there = ["--on", str(host)] if host else []
    return shlex.join(["divebell", "secrets", "show", "webhook-secret", *place, *there])


def notes(event: Event, state: State, clone: Path, server: str | None) -> tuple[str, ...]:
    """Say what keeps the connection from being of full use."""
    return tuple(_notes(event, state, clone, server))


def _notes(event: Event, state: State, clone: Path, server: str | None) -> Iterator[str]:
    if server is None:
        yield (
            "this event has no address that GitHub reaches, so the workflow only checks the data. The event "
            "follows the branch all the same, by looking at it by itself. With an address "
            "(`address` in event.yaml, divebell deploy) run this again."
        )
    elif event.https.certificate is Certificate.AUTHORITY:
        yield "GitHub does not trust the certificate of this event's own authority: use a runner of your own."
    if is_folder(event.data.repository):
        yield (
            f"this event follows the folder {event.data.repository}, not GitHub: write GitHub's address as "
            "`data: repository:` in event.yaml, or see to it that each push arrives in the folder."
        )
    if event.data.datasets and not (clone / "event.yaml").is_file():
        yield (
            "the checks know the hints of event.yaml (`data: datasets:`) only where it lies at the top of "
            "the repository: commit a copy of it there; nothing in it is secret."
        )
    if clone != state.folder.parent and state.folder.is_relative_to(clone):
        yield "event.yaml is not at the top of the repository, where the checks look for it."


def _asked(folder: Path, *arguments: str) -> str | None:
    environment = git.environment(Path(os.devnull), network=False)
    try:
        return git.run(git.git("-c", "safe.directory=*", "-C", str(folder), *arguments), environment).strip()
    except git.GitError:
        return None
