"""The one file that holds what must not be known: passwords, tokens and keys."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from divebell.errors import DivebellError
from divebell.event.model import Event
from divebell.event.state import State, write_private

_CONSONANTS = "bdfghjklmnprstvz"
_VOWELS = "aeiou"


def passphrase(words: int = 3, syllables: int = 3) -> str:
    """Make a password that is easy to read out and type.

    Each syllable is one of 80, so the default of nine carries 56 bits.
    """
    return "-".join(
        "".join(secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS) for _ in range(syllables))
        for _ in range(words)
    )


def _token() -> str:
    return secrets.token_hex(32)


@dataclass(frozen=True)
class Secrets:
    """Everything secret about one event. `ambassadors` maps a name to that person's password."""

    event_password: str = field(default_factory=passphrase)
    ambassadors: dict[str, str] = field(default_factory=dict)
    cookie_secret: str = field(default_factory=_token)
    proxy_token: str = field(default_factory=_token)
    web_token: str = field(default_factory=_token)
    web_session_key: str = field(default_factory=_token)
    hub_database_password: str = field(default_factory=_token)
    loader_database_password: str = field(default_factory=_token)
    web_database_password: str = field(default_factory=_token)
    tiles_database_password: str = field(default_factory=_token)
    watchdog_database_password: str = field(default_factory=_token)
    supervisor_password: str = field(default_factory=_token)
    backup_password: str = field(default_factory=_token)
    backup_environment: dict[str, str] = field(default_factory=dict)
    """Keys of the place where backups go, as environment variables; a folder needs none."""
    webhook_secret: str = field(default_factory=_token)
    """What signs a webhook's deliveries."""
    repository_token: str = ""
    """For a repository over https: a token that may read it, and push where `data.push` says so."""
    repository_key: str = ""
    """For a repository over ssh: a private key in OpenSSH form."""
    repository_hosts: str = ""
    """For a repository over ssh: its host keys, as lines of a known_hosts file."""
    github_client_secret: str = ""


SECRETS_OF: Mapping[str, frozenset[str]] = {
    "hub": frozenset(
        {
            "event_password",
            "ambassadors",
            "cookie_secret",
            "proxy_token",
            "web_token",
            "hub_database_password",
            "github_client_secret",
        }
    ),
    "web": frozenset(
        {"web_token", "web_session_key", "web_database_password", "tiles_database_password", "webhook_secret"}
    ),
    "loader": frozenset(
        {"loader_database_password", "repository_token", "repository_key", "repository_hosts"}
    ),
    "watchdog": frozenset({"watchdog_database_password"}),
}
"""What each part is told on a server, where it has an account of its own; the others are told nothing."""

CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"
"""Where systemd puts what it gives a service alone."""


def only_for(part: str, known: Secrets) -> Secrets:
    """Give what one part may know, with everything else left blank."""
    told = SECRETS_OF[part]
    blank: dict[str, Any] = dict.fromkeys((one.name for one in fields(Secrets)), "") | {
        "ambassadors": {},
        "backup_environment": {},
    }
    return Secrets(**blank | {name: getattr(known, name) for name in told})


def load_secrets(state: State, environment: Mapping[str, str] = os.environ) -> Secrets:
    """Read the secrets of an event; a service of a server finds those that were given to it.

    Raises FileNotFoundError before the first `up`.
    """
    given = environment.get(CREDENTIALS_VARIABLE)
    file = Path(given) / state.secrets_file.name if given else state.secrets_file
    try:
        return Secrets(**json.loads(file.read_text()))
    except (ValueError, TypeError):  # what stands in it is not for a message
        raise DivebellError(
            f"{file} is damaged",
            next_step="put a copy of it back, or delete it: divebell up then makes new passwords",
        ) from None


def ensure_secrets(event: Event, state: State) -> Secrets:
    """Read the secrets, or make them.

    Ambassadors who are new in the event file get a password, removed ones lose theirs.
    """
    known = load_secrets(state) if state.secrets_file.exists() else Secrets()
    ambassadors = {name: known.ambassadors.get(name) or passphrase() for name in event.people.ambassadors}
    current = replace(known, ambassadors=ambassadors)
    state.folder.mkdir(mode=0o700, exist_ok=True)
    save_secrets(current, state)
    return current


def give_credentials(known: Secrets, state: State) -> list[str]:
    """Write what systemd hands to each part of a server; give the parts whose secrets have changed."""
    state.credentials.mkdir(mode=0o700, exist_ok=True)
    changed = []
    for part in SECRETS_OF:
        file = state.credential(part)
        text = json.dumps(asdict(only_for(part, known)), indent=2) + "\n"
        if not file.exists() or file.read_text() != text:
            write_private(file, text)
            changed.append(part)
    return changed


def renew_supervisor_password(known: Secrets, state: State) -> Secrets:
    """Give the supervisor a new password: at its port somebody else may have listened while it was away."""
    renewed = replace(known, supervisor_password=_token())
    save_secrets(renewed, state)
    return renewed


def save_secrets(current: Secrets, state: State) -> None:
    """Write the secrets where their owner alone may read them."""
    write_private(state.secrets_file, json.dumps(asdict(current), indent=2) + "\n")
