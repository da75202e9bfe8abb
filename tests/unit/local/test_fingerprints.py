"""Which part a change means, told by what each reads when it starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from divebell.event import Ports, Service, load_event
from divebell.hub.proxy import traefik_files
from divebell.local.fingerprints import fingerprints, last_ones, remember
from divebell.local.programs import PARTS

FOLLOWERS = {"hub", "web", "loader", "watchdog"}


@pytest.fixture
def digests(event_folder):
    """Give the digests as they are now."""
    state, secrets = event_folder.state, event_folder.secrets

    def now(**others):
        files = traefik_files(state, secrets, Ports.load(state), None, Service.load(state))
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return fingerprints(load_event(state.event_file), state, others.get("secrets", secrets))

    return now


def changed(before, after):
    return {part for part in PARTS if before[part] != after[part]}


def test_nothing_changes_by_itself(digests):
    assert changed(digests(), digests()) == set()


def test_a_changed_event_file_means_all_but_database_and_proxy(digests, event_folder):
    before = digests()
    event_file = event_folder.state.event_file
    event_file.write_text(event_file.read_text().replace("A test event", "Another event"))
    assert changed(before, digests()) == FOLLOWERS


def test_more_people_mean_more_connections_to_the_database(digests, event_folder):
    before = digests()
    event_file = event_folder.state.event_file
    event_file.write_text(event_file.read_text().replace("people:\n", "people:\n  expected: 90\n"))
    assert changed(before, digests()) == {"postgres", *FOLLOWERS}


def test_a_secret_means_those_who_know_it(digests, event_folder):
    before = digests()
    assert changed(before, digests(secrets=replace(event_folder.secrets, web_token="x"))) == {"hub", "web"}


def test_an_event_that_becomes_a_service_has_another_proxy(digests, event_folder):
    before = digests()
    event_folder.state.service_file.write_text('{"address": "https://dive.example.org/"}')
    assert changed(before, digests()) == {"proxy", *FOLLOWERS}


def test_what_was_started_is_remembered(event_folder, digests):
    event_folder.state.run.mkdir(exist_ok=True)
    assert last_ones(event_folder.state) == {}
    remember(event_folder.state, digests())
    assert last_ones(event_folder.state) == digests()
