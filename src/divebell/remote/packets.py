"""What a git client asks when it pushes, and the answer that refuses it. Pure; see gitprotocol-pack(5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

FLUSH = b"0000"
MOST_UPDATES = 20
_LONGEST_PACKET = 65_520
_LINE = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64}) (refs/[^\0]{1,300})")
_SHALLOW = re.compile(rb"shallow ([0-9a-f]{40}|[0-9a-f]{64})")
_NOBODYS = frozenset("0")
_BAND = b"\1"


class NotAPushError(ValueError):
    """This is not what a git client sends."""


@dataclass(frozen=True)
class Update:
    """One branch that is to end with `new` instead of `old`; only zeros stand for no commit."""

    old: str
    new: str
    ref: str

    @property
    def deletes(self) -> bool:
        """Whether the branch is to go."""
        return set(self.new) == _NOBODYS


@dataclass(frozen=True)
class Asked:
    """What a client asks, before its objects; `capabilities` is what it understands."""

    updates: tuple[Update, ...]
    capabilities: frozenset[str]


def packet(data: bytes) -> bytes:
    """Give one packet."""
    return b"%04x" % (len(data) + 4) + data


def parse(request: bytes) -> Asked:
    """Read the updates at the beginning of a push. Raises NotAPushError for anything else."""
    updates: list[Update] = []
    capabilities = b""
    for line in _packets(request):
        words, _, more = line.partition(b"\0")
        words = words.removesuffix(b"\n")
        if _SHALLOW.fullmatch(words):
            continue
        found = _LINE.fullmatch(words)
        if found is None or len(updates) == MOST_UPDATES:
            raise NotAPushError(words[:80].decode("utf-8", "replace"))
        capabilities = capabilities or more
        old, new, ref = (part.decode("utf-8", "surrogateescape") for part in found.groups())
        updates.append(Update(old, new, ref))
    if not updates:
        raise NotAPushError("no branch is named")
    return Asked(tuple(updates), frozenset(capabilities.decode("ascii", "replace").split()))


def refusal(asked: Asked, branch: str) -> str | None:
    """Say why a push may not be, to anything but the one branch that is the client's own."""
    others = sorted({update.ref.removeprefix("refs/heads/") for update in asked.updates} - {branch})
    if others:
        return f"yours is {branch}: git push origin HEAD:{branch}"
    if any(update.deletes for update in asked.updates):
        return "branches stay; commit what is to be different"
    if len(asked.updates) > 1:
        return "one update at a time"
    return None


def report(asked: Asked, reason: str) -> bytes:
    """Give the answer that refuses all updates for a reason."""
    if not asked.capabilities & {"report-status", "report-status-v2"}:
        return b""
    lines = [b"unpack ok\n"]
    lines += [
        b"ng %s %s\n" % (update.ref.encode("utf-8", "surrogateescape"), reason.encode())
        for update in asked.updates
    ]
    told = b"".join(packet(line) for line in lines) + FLUSH
    return packet(_BAND + told) + FLUSH if "side-band-64k" in asked.capabilities else told


def _packets(request: bytes) -> Iterator[bytes]:
    """Give the packets up to the first flush."""
    at = 0
    while True:
        head = request[at : at + 4]
        if head == FLUSH:
            return
        if not re.fullmatch(rb"[0-9a-f]{4}", head):
            raise NotAPushError("no packet begins where one should")
        size = int(head, 16)
        data = request[at + 4 : at + size]
        if not 4 < size <= _LONGEST_PACKET or len(data) != size - 4:
            raise NotAPushError("a packet ends too early")
        yield data
        at += size
