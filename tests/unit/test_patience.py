"""Who has sent too many wrong signatures."""

from __future__ import annotations

from divebell.patience import MINUTE, REMEMBERED, Patience

FREE_FAILURES = 20


def test_patience_is_over_after_some_failures_and_comes_back_after_a_minute() -> None:
    now = [0.0]
    patience = Patience(FREE_FAILURES, lambda: now[0])
    for _ in range(FREE_FAILURES):
        assert not patience.is_over("192.0.2.1")
        patience.failed("192.0.2.1")
    assert patience.is_over("192.0.2.1")
    assert not patience.is_over("192.0.2.2")
    now[0] = MINUTE + 1
    assert not patience.is_over("192.0.2.1")


def test_addresses_of_one_ipv6_network_are_one() -> None:
    patience = Patience(FREE_FAILURES, lambda: 0.0)
    for number in range(FREE_FAILURES):
        patience.failed(f"2001:db8::{number:x}")
    assert patience.is_over("2001:db8::ffff")


def test_what_is_remembered_is_bounded() -> None:
    patience = Patience(FREE_FAILURES, lambda: 0.0)
    for number in range(REMEMBERED + 100):
        patience.failed(f"10.0.{number // 250}.{number % 250}")
    assert len(patience._failures) == REMEMBERED
