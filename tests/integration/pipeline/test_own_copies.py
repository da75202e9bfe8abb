"""A volunteer's copy over a real checkout of a real repository, through the histories people make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from divebell import disks
from divebell.event import State
from divebell.pipeline import checkout, git
from divebell.pipeline.repository import Repository
from divebell.workspace.copy_plan import STAMP, Verdict
from divebell.workspace.copy_words import Standing
from divebell.workspace.own_copy import FOLDER, follow

from .conftest import Repo
from .conftest import git as run_git


@dataclass
class Following:
    """A repository, the checkout that all read, and one volunteer's home."""

    repo: Repo
    mirror: Repository
    home: Path

    def check_out(self) -> tuple[int, int]:
        """Bring the checkout to main; give what tells its stamp from others."""
        self.mirror.prepare()
        checkout.update(self.mirror, self.mirror.fetch(self.mirror.head()).files)
        stamp = (self.event / STAMP).stat()
        return stamp.st_ino, stamp.st_mtime_ns

    def push(self, files: dict[str, str | bytes | None]) -> Standing:
        """Commit, check out, and let the copy follow."""
        for path in (path for path, contents in files.items() if contents is None):
            run_git(self.repo.folder, "rm", "--quiet", path)  # the folder goes with its last file
        self.repo.commit({path: contents for path, contents in files.items() if contents is not None})
        return self.follow()

    def follow(self) -> Standing:
        self.check_out()
        standing = follow(self.event, self.home)
        assert standing is not None
        return standing

    @property
    def event(self) -> Path:
        return self.mirror.state.checkout

    @property
    def own(self) -> Path:
        return self.home / FOLDER

    def files(self) -> dict[str, str]:
        return {
            file.relative_to(self.own).as_posix(): file.read_text()
            for file in self.own.rglob("*")
            if file.is_file()
        }


@pytest.fixture
def following(tmp_path: Path) -> Following:
    (tmp_path / "event").mkdir()
    (tmp_path / "home").mkdir()
    run_git(tmp_path / "event", "init", "--quiet", "--initial-branch=main")
    mirror = Repository(git.source("event", tmp_path), "main", State(tmp_path / ".divebell"))
    made = Following(Repo(tmp_path / "event"), mirror, tmp_path / "home")
    made.push({"README.md": "one\n", "data/a.csv": "a\n", "data/b.csv": "b\n"})
    return made


def test_the_stamp_changes_once_for_each_change_and_is_copied_to_nobody(following: Following) -> None:
    before = following.check_out()
    assert following.check_out() == before
    run_git(following.repo.folder, "commit", "--quiet", "--allow-empty", "--message=Nothing")
    assert following.check_out() == before
    following.push({"README.md": "two\n"})
    assert following.check_out() != before
    assert STAMP not in following.files()


def test_a_repository_cannot_put_a_stamp_of_its_own(following: Following) -> None:
    following.push({f"{STAMP}/x": "1"})
    following.push({f"{STAMP}/x": None, STAMP: "mine"})
    assert len((following.event / STAMP).read_text()) == 65
    assert set(following.files()) == {"README.md", "data/a.csv", "data/b.csv"}


def test_a_rename_moves_what_is_untouched_and_leaves_what_is_not(following: Following) -> None:
    (following.own / "data/a.csv").write_text("mine\n")
    standing = following.push(
        {"data/a.csv": None, "data/b.csv": None, "raw/a.csv": "a\n", "raw/b.csv": "b\n"}
    )
    assert following.files() == {
        "README.md": "one\n",
        "data/a.csv": "mine\n",
        "raw/a.csv": "a\n",
        "raw/b.csv": "b\n",
    }
    assert standing.owners == {"data/a.csv": Verdict.REMOVED}
    assert standing.arrived.removed == ("data/b.csv",)


def test_a_forced_push_takes_back_what_it_brought_and_nothing_of_the_owners(following: Following) -> None:
    first = run_git(following.repo.folder, "rev-parse", "HEAD")
    following.push({"README.md": "two\n", "leaked.csv": "secret\n", "data/a.csv": "wrong\n"})
    (following.own / "README.md").write_text("mine\n")
    run_git(following.repo.folder, "reset", "--quiet", "--hard", first)
    following.follow()
    assert following.files() == {"README.md": "mine\n", "data/a.csv": "a\n", "data/b.csv": "b\n"}
    standing = following.follow()
    assert standing.conflicts == {"README.md": Verdict.CONFLICT}


def test_a_history_that_is_rewritten_without_another_content_changes_nothing(following: Following) -> None:
    (following.own / "README.md").write_text("mine\n")
    before = following.check_out()
    run_git(following.repo.folder, "commit", "--quiet", "--amend", "--message=Other words")
    assert following.check_out() == before
    assert following.follow().owners == {"README.md": Verdict.CHANGED}


def test_a_lost_mirror_brings_no_conflict(following: Following) -> None:
    """Every file of the checkout is written anew then, with another time stamp."""
    (following.own / "README.md").write_text("mine\n")
    (following.mirror.state.repository / "divebell-checkout.json").unlink()
    assert following.follow().owners == {"README.md": Verdict.CHANGED}
    assert following.files()["data/a.csv"] == "a\n"


def test_a_folder_becomes_a_file_and_a_file_a_folder(following: Following) -> None:
    following.push({"data/a.csv": None, "data/b.csv": None, "data": "a file now\n"})
    assert following.files() == {"README.md": "one\n", "data": "a file now\n"}
    following.push({"data": None, "data/a.csv": "back\n", "README.md": None, "README.md/x": "deep\n"})
    assert following.files() == {"data/a.csv": "back\n", "README.md/x": "deep\n"}


def test_what_the_owner_put_into_a_folder_stays_when_that_becomes_a_file(following: Following) -> None:
    (following.own / "data/result.csv").write_text("mine\n")
    standing = following.push({"data/a.csv": None, "data/b.csv": None, "data": "a file now\n"})
    assert following.files() == {"README.md": "one\n", "data/result.csv": "mine\n"}
    assert standing.conflicts == {"data": Verdict.OWN}
    assert (following.event / "data").read_text() == "a file now\n"


@pytest.fixture
def small_checkout(following: Following, tmp_path: Path) -> Iterator[Callable[[], Following]]:
    """Put the checkout on a disk of 8 MB."""
    disks.ensure_disk(tmp_path / "disk.img", following.event, 8 << 20, 0, 0)
    try:
        yield lambda: following
    finally:
        disks.release(following.event)


@pytest.mark.root
def test_a_full_disk_of_the_event_leaves_whole_files_and_is_made_good(
    small_checkout: Callable[[], Following],
) -> None:
    following = small_checkout()
    following.follow()
    before = following.check_out()
    following.repo.commit({"README.md": "two\n", "data/big.csv": b"x" * (20 << 20)})
    with pytest.raises(OSError, match="No space left"):
        following.check_out()
    assert (following.event / STAMP).stat().st_mtime_ns == before[1]
    assert (following.event / "README.md").read_text() in {"one\n", "two\n"}
    assert not (following.event / "data/big.csv").exists()
    following.push({"data/big.csv": "small\n"})
    assert following.files()["data/big.csv"] == "small\n"
    assert not list(following.event.rglob("*.divebell-new"))
