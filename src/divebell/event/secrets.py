"""The one file that holds what must not be known: passwords, tokens and keys."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field, replace

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
    supervisor_password: str = field(default_factory=_token)


def load_secrets(state: State) -> Secrets:
    """Read the secrets of an event. Raises FileNotFoundError before the first `up`."""
    try:
        return Secrets(**json.loads(state.secrets_file.read_text()))
    except (ValueError, TypeError):  # what stands in it is not for a message
        raise DivebellError(
            f"{state.secrets_file} is damaged",
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
    _save(current, state)
    return current


def renew_supervisor_password(known: Secrets, state: State) -> Secrets:
    """Give the supervisor a new password: at its port somebody else may have listened while it was away."""
    renewed = replace(known, supervisor_password=_token())
    _save(renewed, state)
    return renewed


def _save(current: Secrets, state: State) -> None:
    write_private(state.secrets_file, json.dumps(asdict(current), indent=2) + "\n")
