"""Files: each hole is opened on the running event and named."""

import os
import shutil
import subprocess
from contextlib import contextmanager

import pytest

from divebell.event import load_secrets


@contextmanager
def mode(path, wanted):
    before = path.stat().st_mode & 0o7777
    path.chmod(wanted)
    try:
        yield
    finally:
        path.chmod(before)


@pytest.mark.parametrize(
    ("check", "path", "wanted"),
    [
        ("files.secrets", "secrets.json", 0o644),
        ("files.secrets", "secrets.json", 0o640),
        ("files.state", ".", 0o711),
        ("files.private", "proxy/traefik.toml", 0o644),
        ("files.private", "proxy/rules/event.toml", 0o604),
        ("files.private", "logs", 0o755),
        ("files.private", "run/supervisord.conf", 0o660),
        ("files.event", "../event.yaml", 0o646),
        ("files.event", "..", 0o777),
    ],
)
def test_a_file_that_others_get_at_is_named(event, found, check, path, wanted):
    place = (event.state.folder / path).resolve()
    with mode(place, wanted):
        told = found(check)
    assert [finding.verdict for finding in told] == ["open"]
    assert str(place) in told[0].what
    assert str(place) in told[0].mend
    assert [finding.verdict for finding in found(check)] == ["ok"]


def test_an_open_home_is_named(event, found):
    home = event.state.homes / "olga"
    home.mkdir(mode=0o755)
    if os.geteuid() == 0:
        os.chown(home, 1_900_000_123, 1_900_000_123)
    home.chmod(0o755)
    try:
        told = found("files.homes")
    finally:
        home.rmdir()
    assert [finding.verdict for finding in told] == ["open"]
    assert f"{home} has mode 0755" in told[0].what
    assert told[0].mend == f"chmod 700 {home}"


@pytest.mark.root
def test_homes_that_share_an_account_or_have_none_are_named(event, found):
    folders = [event.state.homes / name for name in ("olga", "petra", "quentin")]
    for folder, uid in zip(folders, (1_900_000_123, 1_900_000_123, 0), strict=True):
        folder.mkdir(mode=0o700)
        os.chown(folder, uid, uid)
    try:
        words = " ".join(finding.what for finding in found("files.homes"))
    finally:
        for folder in folders:
            folder.rmdir()
    assert f"{folders[0]} shares its account (uid 1900000123)" in words
    assert f"{folders[1]} shares its account" in words
    assert f"{folders[2]} belongs to uid 0" in words


@pytest.mark.parametrize(
    "name", ["event_password", "ambassadors.maria", "proxy_token", "hub_database_password"]
)
def test_a_secret_in_a_log_is_named_without_being_told(event, found, name):
    known = load_secrets(event.state)
    secret = known.ambassadors["maria"] if name == "ambassadors.maria" else getattr(known, name)
    log = event.state.logs / "notebooks" / "careless.log"
    log.parent.mkdir(mode=0o700, exist_ok=True)
    log.write_text(f"x\ntrying {secret} now\n")
    try:
        told = found("files.logs")
    finally:
        log.unlink()
    assert [finding.what for finding in told] == [f"{name} of secrets.json stands in {log}"]
    assert secret not in repr(told)


def test_a_secret_in_the_event_file_is_named(event, found):
    file = event.folder / "event.yaml"
    before = file.read_text()
    file.write_text(f"{before}# the password is {event.password}\n")
    try:
        told = found("files.event")
    finally:
        file.write_text(before)
    assert "event_password of secrets.json stands in" in told[0].what
    assert event.password not in repr(told)


def test_a_secret_in_the_repository_is_named(event, found):
    note = event.folder / "notes.txt"
    note.write_text(f"password: {event.password}\n")
    git(event.folder, "add", "notes.txt")
    try:
        told = found("files.git")
    finally:
        git(event.folder, "rm", "-q", "--cached", "notes.txt")
        note.unlink()
    assert [finding.verdict for finding in told] == ["open"]
    assert "notes.txt" in told[0].what
    assert event.password not in repr(told)


def test_a_state_folder_that_git_does_not_ignore_is_named(event, found, tmp_path):
    exclude = event.folder / ".git" / "info" / "exclude"
    kept = [
        path
        for path in (exclude, event.folder / ".gitignore", event.state.folder / ".gitignore")
        if path.exists()
    ]
    for number, path in enumerate(kept):
        shutil.move(path, tmp_path / str(number))
    try:
        words = [finding.what for finding in found("files.git")]
    finally:
        for number, path in enumerate(kept):
            shutil.move(tmp_path / str(number), path)
    assert any("git does not ignore" in each for each in words), words


def git(folder, *words):
    subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True)
