"""How long wrong guesses wait. The clock is ours."""

from __future__ import annotations

import pytest

from divebell.hub.login.throttle import ADDRESS, HALF_LIFE, LONGEST_WAIT, PAIR, Throttle
from divebell.patience import network


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def throttle(clock):
    return Throttle(clock)


def guess(throttle, clock, address, name):
    """Guess wrong, waiting as told; give the wait."""
    wait = throttle.reserve(address, name)
    if wait is not None:
        clock.now += wait
        throttle.wrong(address)
    return wait


def test_a_first_attempt_waits_for_nothing(throttle):
    assert throttle.reserve("10.0.0.1", "ana") == 0


def test_each_wrong_guess_makes_the_next_wait_longer_up_to_a_limit(throttle, clock):
    waits = [guess(throttle, clock, "10.0.0.1", "ana") for _ in range(12)]
    assert waits[:2] == [0, 0]
    assert waits[2] >= PAIR.first * 0.9
    assert waits == sorted(waits)
    assert waits[-1] == PAIR.longest


def test_fifty_guesses_take_minutes(throttle, clock):
    begin = clock.now
    for _ in range(50):
        guess(throttle, clock, "10.0.0.1", "ana")
    assert clock.now - begin > 180


def test_the_owner_gets_in_at_once_from_elsewhere_while_the_name_is_under_attack(throttle, clock):
    for attacker in range(20):
        for _ in range(10):
            guess(throttle, clock, f"10.0.1.{attacker}", "ana")
    assert throttle.reserve("10.0.0.2", "ana") == 0


def test_an_attack_from_many_addresses_slows_each_of_them_after_one_failure(throttle, clock):
    for attacker in range(30):
        guess(throttle, clock, f"10.0.1.{attacker}", "ana")
    assert throttle.reserve("10.0.1.1", "ana") == PAIR.longest


def test_guessing_in_parallel_is_no_faster_than_one_by_one(throttle):
    waits = [throttle.reserve("10.0.0.1", "ana") for _ in range(50)]
    accepted = [wait for wait in waits if wait is not None]
    assert len(accepted) < 12
    assert accepted == sorted(accepted)
    assert max(accepted) <= LONGEST_WAIT


def test_right_attempts_do_not_count(throttle):
    for _ in range(100):
        assert throttle.reserve("10.0.0.1", "ana") == 0
        throttle.release("10.0.0.1", "ana")


def test_a_right_guess_does_not_wash_away_the_wrong_ones_of_the_same_address(throttle, clock):
    for number in range(40):
        guess(throttle, clock, "10.0.0.1", f"name{number}")
        throttle.reserve("10.0.0.1", "mine")
        throttle.release("10.0.0.1", "mine")
    assert throttle.reserve("10.0.0.1", "another") > 0


def test_forty_people_who_mistype_once_behind_one_address_wait_two_seconds_at_most(throttle, clock):
    waits = [guess(throttle, clock, "10.0.0.1", f"person{number}") for number in range(40)]
    assert max(waits) <= ADDRESS.longest


def test_failures_are_forgotten_over_time(throttle, clock):
    for _ in range(10):
        guess(throttle, clock, "10.0.0.1", "ana")
    clock.now += 10 * HALF_LIFE
    assert throttle.reserve("10.0.0.1", "ana") == 0


def test_memory_is_bounded(clock):
    throttle = Throttle(clock, most=100)
    for number in range(5000):
        guess(throttle, clock, f"10.{number % 250}.{number // 250}.1", f"n{number}")
    assert len(throttle) <= 300


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("direct 127.0.0.1", "direct 127.0.0.1"),
    ],
)
def test_one_client_is_one_ipv4_address_or_one_ipv6_network(address, expected):
    assert network(address) == expected
