"""Yours, the event's, and what to do when both have changed."""

import json
import os
import shutil
import time

import pytest

from divebell.errors import DivebellError
from divebell.workspace.copy_choices import compare, keep, take
from divebell.workspace.copy_plan import Verdict
from divebell.workspace.own_copy import FOLDER, follow
from divebell.workspace.room import Room

PLENTY = Room(100 << 30, 50 << 30)
CODE = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}


@pytest.fixture(autouse=True)
def plenty(monkeypatch):
    """Let there be room, however full this machine's disk is."""
    monkeypatch.setattr(Room, "of", lambda folder: PLENTY)


def put(folder, path, text):
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    later = time.time_ns() + put.ticks * 1_000_000
    put.ticks += 1
    os.utime(file, ns=(later, later))


put.ticks = 1


@pytest.fixture
def event(tmp_path):
    put(tmp_path / "event", "README.md", "first\n")
    put(tmp_path / "event", "data/wells.csv", "id\n1\n")
    return tmp_path / "event"


@pytest.fixture
def home(tmp_path, event):
    (tmp_path / "home").mkdir()
    follow(event, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def conflict(event, home):
    """Let owner and event both change a file."""
    (home / FOLDER / "README.md").write_text("mine\n")
    put(event, "README.md", "second\n")
    assert follow(event, home).conflicts == {"README.md": Verdict.CONFLICT}
    return home / FOLDER


def test_what_changed_and_what_is_whose_is_told(event, home):
    own = home / FOLDER
    (own / "README.md").write_text("mine\n")
    (own / "data/wells.csv").unlink()
    put(event, "data/new.csv", "a\n")
    standing = follow(event, home)
    assert standing.yours == {"README.md": Verdict.CHANGED, "data/wells.csv": Verdict.DELETED}
    assert standing.arrived.added == ("data/new.csv",)
    (event / "README.md").unlink()
    put(event, "data/new.csv", "b\n")
    standing = follow(event, home)
    assert standing.yours == {"README.md": Verdict.REMOVED, "data/wells.csv": Verdict.DELETED}
    assert standing.arrived.updated == ("data/new.csv",)
    assert (own / "README.md").read_text() == "mine\n"


def test_the_first_copy_is_no_news(event, home):
    shutil.rmtree(home / FOLDER)
    assert not follow(event, home).arrived


def test_a_copy_that_was_deleted_comes_back_only_when_asked_for(event, home):
    shutil.rmtree(home / FOLDER)
    put(event, "README.md", "second\n")
    assert follow(event, home, anew=False).gone
    assert not (home / FOLDER).exists()
    assert not follow(event, home).gone
    assert (home / FOLDER / "README.md").read_text() == "second\n"


def test_taking_the_events_keeps_ones_own_beside_it(event, home, conflict):
    assert take(event, home, "README.md") == "README (mine).md"
    assert (conflict / "README.md").read_text() == "second\n"
    assert (conflict / "README (mine).md").read_text() == "mine\n"
    assert not follow(event, home).owners
    (conflict / "README.md").write_text("mine again\n")
    assert take(event, home, "README.md") == "README (mine 2).md"


def test_taking_what_was_deleted_brings_it_back(event, home):
    (home / FOLDER / "data/wells.csv").unlink()
    follow(event, home)
    assert take(event, home, "data/wells.csv") is None
    assert (home / FOLDER / "data/wells.csv").read_text() == "id\n1\n"
    assert not follow(event, home).owners


def test_taking_an_untouched_file_keeps_nothing(event, home):
    put(event, "README.md", "second\n")
    assert take(event, home, "README.md") is None
    assert (home / FOLDER / "README.md").read_text() == "second\n"


def test_keeping_mine_settles_it_until_the_event_changes_again(event, home, conflict):
    keep(event, home, "README.md")
    standing = follow(event, home)
    assert standing.yours == {"README.md": Verdict.CHANGED}
    assert not standing.conflicts
    put(event, "README.md", "third\n")
    assert follow(event, home).conflicts == {"README.md": Verdict.CONFLICT}
    assert (conflict / "README.md").read_text() == "mine\n"


def test_an_event_that_goes_back_leaves_no_conflict(event, home, conflict):
    put(event, "README.md", "first\n")
    assert follow(event, home).owners == {"README.md": Verdict.CHANGED}


def test_an_event_that_takes_over_ones_change_leaves_no_conflict(event, home, conflict):
    put(event, "README.md", "mine\n")
    assert not follow(event, home).owners
    put(event, "README.md", "further\n")
    follow(event, home)
    assert (conflict / "README.md").read_text() == "further\n"


def test_an_own_file_of_the_same_name_is_a_conflict_and_can_be_settled(event, home):
    (home / FOLDER / "notes.md").write_text("mine\n")
    put(event, "notes.md", "theirs\n")
    assert follow(event, home).conflicts == {"notes.md": Verdict.OWN}
    assert take(event, home, "notes.md") == "notes (mine).md"
    assert not follow(event, home).conflicts


def notebook(*sources, metadata=None):
    cells = [{**CODE, "id": str(n), "source": source} for n, source in enumerate(sources)]
    return json.dumps({"cells": cells, "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 5})


def test_a_notebook_that_was_only_opened_still_follows(event, home):
    put(event, "look.ipynb", notebook("print(1)\nprint(2)"))
    follow(event, home)
    opened = notebook(["print(1)\n", "print(2)"], metadata={"language_info": {"name": "python"}})
    (home / FOLDER / "look.ipynb").write_text(opened)
    for _ in range(2):
        assert not follow(event, home).owners
        assert (home / FOLDER / "look.ipynb").read_text() == opened
    put(event, "look.ipynb", notebook("print(3)"))
    assert follow(event, home).arrived.updated == ("look.ipynb",)
    (home / FOLDER / "look.ipynb").write_text(notebook("print(4)"))
    assert follow(event, home).owners == {"look.ipynb": Verdict.CHANGED}


def test_what_differs_is_shown_line_by_line_and_of_notebooks_cell_by_cell(event, home, conflict):
    assert compare(event, home, "README.md").splitlines()[-2:] == ["-second", "+mine"]
    put(event, "look.ipynb", notebook("print(1)"))
    follow(event, home)
    (conflict / "look.ipynb").write_text(notebook("print(2)"))
    lines = compare(event, home, "look.ipynb").splitlines()
    assert "-print(1)" in lines
    assert "+print(2)" in lines
    assert not any("cell_type" in line for line in lines)


@pytest.mark.parametrize("contents", [b"\xff\xfe\x00", b"x" * (2 << 20), b"x\n" * 5_000])
def test_what_cannot_be_compared_is_refused_in_words(event, home, contents):
    (event / "odd.bin").write_bytes(contents)
    follow(event, home)
    with pytest.raises(DivebellError, match=r"odd\.bin"):
        compare(event, home, "odd.bin")


def test_a_pipe_in_place_of_a_file_holds_nobody_up(event, home, conflict):
    (conflict / "README.md").unlink()
    os.mkfifo(conflict / "README.md")
    assert follow(event, home).conflicts == {"README.md": Verdict.CONFLICT}
    with pytest.raises(DivebellError, match="no ordinary file"):
        compare(event, home, "README.md")
    assert take(event, home, "README.md") == "README (mine).md"
    assert (conflict / "README.md").read_text() == "second\n"


@pytest.mark.parametrize("path", ["../home/x", "/etc/passwd", "data", "nothing.csv", "data/../README.md", ""])
def test_only_files_of_the_event_can_be_chosen(event, home, path):
    for act in (take, keep, compare):
        with pytest.raises(DivebellError, match="the event has no file"):
            act(event, home, path)


def test_where_the_disk_refuses_ones_own_is_where_it_was(event, home, conflict, monkeypatch):
    monkeypatch.setattr(
        "divebell.workspace.own_copy._copy", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    with pytest.raises(DivebellError, match="No space left") as refused:
        take(event, home, "README.md")
    assert "make room" in refused.value.next_step
    assert (conflict / "README.md").read_text() == "mine\n"
    assert [file.name for file in conflict.glob("README*")] == ["README.md"]


def test_a_disk_without_room_is_told_and_tried_again(event, home, monkeypatch):
    put(event, "README.md", "second\n")
    with monkeypatch.context() as full:
        full.setattr(
            "divebell.workspace.own_copy._copy",
            lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")),
        )
        assert follow(event, home).behind == {"README.md": "No space left"}
    assert (home / FOLDER / "README.md").read_text() == "first\n"
    assert follow(event, home).arrived.updated == ("README.md",)
