"""The keys of the store reach secrets.json, and stay there."""

from divebell.backup.keys import keep
from divebell.event import load_secrets


def test_keys_are_kept_once_and_stay_when_none_are_given(event_folder):
    given = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "PATH": "/bin", "AWS_SESSION_TOKEN": ""}
    assert keep(event_folder.state, given)
    assert load_secrets(event_folder.state).backup_environment == {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
    }
    assert not keep(event_folder.state, given)
    assert not keep(event_folder.state, {})
    assert load_secrets(event_folder.state).backup_environment["AWS_ACCESS_KEY_ID"] == "a"
