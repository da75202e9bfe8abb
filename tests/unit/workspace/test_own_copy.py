"""The owner's copy of the repository: the event's changes arrive, the owner's stay."""

import json
import os
import shutil
import stat
import subprocess
import sys
import time

import pytest

from divebell.workspace.copy_plan import LINKED, Base, Progress, fits, plan
from divebell.workspace.copy_record import alone
from divebell.workspace.copy_words import note_text
from divebell.workspace.own_copy import FOLDER, NOTE, follow, tree, warning
from divebell.workspace.room import Room

GB = 1 << 30
DIES = """
import os, sys
from pathlib import Path
from divebell.workspace import own_copy
from divebell.workspace.room import Room
Room.of = lambda home: Room(100 << 30, 50 << 30)
copy, calls = own_copy._copy, []
def dies(event, new):
    calls.append(new)
    if len(calls) == 10:
        new.write_text("half")
        os._exit(9)
    return copy(event, new)
own_copy._copy = dies
own_copy.follow(*map(Path, sys.argv[1:]))
"""


@pytest.fixture(autouse=True)
def plenty(monkeypatch):
    """Let there be room, however full this machine's disk is."""
    monkeypatch.setattr(Room, "of", lambda folder: Room(100 * GB, 50 * GB))


@pytest.fixture
def event(tmp_path):
    """The event's files, read-only as the loader puts them."""
    folder = tmp_path / "event"
    put(folder, "data/raw/wells.csv", "id\n007\n")
    put(folder, "notebooks/explore.ipynb", "{}")
    put(folder, "run.sh", "echo", mode=0o555)
    return folder


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def put(folder, path, text, mode=0o444):
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_text(text)
    file.chmod(mode)
    later = time.time_ns() + put.ticks * 1_000_000
    put.ticks += 1
    os.utime(file, ns=(later, later))


put.ticks = 1


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def shown(home):
    return {path: (home / FOLDER / path).read_text() for path in sorted(tree(home / FOLDER))}


