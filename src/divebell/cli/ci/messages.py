"""What a CI and the event's server say to each other, as values; how it is signed."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

HOOK = "/services/event/hook"
COMMITS = "/services/event/api/commits/"


class Loaded(msgspec.Struct, frozen=True):
    """What the server says of one table that a file became, or of a file that became none."""

    file: str
    table: str | None = None
    rows: int | None = None
    warnings: tuple[str, ...] = ()
    error: str | None = None
    changed: bool = False


class Branch(msgspec.Struct, frozen=True):
    """The branch as the server last saw it."""

    name: str = ""
    head: str | None = None
    looked_at: datetime | None = None


class Answer(msgspec.Struct, frozen=True):
    """What the server says of a commit."""

    commit: str
    state: Literal["unknown", "waiting", "loading", "loaded", "failed"]
    reason: str | None = None
    """What is wrong with the commit as a whole, or why it waits."""
    datasets: tuple[Loaded, ...] = ()
    branch: Branch = Branch()

    def elsewhere(self, told_at: datetime) -> str | None:
        """Give the commit that the branch led to instead when the server looked, after it was told."""
        seen, head = self.branch.looked_at, self.branch.head
        looked = self.state == "unknown" and head != self.commit and seen is not None and seen > told_at
        return head if looked else None

    def words(self) -> str:
        """Say how far the commit is."""
        words = {
            "unknown": "nobody has seen the commit yet",
            "waiting": "the commit waits for its turn",
            "loading": "the commit is being loaded",
            "loaded": "the commit is loaded",
            "failed": "the commit is not loaded, or not all of it",
        }[self.state]
        return f"{words}: {self.reason}" if self.reason else words


@dataclass(frozen=True)
class Push:
    """What is told: a commit, its branch, and what was there before."""

    commit: str
    branch: str
    before: str | None = None

    def body(self) -> bytes:
        """Give the hook's body, in GitHub's words."""
        known = {"ref": f"refs/heads/{self.branch}", "before": self.before or "0" * 40, "after": self.commit}
        return json.dumps(known, separators=(",", ":")).encode()


def signature(secret: str, message: bytes) -> str:
    """Give the value of a signature's header: HMAC-SHA256 in hex, as GitHub writes it."""
    return "sha256=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def hook_headers(secret: str, body: bytes, delivery: str) -> dict[str, str]:
    """Give the headers of a hook. Pure."""
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": signature(secret, body),
    }


def question_headers(secret: str, path: str, now: int) -> dict[str, str]:
    """Give the headers of a question about a commit; `now` in seconds since 1970. Pure."""
    return {
        "X-Divebell-Time": str(now),
        "X-Divebell-Signature": signature(secret, f"GET {path} {now}".encode()),
    }
