import os

import pytest

from divebell.workspace.full_page import PAGE, render, show
from divebell.workspace.room import Level, Piece, Room, biggest, in_text, warning

MB, GB = 1 << 20, 1 << 30


@pytest.mark.parametrize(
    ("room", "level"),
    [
        (Room(2 * GB, 1 * GB), Level.PLENTY),
        (Room(2 * GB, 210 * MB), Level.PLENTY),
        (Room(2 * GB, 200 * MB), Level.TIGHT),
        (Room(2 * GB, 3 * MB), Level.FULL),
        (Room(2 * GB, 0), Level.FULL),
        (Room(500 * GB, 25 * GB), Level.PLENTY),  # a disk shared with others
        (Room(500 * GB, 1 * GB), Level.TIGHT),
        (Room(2 * GB, 1 * GB, files=10_000, free_files=500), Level.TIGHT),
        (Room(2 * GB, 1 * GB, files=10_000, free_files=5), Level.FULL),
        (Room(2 * GB, 1 * GB, files=0, free_files=0), Level.PLENTY),  # a file system without a count
    ],
)
def test_a_home_is_tight_from_ninety_per_cent_and_full_when_things_begin_to_fail(room, level):
    assert room.level is level


def fill(path, size):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))


def test_what_takes_most_is_named_once_each_and_with_the_command_that_frees_it(tmp_path):
    fill(tmp_path / ".venv" / "lib" / "a.so", 5 * MB)
    fill(tmp_path / ".local" / "share" / "Trash" / "files" / "b", 4 * MB)
    fill(tmp_path / "work" / "it's big.csv", 3 * MB)
    for n in range(20):
        fill(tmp_path / "photos" / f"{n}.jpg", 100_000)
    fill(tmp_path / "small.txt", 10)
    os.link(tmp_path / ".venv" / "lib" / "a.so", tmp_path / "again.so")
    (tmp_path / "elsewhere").symlink_to("/usr")
    pieces = biggest(tmp_path)
    assert {piece.path for piece in pieces[:2]} <= {".venv", ".local/share/Trash", "again.so"}
    commands = [piece.command for piece in pieces]
    assert len(pieces) == 4
    assert "rm -rf ~/.local/share/Trash" in commands
    assert """rm ~/'work/it'"'"'s big.csv'""" in commands
    assert commands[-1] == "du -ah ~/photos | sort -h | tail"


def test_looking_ends_in_time(tmp_path):
    fill(tmp_path / "a" / "b", MB)
    assert biggest(tmp_path, seconds=0) == []


def test_the_warning_says_how_full_what_is_large_and_whom_to_ask():
    said = in_text(Room(GB, 0), [Piece(300 * MB, ".venv", folder=True)], "maria")
    assert "Your home is full: 0 bytes of 1 GB are left" in said
    assert "300 MB  rm -rf ~/.venv  # packages you installed" in said
    assert "Ask maria" in said
    assert "nearly full" in in_text(Room(GB, 50 * MB), [], "maria")
    assert "holds 9,500 files; 500 more fit" in in_text(Room(GB, GB, 10_000, 500), [], "maria")


def test_with_room_nothing_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(Room, "of", lambda home: Room(GB, GB))
    assert list(warning(tmp_path, "maria")) == []


def test_a_full_home_opens_with_a_page_that_goes_away_when_there_is_room(tmp_path):
    home, private = tmp_path / "home", tmp_path / "private"
    home.mkdir()
    private.mkdir()
    fill(home / "<b>.csv", 2 * MB)
    set_to = show(home, private, Room(GB, 0), {"DIVEBELL_AMBASSADORS": "dan"})
    assert set_to == {"JUPYTERHUB_DEFAULT_URL": "/lab/tree/HOME%20IS%20FULL.html"}
    page = (home / PAGE).read_text()
    assert "&lt;b&gt;.csv" in page
    assert "Ask dan" in page
    assert show(home, private, Room(GB, GB), {}) == {}
    assert [path.name for path in home.iterdir()] == ["<b>.csv"]


def test_a_file_of_that_name_that_is_the_owners_stays(tmp_path):
    (tmp_path / PAGE).write_text("mine")
    assert show(tmp_path, tmp_path, Room(GB, 0), {}) == {}
    assert (tmp_path / PAGE).read_text() == "mine"


def test_the_page_says_it_in_words():
    assert "0 bytes of 1 GB are left" in render(Room(GB, 0), [], "dan")
