"""Who of GitHub may sign in is said in the event file, and it is never everyone."""

from __future__ import annotations

import pytest

from divebell.event import load_event
from divebell.event.problems import EventFileError

EVENT = "name: A\ndata: {repository: r}\npeople: {sign_in: github, github: {client_id: Iv1.0123456789abcdef, %s}}\n"


def load(folder, keys):
    (folder / "event.yaml").write_text(EVENT % keys)
    return load_event(folder).people.github


@pytest.mark.parametrize("keys", ["", "people: []", "organisations: [], teams: []"])
def test_without_a_list_the_file_is_refused(tmp_path, keys):
    with pytest.raises(EventFileError, match="without them everyone on GitHub could sign in"):
        load(tmp_path, keys)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("people: ['*']", "expected a name as in github.com/NAME"),
        ("people: ['@ana']", "did you mean 'ana'?"),
        ("organisations: ['https://github.com/datakind']", "did you mean 'datakind'?"),
        ("organisations: ['data/kind']", "expected a name as in github.com/NAME"),
        ("teams: [volunteers]", "expected organisation/team"),
        ("teams: ['datakind:Data Team']", "did you mean 'datakind/Data-Team'?"),
        ("teams: ['https://github.com/orgs/datakind/teams/dc']", "did you mean 'datakind/dc'?"),
        ("teams: ['../../user']", "expected organisation/team"),
        ("people: [ana], address: 'http://github.example.org'", "expected an address such as https://"),
        (
            "people: [ana], address: 'https://github.example.org/'",
            "did you mean 'https://github.example.org'?",
        ),
        ("people: [ana], client_secret: abc", "nothing secret belongs in the event file"),
    ],
)
def test_what_is_wrong_is_said_with_what_was_meant(tmp_path, keys, said):
    with pytest.raises(EventFileError) as refused:
        load(tmp_path, keys)
    assert said in str(refused.value)


def test_people_teams_and_organisations_of_an_own_github_are_taken(tmp_path):
    keys = "organisations: [DataKind], teams: [civic-tech/dc.volunteers], people: [ana_corp]"
    found = load(tmp_path, f"{keys}, address: 'https://github.example.org'")
    assert (found.organisations, found.teams, found.people) == (
        ("DataKind",),
        ("civic-tech/dc.volunteers",),
        ("ana_corp",),
    )
    assert found.address == "https://github.example.org"
