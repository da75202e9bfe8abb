from dataclasses import asdict, replace

from divebell.event import (
    Event,
    Secrets,
    State,
    ensure_secrets,
    give_credentials,
    load_secrets,
    renew_supervisor_password,
)
from divebell.event.secrets import SECRETS_OF, only_for, passphrase

EVENT = Event.model_validate({"name": "A", "data": {"repository": "."}, "people": {"ambassadors": ["maria"]}})


def test_secrets_are_kept_and_closed_to_others(tmp_path):
    state = State(tmp_path / ".divebell")
    first = ensure_secrets(EVENT, state)
    assert ensure_secrets(EVENT, state) == first == load_secrets(state)
    assert state.secrets_file.stat().st_mode & 0o777 == 0o600


def test_only_the_supervisors_password_is_renewed(tmp_path):
    state = State(tmp_path / ".divebell")
    first = ensure_secrets(EVENT, state)
    second = renew_supervisor_password(first, state)
    assert second.supervisor_password != first.supervisor_password
    assert (second.event_password, second.ambassadors) == (first.event_password, first.ambassadors)
    assert load_secrets(state) == second


def test_an_ambassador_who_is_removed_loses_the_password(tmp_path):
    state = State(tmp_path / ".divebell")
    ensure_secrets(EVENT, state)
    without = EVENT.model_copy(update={"people": EVENT.people.model_copy(update={"ambassadors": ()})})
    assert ensure_secrets(without, state).ambassadors == {}


def test_a_passphrase_is_easy_to_type_and_hard_to_guess():
    made = {passphrase() for _ in range(1000)}
    assert len(made) == 1000
    assert all(len(one) == 20 and one.isascii() and one.islower() for one in made)


def test_each_part_is_told_its_own_secrets_and_no_others():
    known = Secrets()
    for part, names in SECRETS_OF.items():
        told = asdict(only_for(part, known))
        assert {name for name, value in told.items() if value} <= names
        assert all(told[name] == getattr(known, name) for name in names)


def test_a_service_finds_its_secrets_where_systemd_puts_them(tmp_path):
    state = State(tmp_path / ".divebell")
    known = ensure_secrets(EVENT, state)
    assert give_credentials(known, state) == list(SECRETS_OF)
    given = tmp_path / "given"
    given.mkdir()
    state.credential("loader").rename(given / "secrets.json")
    assert load_secrets(state, {"CREDENTIALS_DIRECTORY": str(given)}) == only_for("loader", known)
    assert load_secrets(state, {}) == known


def test_what_is_handed_to_a_part_changes_only_with_its_own_secrets(tmp_path):
    state = State(tmp_path / ".divebell")
    known = ensure_secrets(EVENT, state)
    give_credentials(known, state)
    assert give_credentials(known, state) == []
    assert give_credentials(replace(known, web_session_key="new"), state) == ["web"]
    assert {file.stat().st_mode & 0o777 for file in state.credentials.iterdir()} == {0o600}
