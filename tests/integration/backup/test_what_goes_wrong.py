"""Whatever goes wrong, earlier backups are whole, the event is as before, and words say what to do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from backup_helpers import everything, write_hub
from divebell import disks
from divebell.event.last_backup import LastBackup

DIES = """
import io, os, signal, sys, threading
from divebell.cli import main

word, seconds, *words = sys.argv[1:]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Mortal(io.TextIOWrapper):
    def write(self, text):
        done = super().write(text)
        if any(line.startswith(word) for line in text.splitlines()):
            threading.Timer(float(seconds), die).start() if float(seconds) else die()
        return done

sys.stderr = Mortal(sys.stderr.buffer, line_buffering=True)
sys.exit(main(words))
"""
"""Runs a command that is killed so many seconds after it says something that begins with a word."""


def backup_process(folder, store):
    command = [sys.executable, "-m", "divebell", "backup", folder, "--to", store]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)


def test_a_backup_that_is_killed_leaves_the_earlier_ones_and_the_next_one_whole(
    worked_in, tmp_path, divebell
):
    store = tmp_path / "store"
    assert divebell("backup", worked_in.folder, "--to", store).returncode == 0
    (worked_in.state.homes / "ana" / "large").write_bytes(os.urandom(160_000_000))
    packs = lambda: sum(1 for _ in (store / "data").rglob("*"))  # noqa: E731
    before = packs()
    killed = backup_process(worked_in.folder, store)
    while packs() == before:
        assert killed.poll() is None
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    listed = divebell("backup", worked_in.folder, "--to", store, "--list", "--json")
    assert len(json.loads(listed.stdout)["backups"]) == 1
    again = divebell("backup", worked_in.folder, "--to", store)
    assert again.returncode == 0, again.stderr
    environment = {**os.environ, "RESTIC_PASSWORD": worked_in.secrets.backup_password}
    checked = subprocess.run(
        ["restic", "-r", store, "--no-cache", "check", "--read-data"],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.root
def test_a_store_that_is_full_is_said_in_words_and_keeps_what_it_had(worked_in, tmp_path, divebell):
    small = tmp_path / "small"
    disks.ensure_disk(tmp_path / "small.img", small, 24 * 1024**2, 0, 0)
    try:
        assert divebell("backup", worked_in.folder, "--to", small / "store").returncode == 0
        (worked_in.state.homes / "ana" / "large").write_bytes(os.urandom(60_000_000))
        full = divebell("backup", worked_in.folder, "--to", small / "store")
        assert full.returncode == 1
        assert "is full" in full.stderr
        assert "backups.keep" in full.stderr
        last = LastBackup.load(worked_in.state)
        assert last
        assert "is full" in last.error
        assert last.succeeded_at
        assert last.succeeded_at < last.tried_at
        into = divebell("restore", worked_in.folder, "--from", small / "store", "--into", tmp_path / "out")
        assert into.returncode == 0, into.stderr
    finally:
        disks.release(small)


def test_another_key_and_no_store_are_said_in_words(worked_in, tmp_path, divebell):
    store = tmp_path / "store"
    none = divebell("backup", worked_in.folder, "--to", store, "--list")
    assert (none.returncode, "there are no backups at" in none.stderr) == (1, True)
    assert divebell("backup", worked_in.folder, "--to", store).returncode == 0
    wrong = divebell(
        "restore", tmp_path / "elsewhere", "--from", store, key="wrong", stdin=subprocess.DEVNULL
    )
    assert wrong.returncode == 1
    assert "encrypted with another key" in wrong.stderr
    assert "--show-key" in wrong.stderr
    assert not (tmp_path / "elsewhere").exists()
    unknown = divebell("restore", tmp_path / "elsewhere", "--from", store, stdin=subprocess.DEVNULL)
    assert "--key-file" in unknown.stderr
    shown = divebell("backup", worked_in.folder, "--show-key").stdout.strip()
    (tmp_path / "key").write_text(shown + "\n")
    back = divebell("restore", tmp_path / "elsewhere", "--from", store, "--key-file", tmp_path / "key")
    assert back.returncode == 0, back.stderr


def test_a_store_that_nobody_answers_for_is_said_at_once(worked_in, divebell):
    started = time.monotonic()
    away = divebell("backup", worked_in.folder, "--to", "s3:http://127.0.0.1:1/bucket/folder")
    assert away.returncode == 1
    assert "cannot be reached" in away.stderr
    assert time.monotonic() - started < 90  # and not a quarter of an hour, as restic by itself


def test_work_that_is_newer_is_not_replaced_unless_told(worked_in, tmp_path, divebell):
    store = tmp_path / "store"
    assert divebell("backup", worked_in.folder, "--to", store).returncode == 0
    asked = divebell("restore", worked_in.folder, "--from", store, stdin=subprocess.DEVNULL)
    assert asked.returncode == 1
    assert "--yes" in asked.stderr
    write_hub(worked_in.state.hub / "jupyterhub.sqlite", datetime.now(UTC) + timedelta(minutes=1))
    refused = divebell("restore", worked_in.folder, "--from", store, "--yes")
    assert refused.returncode == 1
    assert "--discard-newer" in refused.stderr
    assert (worked_in.state.homes / "ana" / "map.ipynb").exists()


@pytest.mark.parametrize("after", ["fetching", "loading", "putting"])
def test_a_restore_that_is_killed_goes_on_when_run_again(worked_in, tmp_path, divebell, run_server, after):
    store, elsewhere = tmp_path / "store", tmp_path / "elsewhere"
    assert divebell("backup", worked_in.folder, "--to", store).returncode == 0
    before = everything(worked_in.state)
    environment = {**os.environ, "DIVEBELL_BACKUP_KEY": worked_in.secrets.backup_password}
    seconds = "0" if after == "putting" else "0.2"  # that is over in no time
    command = [sys.executable, "-c", DIES, after, seconds, "restore", elsewhere, "--from", store]
    killed = subprocess.run(command, env=environment, capture_output=True, timeout=200, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    if after != "fetching":
        early = divebell("up", elsewhere, "--detach")
        assert "a restore of this event did not come to its end" in early.stderr
    back = divebell("restore", elsewhere, "--from", store, key=worked_in.secrets.backup_password)
    assert back.returncode == 0, back.stderr
    state = type(worked_in.state)(elsewhere / ".divebell")
    moved = type(worked_in)(elsewhere, worked_in.event, state, worked_in.secrets, worked_in.ports)
    with run_server(moved):
        now = everything(state)
    assert {key: now[key] for key in now if now[key] != before[key]} == {}
    assert (state.homes / "ana" / "map.ipynb").read_text() == "{'of': 'ana'}"
    assert not state.restore.exists()


def test_a_damaged_table_keeps_what_was_here(worked_in, tmp_path, divebell):
    """The backup says otherwise than what can be loaded: nothing takes the place of anything."""
    from divebell.backup import loading
    from divebell.backup.dump import take
    from divebell.errors import DivebellError

    folder = worked_in.state.folder / "dump"
    database = take(worked_in.state, folder)
    wells = next(table for table in database.tables if table.name == "wells")
    others = tuple(table for table in database.tables if table is not wells)
    lying = type(wells)(wells.schema, wells.name, wells.columns, wells.rows, "0" * 32)
    claimed = type(database)(
        database.version, (*others, lying), database.sequences, database.roles, database.definitions
    )
    with pytest.raises(DivebellError, match=r"data\.wells: as many rows, but other ones"):
        loading.load(worked_in.state, folder, claimed)
    assert len(everything(worked_in.state)["wells"]) == 500
