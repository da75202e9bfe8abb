from divebell.event import Event, State, ensure_secrets, load_secrets, renew_supervisor_password
from divebell.event.secrets import passphrase

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
