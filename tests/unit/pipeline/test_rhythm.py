"""How often a branch is looked at."""

from __future__ import annotations

from divebell.pipeline.rhythm import (
    HOOKED_SECONDS,
    LOCAL_SECONDS,
    LONGEST_SECONDS,
    QUIET_SECONDS,
    REMOTE_SECONDS,
    Pulse,
    least_pause,
    next_look,
)

DAY = 86_400.0


def test_a_remote_that_fails_is_asked_ever_more_seldom() -> None:
    waits = [next_look(Pulse(failures=failures, people=True, hooked=True)) for failures in range(1, 20)]
    assert waits[0] == REMOTE_SECONDS
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_SECONDS


def test_a_folder_of_this_machine_is_looked_at_each_second() -> None:
    assert next_look(Pulse(local=True, failures=5, quiet=DAY)) == LOCAL_SECONDS


def test_a_remote_is_asked_more_seldom_when_nothing_happens_and_nobody_is_there() -> None:
    waits = [next_look(Pulse(quiet=quiet)) for quiet in (0.0, 599.0, 900.0, 1800.0, DAY)]
    assert waits[:2] == [REMOTE_SECONDS, REMOTE_SECONDS]
    assert waits == sorted(waits)
    assert waits[-1] == QUIET_SECONDS
    assert next_look(Pulse(quiet=DAY, people=True)) == REMOTE_SECONDS


def test_where_a_hook_tells_of_changes_the_poll_only_catches_those_that_get_lost() -> None:
    assert next_look(Pulse(hooked=True, people=True)) == HOOKED_SECONDS


def test_nothing_is_asked_without_pause_whoever_wants_it() -> None:
    assert 0 < least_pause(local=True, hinted=False) < 0.5
    assert 0 < least_pause(local=False, hinted=True) < 1 < least_pause(local=False, hinted=False)
