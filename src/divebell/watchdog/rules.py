"""What a volunteer's session may do, and what becomes of one that does more: sessions in, offences out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

GRACE_SECONDS = 1.0
"""The server's own timeouts come first: their words reach the cell at once."""
BLOCKING_SECONDS = 5.0
"""How long an open transaction may keep a part of the event waiting."""
BIG_BYTES = 128 * 1024**2
"""A session with less memory than that is not what the machine runs out of."""


class Action(StrEnum):
    """What is done about an offence."""

    CANCEL = "cancel"
    """End the statement; the session too when that does not help."""
    TERMINATE = "terminate"


@dataclass(frozen=True)
class Limits:
    """What the event allows one session."""

    query_seconds: float
    idle_seconds: float
    """Within a transaction."""
    locks: int


@dataclass(frozen=True)
class Session:
    """One session of a volunteer as it is now."""

    pid: int
    started: datetime
    role: str
    state: str
    query: str
    """How the latest statement begins."""
    query_start: datetime | None
    query_seconds: float
    state_seconds: float
    locks: int
    writes: bool
    """Whether its transaction has changed something."""
    blocks: str | None = None
    """The part of the event, as its role, that waits for it."""
    outside: str | None = None
    """What it writes outside the space for volunteers' tables."""
    blocks_seconds: float = 0.0
    memory_bytes: int = 0

    @property
    def idle_in_transaction(self) -> bool:
        """Whether a transaction waits for its owner to go on."""
        return self.state.startswith("idle in transaction")


@dataclass(frozen=True)
class Machine:
    """What this machine has left."""

    disk_short: bool = False
    """Whether the disk of the event's data is nearly full."""
    memory_short: bool = False


@dataclass(frozen=True)
class Offence:
    """What a session does beyond a limit. `limit` and `detail` are words for the person concerned."""

    session: Session
    what: str
    limit: str
    detail: str
    action: Action


def offences(sessions: Iterable[Session], limits: Limits, machine: Machine = Machine()) -> list[Offence]:
    """Give one offence at most for each session, the gravest."""
    everybody = list(sessions)
    found = [next(iter(_of(session, limits, machine)), None) for session in everybody]
    return [offence for offence in (*found, _largest(everybody, machine)) if offence is not None]


def _of(session: Session, limits: Limits, machine: Machine) -> Iterator[Offence]:
    if session.outside:
        yield Offence(
            session,
            "outside",
            "tables and temporary files lie in the space for volunteers' tables",
            f"Your connection was closed: it wrote outside the space for volunteers' tables "
            f"({session.outside}). Leave TABLESPACE and temp_tablespaces as they are, and drop "
            "what you no longer need when that space is full.",
            Action.TERMINATE,
        )
    if machine.disk_short and session.writes:
        yield Offence(
            session,
            "disk",
            "the disk of the event's database keeps some room",
            "Your connection was closed because the event's disk is nearly full; what it had not "
            "committed is gone. Tell an ambassador.",
            Action.TERMINATE,
        )
    if session.locks > limits.locks:
        yield Offence(
            session,
            "locks",
            f"{limits.locks:,} locks of one connection",
            f"A statement of yours was ended: it held {session.locks:,} locks. Work on fewer tables in one "
            "transaction.",
            Action.TERMINATE if session.idle_in_transaction else Action.CANCEL,
        )
    yield from _too_long(session, limits)
    yield from _blocking(session)


def _too_long(session: Session, limits: Limits) -> Iterator[Offence]:
    if session.state == "active" and session.query_seconds > limits.query_seconds + GRACE_SECONDS:
        yield Offence(
            session,
            "query",
            f"{spoken(limits.query_seconds)} for one statement",
            f"A query of yours was ended after {spoken(session.query_seconds)}. Try it on fewer rows, add an "
            "index, or keep parts of the result in a table.",
            Action.CANCEL,
        )
    if session.idle_in_transaction and session.state_seconds > limits.idle_seconds + GRACE_SECONDS:
        yield Offence(
            session,
            "idle transaction",
            f"{spoken(limits.idle_seconds)} of waiting within a transaction",
            f"A transaction of yours was ended: it had been open for {spoken(session.state_seconds)} with "
            "nothing happening, and what it had changed was not committed. COMMIT or ROLLBACK when you are "
            "done.",
            Action.TERMINATE,
        )


def _blocking(session: Session) -> Iterator[Offence]:
    if session.blocks and session.blocks_seconds > BLOCKING_SECONDS and _may_not_block(session):
        yield Offence(
            session,
            "blocking",
            f"{spoken(BLOCKING_SECONDS)} of keeping the event waiting",
            f"A transaction of yours was ended: {_part(session.blocks)} had to wait for it. What it had "
            "changed was not committed. COMMIT or ROLLBACK when you are done.",
            Action.TERMINATE,
        )


def _may_not_block(session: Session) -> bool:
    """Let a query at work finish, unless the hub waits: then somebody cannot get in."""
    return session.idle_in_transaction or session.blocks == "event_hub"


def _largest(sessions: list[Session], machine: Machine) -> Offence | None:
    if not machine.memory_short or not sessions:
        return None
    session = max(sessions, key=lambda each: each.memory_bytes)
    if session.memory_bytes < BIG_BYTES:
        return None
    return Offence(
        session,
        "memory",
        "the machine keeps some memory for everybody",
        "A query of yours was ended: memory was running out and it took most, "
        f"{session.memory_bytes // 1024**2:,} MB. Try it on fewer rows, or with the usual work_mem.",
        Action.TERMINATE,
    )


def _part(role: str) -> str:
    names = {
        "event_hub": "the hub",
        "event_loader": "the loader",
        "event_web": "the portal",
        "event_tiles": "the map",
    }
    return names.get(role, "the event's database")


def spoken(seconds: float) -> str:
    """Say a length of time: 1.5 s, 15 min 2 s, 2 h."""
    if seconds < 60:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    parts = ((whole // 3600, "h"), (whole % 3600 // 60, "min"), (whole % 60 if whole < 3600 else 0, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)
