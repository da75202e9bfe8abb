"""Personal tokens: what is shown once, and the hash that is kept instead."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

PREFIX = "divebell_"
"""Says what it is wherever one is found lying about."""
LONGEST_LABEL = 60


@dataclass(frozen=True)
class Token:
    """What is known of a token; never the token itself."""

    id: int
    label: str
    made_at: datetime
    used_at: datetime | None
    expires_at: datetime


def new_token() -> str:
    """Make a token of 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_of(token: str) -> bytes:
    """Give what is kept of a token. Nobody can guess 256 random bits, so a quick hash will do."""
    return hashlib.sha256(token.encode()).digest()


def label_of(text: str) -> str:
    """Give what its owner calls a token, in one short line."""
    return " ".join(text.split())[:LONGEST_LABEL] or "unnamed"
