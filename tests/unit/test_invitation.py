"""Keys, codes and how long an invitation holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from divebell.cli import build_parser
from divebell.cli.invitations import expiry, names_and_path, remote_words
from divebell.cli.on_server import EVENT
from divebell.codes import ALPHABET, return_code_matches
from divebell.errors import DivebellError
from divebell.event import load_event
from divebell.invitation import HOLDS, code_of, holds_until, id_of, is_key, new_invitation

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def test_an_invitation_is_found_by_its_code_however_it_is_typed():
    made = new_invitation()
    for typed in (
        made.code,
        made.code.lower(),
        f" {made.code.replace('-', ' ')} ",
        made.code.replace("-", ""),
    ):
        assert id_of(typed) == made.id
        assert return_code_matches(typed, made.code_hash)
    assert set(made.code) <= {*ALPHABET, "-"}


@pytest.mark.parametrize(
    "typed", ["", "KX7P-3MQD", "K3F-KX7P-3MQ", "K3F-KX7P-3MQD2", "OIL-KX7P-3MQD", "x" * 5000]
)
def test_what_is_no_code_of_an_invitation_is_not_looked_for(typed):
    assert id_of(typed) is None


def test_no_two_invitations_are_alike_and_their_keys_have_144_bits():
    made = [new_invitation() for _ in range(300)]
    assert len({one.key for one in made}) == 300
    assert len({one.code for one in made}) == 300
    assert all(is_key(one.key) for one in made)


def test_the_code_follows_from_the_key_and_the_key_is_not_in_the_code():
    made = new_invitation()
    assert made.code == code_of(made.id, made.key)
    assert made.key not in made.link("https://dive.example.org/").partition("?")[0]
    assert made.link("https://dive.example.org/") == f"https://dive.example.org/hub/invitation?key={made.key}"
    assert made.key not in repr(made)


@pytest.fixture
def event(tmp_path):
    (tmp_path / "event.yaml").write_text(
        "name: A\ntimezone: America/New_York\nends: 2026-12-06 18:00\ndata: {repository: r}\n"
    )
    return load_event(tmp_path)


@pytest.mark.parametrize(
    ("text", "until"),
    [
        (None, datetime(2026, 12, 6, 23, tzinfo=UTC)),
        ("12 h", NOW + timedelta(hours=12)),
        ("3d", NOW + timedelta(days=3)),
        ("2026-12-04 18:00", datetime(2026, 12, 4, 23, tzinfo=UTC)),
    ],
)
def test_an_invitation_holds_as_said_or_until_the_event_ends(event, text, until):
    assert expiry(text, event, NOW) == until


def test_after_the_end_an_invitation_holds_two_weeks(event):
    late = NOW + timedelta(days=30)
    assert holds_until(event, late) == late + HOLDS


@pytest.mark.parametrize("text", ["tomorrow", "0 h", "2021-03-05 18:00", "2026-02-30 18:00", "3 weeks", ""])
def test_what_is_no_time_to_come_is_refused(event, text):
    with pytest.raises(DivebellError):
        expiry(text, event, NOW)


def test_names_are_told_from_the_events_place(tmp_path, monkeypatch):
    (tmp_path / "dive").mkdir()
    (tmp_path / "dive" / "event.yaml").touch()
    monkeypatch.chdir(tmp_path)
    for place in ("dive", "./x", "dive/event.yaml", "."):
        names, path = names_and_path(["ana", "ben", place])
        assert (names, str(path)) == (["ana", "ben"], place.removeprefix("./") if place != "." else ".")
    assert names_and_path(["ana", "ben"])[0] == ["ana", "ben"]
    assert names_and_path([])[0] == []


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        (
            "invite ana ben here/event.yaml --table T --uses 3 --expires 3d",
            "people invite ana ben EVENT --table T --uses 3 --expires 3d",
        ),
        ("invitations --json", "people invitations EVENT --json"),
        ("revoke K3F", "people revoke K3F EVENT"),
    ],
)
def test_a_server_is_asked_with_the_same_words(typed, sent):
    args = build_parser(only="people").parse_args(["people", *typed.split()])
    assert remote_words(args) == sent.replace("EVENT", EVENT).split()
