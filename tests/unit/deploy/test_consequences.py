"""What a changed event file means for the people who are at work."""

from __future__ import annotations

import pytest

from divebell.deploy.consequences import Facts, Reach, consequences, interrupting
from divebell.event import load_event

EVENT = "name: A test event\ndata:\n  repository: https://example.org/x\n"
RUNNING = Facts(servers=12, digest="a")


@pytest.fixture
def event(tmp_path):
    def load(more=""):
        (tmp_path / "event.yaml").write_text(EVENT + more)
        return load_event(tmp_path)

    return load


def found(old, new, facts=RUNNING, digest="a"):
    return consequences(old, new, facts, digest)


def test_the_same_event_has_no_consequence(event):
    assert found(event(), event()) == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("people: {expected: 80}", "PostgreSQL starts anew"),
        ("database: {connections: 8}", "PostgreSQL starts anew"),
        ("database: {scratch: 9 GB}", "PostgreSQL starts anew"),
        ("workspace: {runs_in: processes}", "12 servers that run end"),
        ("address: dive.example.org", "the address becomes dive.example.org"),
    ],
)
def test_what_stops_somebody_is_told_as_that(more, words, event):
    (first, *_) = interrupting(found(event(), event(more)))
    assert words in first.words


@pytest.mark.parametrize(
    "more", ["memory: 4 GB", "cpus: 2", "disk: 5 GB", "packages: [lonboard]", "base: debian:13-slim"]
)
def test_limits_and_packages_wait_for_the_next_start(more, event):
    (only,) = found(event(), event(f"workspace: {{{more}}}"))
    assert only.reach is Reach.NEXT_START
    assert "the 12 that run from their next start" in only.words


@pytest.mark.parametrize(
    "more",
    [
        "description: Anew",
        "database: {longest_query: 5 min}",
        "people: {ambassadors: [maria]}",
        "https: {email: maria@example.org}",
        "backups: {every: 2 h}",
        "maps: {public: true}",
    ],
)
def test_what_stops_nobody_is_not_asked_about(more, event):
    consequence = found(event(), event(more))
    assert consequence
    assert not interrupting(consequence)


def test_moving_to_containers_stops_nobody_where_nothing_runs(event):
    assert not found(event(), event("workspace: {runs_in: processes}"), Facts(0, "a"))


def test_an_ambassador_who_is_left_out_is_named(event):
    (only,) = interrupting(
        found(event("people: {ambassadors: [maria, dan]}"), event("people: {ambassadors: [dan]}"))
    )
    assert only.words.startswith("maria can no longer")


def test_another_repository_is_asked_about(event):
    old, new = event(), event()
    moved = new.model_copy(update={"data": new.data.model_copy(update={"branch": "other"})})
    (only,) = interrupting(found(old, moved))
    assert "branch" in only.words


def test_another_divebell_is_told(event):
    (only,) = found(event(), event(), digest="b")
    assert "divebell itself changes" in only.words


def test_what_interrupts_comes_first(event):
    reaches = [each.reach for each in found(event(), event("description: A\npeople: {expected: 80}"))]
    assert reaches == [Reach.INTERRUPTS, Reach.NOTICE]


def test_another_way_of_signing_in_sends_nobody_away(event):
    (only,) = found(event(), event("people: {sign_in: accounts}"))
    assert "who is signed in stays so" in only.words
    (only,) = found(event(), event("people: {closes: 2021-03-07 18:00}"))
    assert "hours change" in only.words
