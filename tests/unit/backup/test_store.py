"""What restic is told, and what is made of what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from divebell.backup.store import NothingThereError, Store, WrongKeyError, forget, tags
from divebell.errors import DivebellError
from live import until

STORE = Store(
    "s3:https://s3.example.org/bucket/dive", "the key", {"AWS_SECRET_ACCESS_KEY": "secret"}, Path("/c")
)


def test_no_secret_stands_on_a_command_line():
    words = " ".join(STORE.restic("backup", *tags("Dive", "1.0", 5)))
    assert "restic --repo s3:https://s3.example.org/bucket/dive --cache-dir /c" in words
    assert "the key" not in words
    assert "secret" not in words


ASKS = """
import sys
from pathlib import Path
from divebell.backup.store import Store
Store(sys.argv[1], "the key", {}, Path("/c")).run("backup")
"""


def test_restic_ends_with_whoever_began_it(tmp_path):
    number = tmp_path / "number"
    (tmp_path / "restic").write_text(f"#!/bin/sh\necho $$ > {number}\nexec sleep 300\n")
    (tmp_path / "restic").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [sys.executable, "-c", ASKS, str(tmp_path / "store")]
    with subprocess.Popen(command, env=environment) as asking:
        until(lambda: number.exists() and number.read_text().strip(), "it was not begun")
        asking.kill()
    until(lambda: has_ended(int(number.read_text())), "it goes on")


def has_ended(number):
    try:
        return psutil.Process(number).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_the_key_is_in_a_file_without_a_name():
    with STORE.opened() as (environment, descriptor):
        assert "the key" not in environment.values()
        assert environment["AWS_SECRET_ACCESS_KEY"] == "secret"
        assert Path(environment["RESTIC_PASSWORD_FILE"]).read_text() == "the key"
        assert "HOSTNAME" not in environment
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ("Fatal: wrong password or no key found", WrongKeyError, "another key"),
        ("Save(<data/1>) returned error: write x: no space left on device", DivebellError, "is full"),
        ("Fatal: unable to open config file: Stat: The Access Key Id you provided", DivebellError, "keys"),
        (
            "Fatal: unable to open config file: stat /x/config: no such file",
            NothingThereError,
            "no backups at",
        ),
        ("unable to create lock in backend: repository is already locked by PID 7", DivebellError, "at work"),
        ("Fatal: mkdir /x: permission denied", DivebellError, "may not write"),
        ("dial tcp 10.0.0.1:443: connect: connection refused", DivebellError, "cannot be reached"),
    ],
)
def test_what_restic_says_comes_with_what_to_do(said, kind, words):
    error = STORE.in_words(said)
    assert isinstance(error, kind)
    assert words in error.message
    assert error.next_step


def test_a_secret_that_restic_repeats_is_not_passed_on():
    assert "secret" not in STORE.in_words("Fatal: odd: secret, the key").message


def test_a_comma_in_the_events_name_does_not_end_its_tag():
    assert tags("Maps, and more", "1.0", 5) == [
        *("--tag", "divebell", "--tag", "event=Maps  and more"),
        *("--tag", "version=1.0", "--tag", "bytes=5"),
    ]


def test_all_backups_of_a_store_are_counted_together_wherever_they_were_taken():
    words = forget(48)
    assert words[words.index("--group-by") + 1] == "host"
    assert words[words.index("--keep-last") + 1] == "48"
    assert "--prune" in words
