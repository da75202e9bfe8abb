from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from divebell.portal import times

NEW_YORK = ZoneInfo("America/New_York")
STARTS = datetime(2021, 3, 5, 18, 0, tzinfo=NEW_YORK)
ENDS = datetime(2021, 3, 7, 17, 0, tzinfo=NEW_YORK)


def test_a_time_without_a_zone_was_meant_in_the_events():
    meant = datetime(2021, 3, 5, 18, 0)  # noqa: DTZ001 - as the event file has it
    assert times.written(times.placed(meant, NEW_YORK)) == "Friday 5 March 2021, 18:00 EST"


def test_an_event_of_one_day_names_it_once():
    assert times.span(STARTS, STARTS + timedelta(hours=3)) == "Friday 5 March 2021, 18:00 EST to 21:00"


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (STARTS - timedelta(days=3), "starts in 3 days"),
        (STARTS - timedelta(hours=2, minutes=5), "starts in 2 hours 5 minutes"),
        (STARTS - timedelta(seconds=20), "starts in less than a minute"),
        (STARTS, "ends in 1 day"),
        (ENDS, "ended less than a minute ago"),
        (ENDS + timedelta(minutes=61), "ended 1 hour 1 minute ago"),
    ],
)
def test_the_phase_says_what_is_next(now, words):
    assert times.phase(STARTS, ENDS, now) == words


def test_an_event_without_times_says_nothing():
    assert times.span(None, None) is None
    assert times.phase(None, None, STARTS) is None
