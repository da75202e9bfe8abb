"""The herd benchmark's figures."""

from __future__ import annotations

import pytest

from contenders.herd.crowd import Outcome, Result
from contenders.herd.report import Used, figures, percentile, ratios, table


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 10), (0.95, 19), (0.951, 20), (1.0, 20)])
def test_a_percentile_is_a_value_that_was_measured(share, value):
    assert percentile(range(1, 21), share) == value


def test_of_nothing_there_is_no_percentile():
    assert percentile([], 0.5) is None


def outcome(name, cell, **more):
    return Outcome(name, sign_in=0.5, lab=cell and cell - 1, cell=cell, **more)


def test_times_are_of_those_who_got_an_answer_and_the_others_are_counted():
    outcomes = (outcome("a", 4.04), outcome("b", 8.0), outcome("c", None, problem="TimeoutError"))
    found = figures(Result(outcomes, 0.126), Used(12.34, (50_000_000, 70_000_000), (40_000_000,)))
    assert found["failed"] == 1
    assert (found["p50_s"], found["p95_s"], found["max_s"]) == (4.0, 8.0, 8.0)
    assert (found["cpu_s"], found["pss_mb"], found["kernel_pss_mb"]) == (12.3, 60.0, 40.0)
    assert found["problems"] == {"TimeoutError": 1}


def test_nobody_with_an_answer_is_told_as_such():
    found = figures(Result((outcome("a", None, problem="x"),), 0.0), Used(1.0, (), ()))
    assert found["failed"] == 1
    assert found["p95_s"] is None
    assert found["pss_mb"] is None
    assert ratios({"divebell": found, "stock": found}) == {"ratio_cpu": 1.0}
    assert "divebell: 1 x x" in table({"divebell": found})


def test_a_ratio_above_one_says_that_divebell_needs_less():
    ours = figures(Result((outcome("a", 2.0),), 0.0), Used(5.0, (10**6,), ()))
    theirs = figures(Result((outcome("a", 9.0),), 0.0), Used(20.0, (3 * 10**6,), ()))
    facts = {"divebell": ours, "stock": theirs}
    assert ratios(facts) == {
        "ratio_p50": 4.5,
        "ratio_p95": 4.5,
        "ratio_max": 4.5,
        "ratio_cpu": 4.0,
        "ratio_pss": 3.0,
    }
    assert "stock / divebell, p95: 4.5" in table(facts)
