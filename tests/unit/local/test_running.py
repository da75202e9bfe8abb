"""What `up` says it has done, and where it says the event is."""

from __future__ import annotations

from divebell.event import Service
from divebell.local.running import _in_short, public_address


def test_what_was_stopped_and_started_was_restarted():
    done = (
        "secrets of hub changed",
        "hub stopped",
        "database migrated: 0009_x.sql",
        "hub started",
        "web started",
    )
    assert _in_short(done) == (
        "secrets of hub changed",
        "database migrated: 0009_x.sql",
        "hub restarted",
        "web started",
    )
    assert _in_short(()) == ()


def test_an_event_on_a_server_is_where_its_web_server_is(event_folder):
    state, ports = event_folder.state, event_folder.ports
    assert public_address(state, ports) == f"http://127.0.0.1:{ports.proxy}/"
    Service("https://dive.example.org/").save(state)
    assert public_address(state, ports) == "https://dive.example.org/"
