"""Files take their places, may do so twice, and what was there stays until the end."""

from __future__ import annotations

import json
import os

import pytest

from divebell.backup.placing import give, merge_secrets, put


@pytest.fixture
def three(tmp_path):
    return tmp_path / "new", tmp_path / "place", tmp_path / "old" / "place"


def test_what_was_there_goes_aside(three):
    new, place, aside = three
    new.write_text("new")
    place.write_text("old")
    put(new, place, aside)
    assert (place.read_text(), aside.read_text(), new.exists()) == ("new", "old", False)


def test_again_nothing_happens(three):
    new, place, aside = three
    new.write_text("new")
    place.write_text("old")
    put(new, place, aside)
    put(new, place, aside)
    assert (place.read_text(), aside.read_text()) == ("new", "old")


def test_a_second_backup_replaces_what_the_first_try_brought_not_what_was_here(three):
    new, place, aside = three
    for text in ("first", "second"):
        new.write_text(text)
        place.write_text("old") if text == "first" else None
        put(new, place, aside)
    assert (place.read_text(), aside.read_text()) == ("second", "old")


def test_a_folder_takes_the_place_of_a_folder(three):
    new, place, aside = three
    for folder, name in ((new, "a"), (place, "b")):
        folder.mkdir()
        (folder / name).write_text("")
    put(new, place, aside)
    assert [path.name for path in place.iterdir()] == ["a"]
    assert [path.name for path in aside.iterdir()] == ["b"]


@pytest.mark.root
def test_only_the_owners_files_change_hands(tmp_path):
    folder = tmp_path / "home"
    (folder / "in").mkdir(parents=True)
    (folder / "link").symlink_to("/etc/hostname")
    (folder / "roots").write_text("")
    for path in (folder, folder / "in", folder / "link"):
        os.chown(path, 4242, 4242, follow_symlinks=False)
    give(folder, 4343, 4343, only=4242)
    owners = {path.name: path.lstat().st_uid for path in (folder, *folder.iterdir())}
    assert owners == {"home": 4343, "in": 4343, "link": 4343, "roots": 0}


def test_the_backups_passwords_hold_again_and_the_stores_keys_stay(event_folder, tmp_path):
    state = event_folder.state
    here = json.loads(state.secrets_file.read_text()) | {"backup_environment": {"AWS_ACCESS_KEY_ID": "here"}}
    state.secrets_file.write_text(json.dumps(here))
    there = {**here, "event_password": "old-password", "backup_environment": {}, "of_a_later_version": "x"}
    (tmp_path / "secrets.json").write_text(json.dumps(there))
    merge_secrets(tmp_path / "secrets.json", state)
    merged = json.loads(state.secrets_file.read_text())
    assert merged["event_password"] == "old-password"
    assert merged["backup_environment"] == {"AWS_ACCESS_KEY_ID": "here"}
    assert "of_a_later_version" not in merged
    assert state.secrets_file.stat().st_mode & 0o777 == 0o600
