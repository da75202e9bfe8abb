"""What looks unintended about how people sign in."""

from __future__ import annotations

import pytest

from divebell.event import ways_in
from divebell.event.load import load_with_lines


@pytest.fixture
def doubts(tmp_path):
    def found(people):
        file = tmp_path / "event.yaml"
        file.write_text(f"name: Dive\ndata: {{repository: https://example.org/data}}\npeople: {people}\n")
        return [f"{one.key}: {one.message}" for one in ways_in.doubts(*load_with_lines(file), file)]

    return found


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ("{sign_in: accounts}", "people.sign_in: nobody can approve an account"),
        ("{accounts: {requests: false}}", "people.accounts: this is only read with `sign_in: accounts`"),
        ("{system: {group: root}}", "people.system: this is only read with `sign_in: system`"),
        ("{sign_in: system, system: {group: no_such}}", "this machine has no group 'no_such'"),
        ("{sign_in: system, system: {service: no_such}}", "this machine has no PAM service 'no_such'"),
    ],
)
def test_what_may_not_be_meant_is_said(doubts, people, said):
    (found,) = doubts(people)
    assert said in found


@pytest.mark.parametrize(
    "people",
    [
        "{}",
        "{sign_in: accounts, ambassadors: [maria], accounts: {requests: false}}",
        "{sign_in: system, system: {group: root, service: other}}",
    ],
)
def test_what_is_meant_is_not_doubted(doubts, people):
    assert doubts(people) == []