def test_everything_is_there_and_may_be_written(event, home):
    follow(event, home)
    copy = home / FOLDER
    assert shown(home) == {
        "data/raw/wells.csv": "id\n007\n",
        "notebooks/explore.ipynb": "{}",
        "run.sh": "echo",
    }
    assert stat.S_IMODE((copy / "data/raw/wells.csv").stat().st_mode) == 0o644
    assert stat.S_IMODE((copy / "run.sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((copy / "data").stat().st_mode) == 0o755
    assert not (home / NOTE).exists()


def test_what_the_event_changes_arrives_what_the_owner_changed_stays(event, home):
    follow(event, home)
    copy = home / FOLDER
    (copy / "notebooks/explore.ipynb").write_text("mine")
    (copy / "run.sh").unlink()
    (copy / "data/processed.csv").write_text("my result")
    for path, text in (
        ("notebooks/explore.ipynb", "theirs"),
        ("run.sh", "new"),
        ("data/raw/wells.csv", "id\n8\n"),
    ):
        put(event, path, text)
    put(event, "notebooks/second.ipynb", "new")
    for _ in range(2):
        follow(event, home)
        assert shown(home) == {
            "data/processed.csv": "my result",
            "data/raw/wells.csv": "id\n8\n",
            "notebooks/explore.ipynb": "mine",
            "notebooks/second.ipynb": "new",
        }


def test_what_the_event_deletes_goes_unless_the_owner_changed_it(event, home):
    put(event, "old/untouched.csv", "1")
    put(event, "old/touched.csv", "1")
    put(event, "alone/here.csv", "1")
    follow(event, home)
    (home / FOLDER / "old/touched.csv").write_text("mine")
    for path in ("old/untouched.csv", "old/touched.csv", "alone/here.csv"):
        (event / path).unlink()
    follow(event, home)
    assert names(home / FOLDER / "old") == ["touched.csv"]
    assert not (home / FOLDER / "alone").exists()


def test_an_owners_file_where_the_event_adds_one_stays(event, home):
    follow(event, home)
    (home / FOLDER / "notes.md").write_text("mine")
    (home / FOLDER / "plots").write_text("a file where a folder comes")
    put(event, "notes.md", "theirs")
    put(event, "plots/one.png", "theirs")
    follow(event, home)
    assert shown(home)["notes.md"] == "mine"
    assert (home / FOLDER / "plots").read_text() == "a file where a folder comes"


def test_nothing_is_written_through_a_link_and_none_is_copied(event, home, tmp_path):
    (event / "leak").symlink_to("/etc/passwd")
    follow(event, home)
    assert "leak" not in names(home / FOLDER)
    elsewhere = tmp_path / "elsewhere"
    (home / FOLDER / "data" / "raw").rename(elsewhere)
    (home / FOLDER / "data" / "raw").symlink_to(elsewhere)
    put(event, "data/raw/more.csv", "x")
    follow(event, home)
    assert names(elsewhere) == ["wells.csv"]


def test_nothing_is_removed_through_a_link(event, home, tmp_path):
    put(event, "data/raw/more.csv", "x")
    follow(event, home)
    elsewhere = tmp_path / "elsewhere"
    (home / FOLDER / "data" / "raw").rename(elsewhere)
    (home / FOLDER / "data" / "raw").symlink_to(elsewhere)
    (event / "data/raw/more.csv").unlink()
    follow(event, home)
    assert names(elsewhere) == ["more.csv", "wells.csv"]


def test_a_lost_record_is_no_loss(event, home):
    follow(event, home)
    (home / ".divebell" / "my-event.json").write_text("{ broken")
    (home / FOLDER / "run.sh").write_text("mine")
    follow(event, home)
    put(event, "data/raw/wells.csv", "id\n8\n")
    follow(event, home)
    assert shown(home)["data/raw/wells.csv"] == "id\n8\n"
    assert shown(home)["run.sh"] == "mine"


def test_an_interrupted_copy_is_taken_up_again(event, home):
    for n in range(30):
        put(event, f"data/{n}.csv", "x" * n)
    assert subprocess.run([sys.executable, "-c", DIES, event, home], check=False).returncode == 9
    assert 0 < len(shown(home)) < 33
    follow(event, home)
    assert len(shown(home)) == 33
    assert not [name for _, _, names in os.walk(home) for name in names if name.endswith(".divebell-new")]


def test_without_a_repository_nothing_is_deleted(event, home, tmp_path):
    follow(event, home)
    follow(tmp_path / "gone", home)
    (tmp_path / "empty").mkdir()
    follow(tmp_path / "empty", home)
    assert len(shown(home)) == 3


def test_deleting_the_folder_brings_a_fresh_copy(event, home):
    follow(event, home)
    for path in ("run.sh", "notebooks/explore.ipynb", "data/raw/wells.csv"):
        (home / FOLDER / path).unlink()
    follow(event, home)
    assert shown(home) == {}
    shutil.rmtree(home / FOLDER)
    follow(event, home)
    assert len(shown(home)) == 3


def test_something_else_of_that_name_is_left_alone(event, home):
    (home / FOLDER).write_text("mine")
    follow(event, home)
    assert (home / FOLDER).read_text() == "mine"


def test_what_does_not_fit_is_a_link_and_told_and_copied_once_there_is_room(event, home, monkeypatch):
    put(event, "data/large.csv", "x" * 5_000)
    monkeypatch.setattr(Room, "of", lambda folder: Room(8_000, 7_000))
    follow(event, home)
    large = home / FOLDER / "data" / "large.csv"
    assert large.is_symlink()
    assert large.read_text() == "x" * 5_000
    assert "data/large.csv" in (home / NOTE).read_text()
    assert "data/large.csv" in next(warning(home))
    put(event, "data/large.csv", "y" * 5_000)
    follow(event, home)
    assert large.is_symlink()
    monkeypatch.setattr(Room, "of", lambda folder: Room(100 * GB, 50 * GB))
    follow(event, home)
    assert not large.is_symlink()
    assert large.read_text() == "y" * 5_000
    assert not (home / NOTE).exists()
    assert list(warning(home)) == []


def test_a_large_file_whose_name_is_no_text_is_told_all_the_same(event, home, monkeypatch):
    put(event, "data/gr\udcf6sse.csv", "x" * 5_000)
    monkeypatch.setattr(Room, "of", lambda folder: Room(8_000, 7_000))
    assert follow(event, home).linked == ("data/gr\udcf6sse.csv",)
    assert "data/gr?sse.csv" in next(warning(home))


def test_a_link_that_stands_in_goes_with_the_events_file(event, home, monkeypatch):
    put(event, "data/large.csv", "x" * 5_000)
    monkeypatch.setattr(Room, "of", lambda folder: Room(8_000, 7_000))
    follow(event, home)
    (event / "data/large.csv").unlink()
    follow(event, home)
    assert not os.path.lexists(home / FOLDER / "data" / "large.csv")


def test_only_one_works_at_a_time(event, home):
    with alone(home) as first:
        assert first
        follow(event, home)
    assert not (home / FOLDER).exists()


def test_the_record_is_small_and_plain(event, home):
    follow(event, home)
    record = json.loads((home / ".divebell" / "my-event.json").read_text())
    assert record["run.sh"][:2] == [4, (event / "run.sh").stat().st_mtime_ns]


def test_the_plan_copies_small_files_first():
    files = {"a": (300, 1), "b": (1, 1), "c": (20, 1)}
    assert plan(files, {}, {}).copy == ("b", "c", "a")


def test_the_plan_forgets_what_the_event_and_the_owner_have_both_left():
    base = Base((1, 1), (1, 1))
    planned = plan({"a": (1, 1)}, {"a": base, "b": base}, {"a": (1, 1), "b": None})
    assert (planned.copy, planned.remove, dict(planned.kept)) == ((), (), {"a": base})
    assert plan({"a": (1, 2)}, {"a": Base(LINKED, (1, 1))}, {"a": LINKED}).copy == ("a",)


@pytest.mark.parametrize(
    ("size", "copied", "free", "there_is_room"),
    [
        (1, 0, 10 * GB, True),
        (5 * GB, 0, 10 * GB, True),
        (5 * GB + 1, 0, 10 * GB, False),  # half of the disk is the owner's
        (1, 5 * GB, 10 * GB, False),
        (1 * GB, 0, 2 * GB, True),
        (1 * GB + 1, 0, 2 * GB, False),  # and the last tenth is nobody's
    ],
)
def test_copies_leave_room_for_the_owner(size, copied, free, there_is_room):
    assert fits(size, copied, Room(10 * GB, free)) is there_is_room


def test_a_disk_that_many_share_keeps_two_gigabytes():
    assert fits(GB, 0, Room(500 * GB, 3 * GB))
    assert not fits(GB, 0, Room(500 * GB, 2 * GB))


def test_the_note_says_how_far_the_copy_is():
    assert "300 MB of 1 GB are copied" in note_text(Progress(GB, 300 << 20))
    many = Progress(GB, GB, [f"data/{n}.tif" for n in range(25)], running=False)
    assert "25 large files" in note_text(many)
    assert "and 5 more" in note_text(many)
    assert note_text(Progress(GB, GB, running=False)) == ""
