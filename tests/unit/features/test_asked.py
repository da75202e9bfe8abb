import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from divebell.features.asked import LARGEST_LIMIT, Interval, Wrong, boxes, interval, limit


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,2,3,4", ((1, 2, 3, 4),)),
        ("1,2,-9,3,4,9", ((1, 2, 3, 4),)),
        ("170,-10,-170,10", ((170, -10, 180, 10), (-180, -10, -170, 10))),
        ("170,-10,190,10", ((170, -10, 180, 10), (-180, -10, -170, 10))),
        ("-190,-10,-170,10", ((170, -10, 180, 10), (-180, -10, -170, 10))),
        ("200,-10,210,10", ((-160, -10, -150, 10),)),
        ("-500,-95,500,95", ((-180, -90, 180, 90),)),
        ("180,0,180,0", ((180, 0, 180, 0),)),
    ],
)
def test_a_box_becomes_what_lies_within_the_map(text, expected):
    assert boxes(text) == expected


@given(st.lists(st.floats(), min_size=4, max_size=4))
def test_boxes_are_refused_or_lie_within_the_map(numbers):
    try:
        found = boxes(",".join(map(repr, numbers)))
    except Wrong:
        return
    for west, south, east, north in found:
        assert -180 <= west <= east <= 180
        assert -90 <= south <= 90
        assert -90 <= north <= 90


@given(st.text())
def test_any_text_is_a_time_or_refused_in_words(text):
    with contextlib.suppress(Wrong):
        assert isinstance(interval(text), Interval)


@given(st.text())
def test_any_text_is_a_limit_or_refused_in_words(text):
    with contextlib.suppress(Wrong):
        assert 1 <= limit(text) <= LARGEST_LIMIT


def test_a_day_is_all_of_it():
    day = interval("2021-03-05")
    assert day == Interval(
        datetime(2021, 3, 5, tzinfo=UTC), datetime(2021, 3, 5, 23, 59, 59, 999_999, tzinfo=UTC)
    )
