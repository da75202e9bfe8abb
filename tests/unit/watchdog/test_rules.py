"""What a session may do, decided from what it does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from divebell.watchdog.machine import disk_reserve
from divebell.watchdog.rules import Action, Limits, Machine, Session, offences, spoken

LIMITS = Limits(query_seconds=900, idle_seconds=300, locks=2000)
WORKING = Session(
    pid=1,
    started=datetime(2026, 1, 1, tzinfo=UTC),
    role="v_ana",
    state="active",
    query="SELECT 1",
    query_start=datetime(2026, 1, 1, tzinfo=UTC),
    query_seconds=1.0,
    state_seconds=1.0,
    locks=3,
    writes=False,
)
WAITING = replace(WORKING, state="idle in transaction")
GIGABYTE = 1024**3
PLENTY = Machine()


def found(session: Session, machine: Machine = PLENTY) -> list[tuple[str, Action]]:
    return [(offence.what, offence.action) for offence in offences([session], LIMITS, machine)]


@pytest.mark.parametrize(
    "session",
    [
        WORKING,
        WAITING,
        replace(WORKING, query_seconds=900.5),  # the server's own timeout comes first
        replace(WORKING, state="idle", query_seconds=90_000, state_seconds=90_000),
        replace(WAITING, query_seconds=90_000),
        replace(WORKING, locks=2000),
        replace(WORKING, blocks="event_loader", blocks_seconds=60),  # at work: the loader tries again later
        replace(WAITING, blocks="event_loader", blocks_seconds=4),
        replace(WORKING, writes=True, memory_bytes=GIGABYTE),
    ],
)
def test_what_is_within_the_limits_is_left_alone(session: Session) -> None:
    assert found(session) == []


@pytest.mark.parametrize(
    ("session", "what", "action"),
    [
        (replace(WORKING, query_seconds=902), "query", Action.CANCEL),
        (replace(WAITING, state_seconds=302), "idle transaction", Action.TERMINATE),
        (
            replace(WAITING, state="idle in transaction (aborted)", state_seconds=302),
            "idle transaction",
            Action.TERMINATE,
        ),
        (replace(WORKING, locks=2001), "locks", Action.CANCEL),
        (replace(WAITING, locks=2001), "locks", Action.TERMINATE),
        (replace(WAITING, blocks="event_loader", blocks_seconds=6), "blocking", Action.TERMINATE),
        (replace(WORKING, blocks="event_hub", blocks_seconds=6), "blocking", Action.TERMINATE),
        (replace(WORKING, outside="temporary files"), "outside", Action.TERMINATE),
    ],
)
def test_what_goes_beyond_is_ended(session: Session, what: str, action: Action) -> None:
    assert found(session) == [(what, action)]


def test_a_session_is_told_one_thing_at_a_time() -> None:
    assert len(found(replace(WORKING, query_seconds=9000, locks=9000, outside="x"))) == 1


def test_when_the_disk_is_short_those_who_write_are_ended() -> None:
    short = Machine(disk_short=True)
    assert found(replace(WORKING, writes=True), short) == [("disk", Action.TERMINATE)]
    assert found(WORKING, short) == []


def test_when_memory_is_short_the_largest_session_is_ended() -> None:
    sessions = [replace(WORKING, pid=n, memory_bytes=n * GIGABYTE) for n in (1, 3, 2)]
    [offence] = offences(sessions, LIMITS, Machine(memory_short=True))
    assert (offence.what, offence.session.pid) == ("memory", 3)
    assert found(replace(WORKING, memory_bytes=50 * 1024**2), Machine(memory_short=True)) == []


def test_words_name_what_was_done_and_what_to_do() -> None:
    [offence] = offences([replace(WORKING, query_seconds=902)], LIMITS)
    assert offence.limit == "15 min for one statement"
    assert offence.detail.startswith("A query of yours was ended after 15 min 2 s. Try it on fewer rows")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1.0, "1 s"), (1.25, "1.2 s"), (60, "1 min"), (902, "15 min 2 s"), (7200, "2 h"), (5400, "1 h 30 min")],
)
def test_times_are_spoken(seconds: float, words: str) -> None:
    assert spoken(seconds) == words


def test_some_of_every_disk_is_kept() -> None:
    assert disk_reserve(20 * GIGABYTE) == GIGABYTE // 2
    assert disk_reserve(50 * GIGABYTE) == GIGABYTE
    assert disk_reserve(5000 * GIGABYTE) == 2 * GIGABYTE
