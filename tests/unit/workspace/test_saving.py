"""Saving on a disk that has no room: the rest of the story is in tests/integration/workspace."""

import errno
import stat

import pytest

from divebell.workspace.room import Room
from divebell.workspace.saving import refusal, write_whole


def test_what_is_written_replaces_what_was_there(tmp_path):
    file = tmp_path / "a.txt"
    for text in ("first\n", "second\n"):
        with write_whole(file) as out:
            out.write(text)
        assert file.read_bytes() == text.encode()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_what_cannot_be_written_leaves_what_was_there(tmp_path):
    file = tmp_path / "a.bin"
    file.write_bytes(b"old")

    def write():
        with write_whole(file, text=False) as out:
            out.write(b"half")
            raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full"):
        write()
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_permissions_stay(tmp_path):
    file = tmp_path / "run.sh"
    file.write_text("a")
    file.chmod(0o750)
    with write_whole(file) as out:
        out.write("b")
    assert stat.S_IMODE(file.stat().st_mode) == 0o750


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.txt").write_text("a")
    (tmp_path / "link.txt").symlink_to("real.txt")
    with write_whole(tmp_path / "link.txt") as out:
        out.write("b")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "b"


def test_the_refusal_says_what_to_do():
    said = refusal("a.ipynb", Room(1 << 30, 0))
    assert "a.ipynb was not saved; what was there before is unchanged" in said
    assert "delete something" in said
