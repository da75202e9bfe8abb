"""The event goes on while it is copied: loads, volunteers' work, and two backups at once."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
import threading
import time

from backup_helpers import as_volunteer
from divebell.backup import dump
from divebell.database import admin, connect, provision
from divebell.database.stillness import keep_still
from divebell.event import State
from live import until


def write_data(folder, rows):
    text = "id,name\n" + "".join(f"{i},{'x' * 40}{i * rows}\n" for i in range(rows))
    (folder / "repository" / "data").mkdir(parents=True, exist_ok=True)
    (folder / "repository" / "data" / "places.csv").write_text(text)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", "-C", str(folder / "repository")]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "data"], check=True)


def test_a_load_during_a_backup_succeeds_and_the_backup_is_of_one_moment(worked_in, tmp_path, divebell):
    write_data(worked_in.folder, 300_000)
    first = divebell("data", "load", worked_in.folder)
    assert first.returncode == 0, first.stderr
    write_data(worked_in.folder, 200_000)
    store = tmp_path / "store"
    command = [sys.executable, "-m", "divebell", "backup", worked_in.folder, "--to", store, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as backup:
        loaded = divebell("data", "load", worked_in.folder, "--json")
        taken, said = backup.communicate(timeout=200)
    assert backup.returncode == 0, said
    assert loaded.returncode == 0, loaded.stdout + loaded.stderr
    with admin(worked_in.state) as database:
        assert database.execute("SELECT count(*) FROM data.places").fetchone() == (200_000,)
    back = divebell(
        "restore", tmp_path / "elsewhere", "--from", store, "--json", key=worked_in.secrets.backup_password
    )
    assert back.returncode == 0, back.stdout + back.stderr
    assert json.loads(back.stdout)["rows"] == json.loads(taken)["rows"]


def test_a_swap_waits_for_a_dump_and_nobody_waits_behind_it(worked_in):
    write_data(worked_in.folder, 10)
    with dump.moment(worked_in.state) as (database, _):
        database.execute("LOCK TABLE data.wells IN ACCESS SHARE MODE")
        command = [sys.executable, "-m", "divebell", "data", "load", worked_in.folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as load:
            time.sleep(12)
            assert load.poll() is None
            with connect(worked_in.state, "event_loader") as reader:
                reader.execute("SET lock_timeout = '30s'")  # the swap goes out of the way long before
                reader.execute("SELECT count(*) FROM data.wells").fetchone()
            database.execute("COMMIT")
            database.close()
            assert load.wait(timeout=180) == 0


def test_a_backup_lets_a_swap_under_way_come_to_its_end(worked_in):
    from divebell.database.stillness import hold_off

    ended = []
    with connect(worked_in.state, "event_loader") as swapping:
        hold_off(swapping)

        def wait():
            with admin(worked_in.state, autocommit=True) as backup:
                keep_still(backup)
                ended.append(time.monotonic())

        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(1)
        assert not ended
        swapping.commit()
        waiting.join(60)
    assert ended


def test_two_at_once_do_not_meet(worked_in, tmp_path, divebell):
    command = [sys.executable, "-m", "divebell", "backup", worked_in.folder, "--to", tmp_path / "store"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        until((tmp_path / "store").exists, "it does not begin")
        first.send_signal(signal.SIGSTOP)
        try:
            second = divebell("backup", worked_in.folder, "--to", tmp_path / "store")
        finally:
            first.send_signal(signal.SIGCONT)
        said = first.communicate(timeout=200)[1]
    assert (first.returncode, second.returncode) == (0, 1), said
    assert "another `divebell backup` is at work on this event right now" in second.stderr


def test_a_table_that_is_replaced_all_the_time_does_not_end_a_backup(worked_in, tmp_path, divebell):
    with connect(worked_in.state, "event_hub") as hub:
        password = provision(hub, "ben")
    over = threading.Event()

    def replace():
        with as_volunteer(worked_in.state, "ben", password) as own:
            while not over.is_set():
                own.execute(
                    "DROP TABLE IF EXISTS mine; CREATE TABLE mine AS SELECT generate_series(1, 10) AS x"
                )

    busy = threading.Thread(target=replace)
    busy.start()
    try:
        taken = divebell("backup", worked_in.folder, "--to", tmp_path / "store")
    finally:
        over.set()
        busy.join()
    assert taken.returncode == 0, taken.stderr


def test_only_so_many_are_kept(worked_in, tmp_path, divebell):
    event_file = worked_in.state.event_file
    store = tmp_path / "store"
    event_file.write_text(event_file.read_text() + f"backups:\n  to: {store}\n  keep: 2\n")
    for _ in range(3):
        assert divebell("backup", worked_in.folder).returncode == 0
    listed = json.loads(divebell("backup", worked_in.folder, "--list", "--json").stdout)["backups"]
    assert len(listed) == 2
    assert all(each["bytes"] > 0 for each in listed)


def test_the_rows_of_a_dump_are_counted_to_the_last(tmp_path):
    file = tmp_path / "1.dat.gz"
    file.write_bytes(gzip.compress(b"a\tb\n" * 700_000 + b"\\.\n\n\n"))
    rows, digest = dump._count(file)
    assert rows == 700_000
    file.write_bytes(gzip.compress(b"\\.\n\n\n"))
    assert dump._count(file)[0] == 0
    assert State(tmp_path).backup.name == "backup"
    assert len(digest) == 32
