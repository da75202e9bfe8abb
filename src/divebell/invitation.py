"""What an invitation is: the key in its link, the code on its card, how long it holds. Pure."""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode, urljoin

from divebell.codes import ALPHABET, LENGTH, hash_return_code
from divebell.event import Event

ID_LENGTH = 3
"""The first part of a code, by which the invitation is found; the rest is the secret."""
_KEY = re.compile(r"[A-Za-z0-9_-]{24}")
PAGE = "hub/invitation"
HOLDS = timedelta(days=14)
"""How long an invitation holds where the event file does not say when the event ends."""


@dataclass(frozen=True)
class Invitation:
    """A new invitation as it is given away. Only hashes of `key` and `code` are kept."""

    id: str
    key: str = field(repr=False)

    @property
    def code(self) -> str:
        """What is typed instead of following the link; the link gives the code away, never the other way."""
        return code_of(self.id, self.key)

    @property
    def key_hash(self) -> bytes:
        """What is stored of the key: it has 144 bits, so that a fast hash is enough."""
        return hash_key(self.key)

    @property
    def code_hash(self) -> str:
        """What is stored of the code."""
        return hash_return_code(self.code)

    def link(self, address: str) -> str:
        """Give the link below an event's address. What is in `key` stays out of logs."""
        return f"{urljoin(address, PAGE)}?{urlencode({'key': self.key})}"


def new_invitation() -> Invitation:
    """Make an invitation nobody can guess."""
    return Invitation("".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH)), secrets.token_urlsafe(18))


def holds_until(event: Event, now: datetime) -> datetime:
    """Give when an invitation made now ends by itself: with the event, where that is known."""
    ends = event.ends.replace(tzinfo=event.zone) if event.ends else None
    return ends if ends and ends > now else now + HOLDS


def hash_key(key: str) -> bytes:
    """Give what is stored of a link's key."""
    return hashlib.sha256(key.encode()).digest()


def is_key(text: str) -> bool:
    """Tell whether this may be the key of a link."""
    return _KEY.fullmatch(text) is not None


def code_of(number: str, key: str) -> str:
    """Give the code of an invitation: 39 bits that follow from the key."""
    rest = int.from_bytes(hashlib.sha256(b"code of " + key.encode()).digest())
    letters = ""
    for _ in range(LENGTH):
        rest, place = divmod(rest, len(ALPHABET))
        letters += ALPHABET[place]
    return f"{number}-{letters[:4]}-{letters[4:]}"


def id_of(typed: str) -> str | None:
    """Give the invitation that a typed code names; None for what is no invitation's code."""
    plain = "".join(c for c in unicodedata.normalize("NFKC", typed[:100]).upper() if c.isalnum())
    whole = len(plain) == ID_LENGTH + LENGTH and all(character in ALPHABET for character in plain)
    return plain[:ID_LENGTH] if whole else None
