"""Who has the webhook secret: signatures as git hosts make them, and the one of a CI that asks. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

LATE_SECONDS = 300.0
"""How far a CI's clock may be from ours."""

TOKEN = "X-Gitlab-Token"  # noqa: S105 - the header's name
SIGNATURES = ("X-Hub-Signature-256", "X-Gitea-Signature", "X-Forgejo-Signature", "X-Hub-Signature")
"""Headers with the body's HMAC-SHA256 in hex, `sha256=` in front or not; the first that is there counts.

Sources: GitHub, "Validating webhook deliveries"; Gitea and Forgejo, "Webhooks"; Bitbucket, "Secure webhooks".
"""
DELIVERIES = (
    "X-GitHub-Delivery",
    "X-Gitea-Delivery",
    "X-Forgejo-Delivery",
    "Idempotency-Key",  # GitLab: the same for every try
    "X-Gitlab-Event-UUID",
    "X-Request-UUID",
)
_DELIVERY = re.compile(r"^[\x21-\x7e]{1,100}$")
_HEX = re.compile(r"^(?:sha256=)?([0-9a-f]{64})$")


@dataclass(frozen=True)
class Claim:
    """What a delivery shows of the secret before its body is read."""

    token: str | None
    signature: str | None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Claim | None:
        """Read it from the headers; None for one that shows nothing, or nothing that could be right."""
        given = next((headers[name] for name in SIGNATURES if name in headers), None)
        if given is not None:
            found = _HEX.match(given)
            return cls(None, found[1]) if found else None
        token = headers.get(TOKEN)
        return cls(token, None) if token else None

    def holds(self, secret: str, signed: str) -> bool:
        """Say whether it is right; `signed` is the body's HMAC. Takes as long for any wrong one."""
        if self.token is not None:
            return hmac.compare_digest(self.token.encode(), secret.encode())
        return hmac.compare_digest((self.signature or "").encode(), signed.encode())


def delivery(headers: Mapping[str, str], digest: bytes) -> str:
    """Give the name of a delivery; one that has none is named after its body."""
    named = (headers[name] for name in DELIVERIES if name in headers)
    return next((name for name in named if _DELIVERY.match(name)), digest.hex())


def sign(secret: str, path: str, at: int) -> str:
    """Give what a CI sends as `X-Divebell-Signature` to read `path` at a Unix time."""
    said = f"GET {path} {at}"
    return "sha256=" + hmac.new(secret.encode(), said.encode(), hashlib.sha256).hexdigest()


def asks_rightly(secret: str, path: str, headers: Mapping[str, str], now: float) -> bool:
    """Say whether a CI that asks for `path` has the secret, and asks now."""
    at = headers.get("X-Divebell-Time", "")
    if not re.fullmatch(r"[0-9]{1,12}", at) or abs(int(at) - now) > LATE_SECONDS:
        return False
    given = headers.get("X-Divebell-Signature", "")
    return hmac.compare_digest(given.encode(), sign(secret, path, int(at)).encode())
