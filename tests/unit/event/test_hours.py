"""When volunteers may sign in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from divebell.event import hours, load_event


@pytest.fixture
def event(tmp_path):
    (tmp_path / "event.yaml").write_text(
        "name: Dive\ntimezone: America/New_York\ndata: {repository: https://example.org/data}\n"
        "people: {opens: 2021-03-05 09:00, closes: 2021-03-07 18:00}\n"
    )
    return load_event(tmp_path)


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2021-03-05 13:59", "opens on Friday, 05 March, 09:00 (America/New_York)"),
        ("2021-03-05 14:00", None),
        ("2021-03-07 22:59", None),
        ("2021-03-07 23:00", "closed on Sunday, 07 March, 18:00"),
    ],
)
def test_the_hours_are_those_of_the_events_own_time_zone(event, moment, said):
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    found = hours.closed(event, now)
    assert (said is None and found is None) or said in found
    assert hours.over(event, now) == (moment == "2021-03-07 23:00")


def test_an_event_without_hours_is_always_open(event):
    always = event.model_copy(
        update={"people": event.people.model_copy(update={"opens": None, "closes": None})}
    )
    assert hours.closed(always, datetime.now(UTC)) is None
    assert not hours.over(always, datetime.now(UTC))
