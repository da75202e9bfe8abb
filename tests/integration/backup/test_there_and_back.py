"""An event with work in it is copied away and brought back elsewhere: all of it, and as it was."""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from backup_helpers import as_volunteer, everything
from divebell.database import connect, provision
from divebell.event import State, load_secrets
from divebell.hub.spawner.accounts import in_block
from divebell.local.ports import DEFAULT_PORT


def files(homes: Path) -> dict[str, tuple[object, ...]]:
    return {
        str(path.relative_to(homes)): (
            path.lstat().st_mode,
            path.lstat().st_mtime,
            str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None,
        )
        for path in homes.rglob("*")
    }


def test_everything_is_there_again_in_an_empty_folder(worked_in, tmp_path, divebell, run_server):
    store = tmp_path / "store"
    taken = divebell("backup", worked_in.folder, "--to", store, "--json")
    assert taken.returncode == 0, taken.stderr
    before, homes = everything(worked_in.state), files(worked_in.state.homes)

    elsewhere = tmp_path / "elsewhere" / "event"
    key = worked_in.secrets.backup_password
    with socket.socket() as another_event:
        with suppress(OSError):  # somebody has the port already
            another_event.bind(("127.0.0.1", DEFAULT_PORT))
            another_event.listen()
        back = divebell("restore", elsewhere, "--from", store, "--json", key=key)
    assert back.returncode == 0, back.stdout + back.stderr
    told = json.loads(back.stdout)
    assert told["notes"] == []
    assert told["differing"] == []
    assert told["rows"] == json.loads(taken.stdout)["rows"]

    state = State(elsewhere / ".divebell")
    assert files(state.homes) == homes
    assert load_secrets(state) == worked_in.secrets
    assert (state.folder / "restore").exists() is False
    if os.geteuid() == 0:
        owners = {home.stat().st_uid for home in state.homes.iterdir()}
        assert len(owners) == 2
        assert all(in_block(state.homes, owner) for owner in owners)
        inside = {path.lstat().st_uid for path in (state.homes / "ana").rglob("*")}
        assert inside == {(state.homes / "ana").stat().st_uid}
    moved = type(worked_in)(elsewhere, worked_in.event, state, worked_in.secrets, worked_in.ports)
    with run_server(moved):
        now = everything(state)
        assert {key: sorted(set(now[key]) ^ set(before[key])) for key in now if now[key] != before[key]} == {}
        volunteers_work_on(state)


def volunteers_work_on(state: State) -> None:
    with connect(state, "event_hub") as hub:
        ana, ben = provision(hub, "ana"), provision(hub, "ben")
    with as_volunteer(state, "ana", ana) as own:
        own.execute("INSERT INTO wells_seen VALUES (4, 'after')")
        own.execute("INSERT INTO counted (x) VALUES ('three')")
        assert own.execute("SELECT max(id) FROM counted").fetchone() == (3,)
        own.execute("REFRESH MATERIALIZED VIEW heavy")
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            own.execute("INSERT INTO wells_seen VALUES (9999, 'no such well')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            own.execute("SELECT * FROM v_ben.secret")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            own.execute("DELETE FROM data.wells")
    with as_volunteer(state, "ben", ben) as other:
        assert other.execute("SELECT count(*) FROM v_ana.shared_wells").fetchone() == (500,)
        assert other.execute('SELECT count(*) FROM v_ana."odd, Name"').fetchone() == (2,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            other.execute("SELECT * FROM v_ana.wells_seen")


def test_one_file_can_be_had_without_touching_the_event(worked_in, tmp_path, divebell):
    store = tmp_path / "store"
    assert divebell("backup", worked_in.folder, "--to", store).returncode == 0
    (worked_in.state.homes / "ana" / "map.ipynb").unlink()
    got = divebell(
        *("restore", worked_in.folder, "--from", store, "--into", tmp_path / "here"),
        *("--only", ".divebell/homes/ana/map.ipynb"),
    )
    assert got.returncode == 0, got.stderr
    found = [path for path in (tmp_path / "here").rglob("*") if path.is_file()]
    assert [path.name for path in found] == ["map.ipynb"]
    assert found[0].read_text() == "{'of': 'ana'}"


def test_rows_are_loaded_by_nobody_but_the_owner_of_their_table(worked_in, tmp_path, divebell):
    """A check runs as whoever loads: what a volunteer hid in one must not run as the superuser."""
    with connect(worked_in.state, "event_hub") as hub:
        password = provision(hub, "ben")
    with as_volunteer(worked_in.state, "ben", password) as own:
        own.execute("CREATE TABLE trap (x text CHECK (current_user = 'v_ben' AND session_user = 'v_ben'))")
        own.execute("INSERT INTO trap VALUES ('bait')")
    store = tmp_path / "store"
    assert divebell("backup", worked_in.folder, "--to", store).returncode == 0
    back = divebell(
        "restore", tmp_path / "elsewhere", "--from", store, "--json", key=worked_in.secrets.backup_password
    )
    assert back.returncode == 0, back.stderr
    assert json.loads(back.stdout)["notes"] == []


def test_rows_that_a_volunteer_may_no_longer_write_come_back_too(worked_in, tmp_path, divebell):
    with connect(worked_in.state, "event_hub") as hub:
        password = provision(hub, "ben")
    with as_volunteer(worked_in.state, "ben", password) as own:
        own.execute("REVOKE ALL ON secret FROM v_ben")
    store = tmp_path / "store"
    assert divebell("backup", worked_in.folder, "--to", store).returncode == 0
    back = divebell(
        "restore", tmp_path / "elsewhere", "--from", store, "--json", key=worked_in.secrets.backup_password
    )
    assert back.returncode == 0, back.stdout + back.stderr
    assert json.loads(back.stdout)["notes"] == []


def test_no_secret_can_be_read_in_the_store_or_a_command_line(worked_in, tmp_path, divebell):
    store = tmp_path / "store"
    assert divebell("backup", worked_in.folder, "--to", store).returncode == 0
    words = [worked_in.secrets.event_password.encode(), worked_in.secrets.backup_password.encode(), b"hush"]
    for path in store.rglob("*"):
        assert not path.is_file() or not any(word in path.read_bytes() for word in words)
    assert not (worked_in.state.backup / "contents").exists()


@pytest.mark.root
def test_homes_on_disks_that_nobody_mounted_are_copied_too(worked_in, tmp_path, divebell):
    from divebell import disks

    home = worked_in.state.homes / "ana"
    image = worked_in.state.disks / "ana.img"
    uid = home.stat().st_uid
    disks.ensure_disk(image, home, 64 * 1024**2, uid, uid)
    before = files(worked_in.state.homes)
    disks.release(home)
    assert not any(home.iterdir())
    store = tmp_path / "store"
    taken = divebell("backup", worked_in.folder, "--to", store)
    assert taken.returncode == 0, taken.stderr
    assert not disks.is_mounted(home)
    back = divebell("restore", tmp_path / "elsewhere", "--from", store, key=worked_in.secrets.backup_password)
    assert back.returncode == 0, back.stderr
    assert files(tmp_path / "elsewhere" / ".divebell" / "homes") == before
