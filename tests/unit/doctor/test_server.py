"""What systemd and the kernel say of a server, and what the doctor makes of it."""

from __future__ import annotations

import pytest

from divebell.doctor import server

HELD = {**server.HARDENED, "CapabilityBoundingSet": "", "PrivateDevices": "yes"}


def test_a_part_that_is_held_lacks_nothing():
    text = "\n".join(f"{name}={value}" for name, value in HELD.items())
    assert list(server.softened("hub", server.parse_properties(text))) == []


@pytest.mark.parametrize("name", HELD)
def test_whatever_is_taken_away_is_named(name):
    assert list(server.softened("hub", HELD | {name: "other"})) == [f"{name}={HELD[name]}"]


def test_the_database_begins_with_capabilities_and_mounts_its_disk():
    shown = server.HARDENED | {"CapabilityBoundingSet": "cap_chown", "PrivateDevices": "no"}
    assert list(server.softened("postgres", shown)) == []
    assert list(server.softened("web", shown)) == ["CapabilityBoundingSet=", "PrivateDevices=yes"]


def chain(**facts):
    return {"chain": {"family": "inet", "table": "divebell", "name": "input", **facts}}


def test_a_server_without_an_input_chain_that_drops_is_open_to_the_world():
    assert server.open_to_the_world([])
    assert server.open_to_the_world(
        [{"metainfo": {"version": "1.0.6"}}, chain(hook="input", policy="accept")]
    )
    assert server.open_to_the_world([chain(hook="forward", policy="drop")])
    assert not server.open_to_the_world(
        [chain(hook="forward", policy="accept"), chain(hook="input", policy="drop")]
    )
