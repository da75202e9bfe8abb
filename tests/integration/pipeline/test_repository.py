"""Git as it comes: plain folders, strangers' repositories, remotes; the checkout people read."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from divebell.errors import DivebellError
from divebell.event import State
from divebell.pipeline import checkout, git, repository
from divebell.pipeline.repository import Repository
from divebell.workspace.copy_plan import STAMP

from .conftest import Repo
from .conftest import git as run_git


def mirror(folder: Path, address: str = "event") -> Repository:
    return Repository(git.source(address, folder), "main", State(folder / ".divebell"))


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    (tmp_path / "event").mkdir()
    run_git(tmp_path / "event", "init", "--quiet", "--initial-branch=main")
    return Repo(tmp_path / "event")


def checked_out(following: Repository) -> dict[str, str]:
    following.prepare()
    checkout.update(following, following.fetch(following.head()).files)
    folder = following.state.checkout
    files = {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}
    assert files.pop(STAMP)
    return files


def test_a_plain_folder_becomes_a_repository_without_any_git_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    Repo(tmp_path / "event").write("data/a.csv", "a\n")
    Repo(tmp_path / "event").write(".gitignore", "*.log")
    Repo(tmp_path / "event").write(".divebell/secrets.json", "secret")
    following = mirror(tmp_path)
    assert checked_out(following) == {"data/a.csv": "a\n", ".gitignore": "*.log\n.divebell/\n"}
    assert run_git(tmp_path / "event", "log", "--format=%an") == "divebell"
    assert run_git(tmp_path / "event", "status", "--porcelain") == ""


def test_a_folder_within_another_repository_becomes_one_of_its_own(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"examples/event/data/a.csv": "a\n", "README.md": "outer"})
    inner = mirror(tmp_path, "event/examples/event")
    assert set(checked_out(inner)) == {"data/a.csv", ".gitignore"}
    assert run_git(repo.folder, "log", "--format=%s") == "Change"
    (repo.folder / "examples/event/.gitignore").unlink()
    assert run_git(repo.folder, "status", "--porcelain", "--untracked-files=no") == ""


def test_several_threads_may_begin_with_a_mirror_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        for turn in range(100):
            mirrored, together = mirror(tmp_path / str(turn)), threading.Barrier(3)
            begun = [
                pool.submit(lambda m, b: (b.wait(), m.surroundings()), mirrored, together) for _ in range(3)
            ]
            for each in begun:
                each.result()


def test_making_a_repository_can_be_interrupted_and_done_again(tmp_path: Path) -> None:
    event = Repo(tmp_path / "event")
    event.write("data/a.csv", "a\n")
    event.write(".git.new/index.lock", "")
    assert set(checked_out(mirror(tmp_path))) == {"data/a.csv", ".gitignore"}


def test_the_checkout_is_what_the_commit_says(repo: Repo, tmp_path: Path) -> None:
    following = mirror(tmp_path)
    repo.commit({"a/b": "1", "c": "2", "d/e/f": "3"})
    assert checked_out(following) == {"a/b": "1", "c": "2", "d/e/f": "3"}
    repo.commit({"a/b": None, "c": None, "d/e/f": None})
    (repo.folder / "a").rmdir()
    repo.commit({"a": "file now", "c/x": "folder now"})
    assert checked_out(following) == {"a": "file now", "c/x": "folder now"}


def test_the_checkout_mends_what_somebody_changed_in_it(repo: Repo, tmp_path: Path) -> None:
    following = mirror(tmp_path)
    repo.commit({"a": "1"})
    checked_out(following)
    (following.state.checkout / "a").write_text("2")
    (following.state.checkout / "stray").write_text("3")
    assert checked_out(following) == {"a": "1"}


def test_no_file_is_missing_for_a_moment_while_it_changes(repo: Repo, tmp_path: Path) -> None:
    following = mirror(tmp_path)
    repo.commit({"a": "0" * 1000})
    checked_out(following)
    seen: set[int] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(len((following.state.checkout / "a").read_text()))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    for turn in range(1, 6):
        repo.commit({"a": str(turn) * 1000})
        checked_out(following)
    done.set()
    reader.join()
    assert seen == {1000}


def test_links_and_git_folders_are_never_written(repo: Repo, tmp_path: Path) -> None:
    (repo.folder / "link").symlink_to("/etc")
    repo.commit({"a": "1"})
    following = mirror(tmp_path)
    assert checked_out(following) == {"a": "1"}


def test_contents_are_what_was_committed_whatever_attributes_say(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"a.csv": "1\n", ".gitattributes": "*.csv text eol=crlf ident filter=evil\n"})
    assert checked_out(mirror(tmp_path))["a.csv"] == "1\n"


def test_a_git_bomb_is_refused_in_words(repo: Repo, tmp_path: Path) -> None:
    def make(*arguments: str, given: str) -> str:
        command = ["git", "-C", str(repo.folder), *arguments]
        return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout.strip()

    entry = "100644 blob " + make("hash-object", "-w", "--stdin", given="bang")
    for _ in range(10):
        tree = make("mktree", given="".join(f"{entry}\tf{number}\n" for number in range(10)))
        entry = f"040000 tree {tree}"
    commit = run_git(repo.folder, "commit-tree", tree, "-m", "bomb")
    run_git(repo.folder, "update-ref", "refs/heads/main", commit)
    following = mirror(tmp_path)
    following.prepare()
    with pytest.raises(DivebellError, match=f"more than {repository.MAX_FILES:,} files"):
        following.fetch(following.head())


def test_a_commit_that_unpacks_to_too_much_is_refused_before_anything_is_written(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "MAX_BYTES", 1000)
    repo.commit({f"data/{number}.csv": "0" * 400 for number in range(3)})
    following = mirror(tmp_path)
    with pytest.raises(DivebellError, match="is not loaded: it unpacks to more than"):
        checked_out(following)
    assert not following.state.checkout.exists()


def test_submodules_are_neither_fetched_nor_written(repo: Repo, tmp_path: Path) -> None:
    head = repo.commit({"a": "1", ".gitmodules": '[submodule "sub"]\n\tpath = sub\n\turl = file:///etc\n'})
    run_git(repo.folder, "update-index", "--add", "--cacheinfo", f"160000,{head},sub")
    run_git(repo.folder, "commit", "--quiet", "--message=Submodule")
    assert set(checked_out(mirror(tmp_path))) == {"a", ".gitmodules"}


def test_hooks_and_filters_of_the_repository_do_not_run(repo: Repo, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    repo.commit({"a.csv": "1\n", ".gitattributes": "*.csv filter=evil diff=evil merge=evil\n"})
    hooks = repo.folder / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-checkout", "reference-transaction", "post-merge", "pre-auto-gc", "fsmonitor-watchman"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {mark}\n")
        (hooks / name).chmod(0o755)
    for key in ("filter.evil.smudge", "filter.evil.clean", "core.fsmonitor", "diff.evil.textconv"):
        run_git(repo.folder, "config", key, f"touch {mark}")
    assert checked_out(mirror(tmp_path))["a.csv"] == "1\n"
    following = mirror(tmp_path)
    following.tidy()
    assert not mark.exists()


def test_a_pointer_of_git_lfs_stays_a_pointer(repo: Repo, tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    attributes = "*.csv filter=lfs diff=lfs merge=lfs -text\n"
    repo.write(".lfsconfig", "[lfs]\n\turl = http://127.0.0.1:9/\n")
    repo.commit({"a.csv": pointer, ".gitattributes": attributes})
    assert checked_out(mirror(tmp_path))["a.csv"] == pointer


def test_a_look_at_the_branch_writes_nothing(repo: Repo, tmp_path: Path) -> None:
    head = repo.commit({"data/a.csv": "1"})
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    for number, address in enumerate(("event", f"file://{repo.folder}")):
        scratch = tmp_path.parent / f"{tmp_path.name}-scratch-{number}"
        commit = mirror(tmp_path, address).look(scratch)
        assert (commit.id, [file.path for file in commit.files]) == (head, ["data/a.csv"])
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_a_remote_is_followed_like_a_folder(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"a": "1"})
    following = mirror(tmp_path, f"file://{repo.folder}")
    assert checked_out(following) == {"a": "1"}
    repo.commit({"a": "2"})
    assert checked_out(following) == {"a": "2"}


def test_another_transport_is_refused(tmp_path: Path) -> None:
    following = mirror(tmp_path, "ext::sh -c 'touch pwned'")
    following.prepare()
    with pytest.raises(DivebellError):
        following.head()
    assert not Path("pwned").exists()


def test_a_mirror_that_a_killed_git_left_broken_is_made_anew(repo: Repo, tmp_path: Path) -> None:
    following = mirror(tmp_path)
    repo.commit({"a": "1"})
    checked_out(following)
    (following.state.repository / "refs" / "heads" / "main.lock").write_text("")
    (following.state.repository / "shallow.lock").write_text("")
    repo.commit({"a": "2"})
    assert checked_out(following) == {"a": "2"}


def test_nothing_of_a_folder_on_this_machine_is_copied(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"data/a.csv": "a\n" * 10_000})
    following = mirror(tmp_path)
    assert set(checked_out(following)) == {"data/a.csv"}
    assert run_git(following.state.repository, "count-objects", "-v").startswith(
        "count: 0\nsize: 0\nin-pack: 0\n"
    )
    following.tidy()
    assert run_git(following.state.repository, "count-objects", "-v").startswith(
        "count: 0\nsize: 0\nin-pack: 0\n"
    )


def test_a_folder_that_was_made_anew_is_followed_as_it_is_now(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"data/a.csv": "old"})
    following = mirror(tmp_path)
    checked_out(following)
    shutil.rmtree(repo.folder / ".git")
    run_git(repo.folder, "init", "--quiet", "--initial-branch=main")
    repo.commit({"data/a.csv": "new"})
    assert checked_out(following) == {"data/a.csv": "new"}


def test_a_repository_that_belongs_to_somebody_else_can_be_read(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"a": "1"})
    if os.geteuid() == 0:
        for path in [repo.folder, *repo.folder.rglob("*")]:
            os.chown(path, 65534, 65534, follow_symlinks=False)
    assert checked_out(mirror(tmp_path)) == {"a": "1"}


def test_uncommitted_files_are_named(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"data/a.csv": "1", "data/b.csv": "1"})
    repo.write("data/b.csv", "2")
    repo.write("data/new one.csv", "3")
    repo.write("elsewhere.csv", "4")
    assert mirror(tmp_path).uncommitted("data") == ["data/b.csv", "data/new one.csv"]


@pytest.mark.root
def test_what_another_account_configured_for_its_repository_is_not_run(repo: Repo, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    repo.commit({"data/a.csv": "1", ".gitattributes": "*.csv filter=evil\n"})
    config = repo.folder / ".git" / "config"
    config.write_text(config.read_text() + f'[filter "evil"]\n\tclean = "touch {mark}; cat"\n')
    repo.write("data/a.csv", "2")
    for path in [repo.folder, *repo.folder.rglob("*")]:
        os.chown(path, 65534, 65534, follow_symlinks=False)
    assert mirror(tmp_path).uncommitted("data") == []
    checked_out(mirror(tmp_path))
    assert not mark.exists()
