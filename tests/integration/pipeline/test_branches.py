"""What volunteers share, as commits of branches in the mirror and in the event's repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from divebell.database import connect
from divebell.errors import DivebellError
from divebell.event import Event
from divebell.pipeline import branch_rows, branches
from divebell.pipeline import git as safe_git
from divebell.pipeline.branch_rescue import begun_again
from divebell.pipeline.branches import Place
from divebell.pipeline.git import DEPTH
from divebell.pipeline.repository import Repository
from divebell.pipeline.turns import MIRROR

from .conftest import Loading, git
from .loaders import loader, one, wait_for

WELLS = "id,depth\n1,10\n2,20\n"


@pytest.fixture
def share(loading: Loading) -> Callable[..., int]:
    """Give the function that shares a file as the web app does; it gives the work's id."""
    loading.connection.execute("TRUNCATE shared.work, branches.branch, branches.push CASCADE")

    def add(author: str, path: str, contents: bytes, title: str = "A finding") -> int:
        return int(
            one(
                loading.connection,
                "SELECT work FROM shared.add(%s, %s, %s, 'file', %s, '', %s)",
                author,
                path,
                "x" + re.sub("[^a-z0-9]", "-", path),
                title,
                contents,
            )
        )

    return add


def place(loading: Loading, **changes: Any) -> Place:
    document = loading.event.model_dump(mode="json", exclude_unset=True)
    document["data"] |= changes
    event = Event.model_validate(document)
    return Place(event, Repository.of(event, loading.state))


def in_mirror(loading: Loading, *arguments: str) -> str:
    return git(loading.state.repository, *arguments)


def versions(loading: Loading) -> list[tuple[Any, ...]]:
    return loading.rows("SELECT id, commit, pushed_at IS NOT NULL, problem FROM shared.version ORDER BY id")


def test_what_is_shared_is_committed_by_its_author_on_the_events_branch(
    loading: Loading, share: Callable[..., int]
) -> None:
    loading.load({"data/wells.csv": WELLS})
    share("ana", "wells.txt", b"dry\n", "Dry wells")
    share("ana", "deep/down.txt", b"deeper\n")
    branches.keep(loading.connection, place(loading))
    listed = in_mirror(loading, "ls-tree", "-r", "--name-only", "shared/ana").splitlines()
    assert listed == ["data/wells.csv", "shared/ana/deep/down.txt", "shared/ana/wells.txt"]
    assert in_mirror(loading, "log", "--format=%an|%ae|%cn|%s", "shared/ana").splitlines() == [
        "ana|ana@localhost|divebell|Share A finding",
        "ana|ana@localhost|divebell|Share Dry wells",
        "test@localhost|test@localhost|test@localhost|Change",
    ]
    assert [row[1] for row in versions(loading)] == in_mirror(
        loading, "rev-list", "--reverse", "main..shared/ana"
    ).splitlines()
    assert in_mirror(loading, "rev-parse", "main") == git(loading.repo.folder, "rev-parse", "main")


def test_taking_back_is_a_commit_that_removes_the_file_and_leaves_all_others(
    loading: Loading, share: Callable[..., int]
) -> None:
    loading.load({"data/wells.csv": WELLS})
    work = share("ana", "deep/down.txt", b"deeper\n")
    branches.keep(loading.connection, place(loading))
    loading.connection.execute("SELECT shared.take_back(%s, 'maria', true)", [work])
    branches.keep(loading.connection, place(loading))
    assert in_mirror(loading, "ls-tree", "-r", "--name-only", "shared/ana") == "data/wells.csv"
    assert in_mirror(loading, "log", "-1", "--format=%an %s", "shared/ana") == "maria Take back A finding"


@pytest.mark.parametrize("forgotten", ["the commit's row", "everything but the objects"])
def test_a_loader_killed_between_commit_and_row_makes_no_second_commit(
    loading: Loading, share: Callable[..., int], forgotten: str
) -> None:
    loading.load({"data/wells.csv": WELLS})
    share("ana", "wells.txt", b"dry\n")
    branches.keep(loading.connection, place(loading))
    [(_, commit, _, _)] = versions(loading)
    loading.connection.execute("UPDATE shared.version SET committed_at = NULL, commit = NULL")
    if forgotten != "the commit's row":
        in_mirror(loading, "update-ref", "-d", "refs/heads/shared/ana")
    branches.keep(loading.connection, place(loading))
    assert [row[1] for row in versions(loading)] == [commit]
    assert in_mirror(loading, "rev-list", "--count", "main..shared/ana") == "1"


def test_a_description_that_claims_a_later_version_keeps_nothing_on_the_branch(
    loading: Loading, share: Callable[..., int]
) -> None:
    loading.load({"data/wells.csv": WELLS})
    share("ana", "other.txt", b"other\n")
    number = int(one(loading.connection, "SELECT max(id) FROM shared.version"))
    words = f"Dry\n\nDivebell-Version: {number + 2}"
    add = "SELECT work FROM shared.add('ana', 'wells.txt', 'wells', 'file', 'Wells', %s, 'dry')"
    work = int(one(loading.connection, add, words))
    branches.keep(loading.connection, place(loading))
    one(loading.connection, "SELECT shared.take_back(%s, 'maria', true)", work)
    branches.keep(loading.connection, place(loading))
    listed = in_mirror(loading, "ls-tree", "-r", "--name-only", "shared/ana").splitlines()
    assert listed == ["data/wells.csv", "shared/ana/other.txt"]


def remote_of(loading: Loading) -> tuple[Path, str]:
    """Make a bare repository with the event's branch; give its folder and its address for a shallow mirror."""
    bare = loading.folder / "remote.git"
    shutil.rmtree(bare, ignore_errors=True)
    git(loading.folder, "clone", "--quiet", "--bare", str(loading.repo.folder), str(bare))
    return bare, f"file://{bare}"


def shallow(loading: Loading, monkeypatch: pytest.MonkeyPatch, address: str) -> Place:
    """Give the event with a remote that is cloned with its last commits alone, as over a network."""
    monkeypatch.setattr(safe_git, "source", lambda *_: safe_git.Source(address, None))
    return place(loading, push=True)


@dataclass(frozen=True)
class Afar:
    """An event whose repository is a remote: its bare folder, its address, and where the branches lie."""

    loading: Loading
    bare: Path
    address: str
    place: Place

    def keep(self) -> None:
        branches.keep(self.loading.connection, self.place)

    def push(self) -> None:
        branches.push(self.loading.connection, self.place)


@pytest.fixture
def afar(loading: Loading, share: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> Afar:
    """Give an event with a remote that was cloned shallowly; what ana has shared is committed."""
    loading.repo.commit({"data/wells.csv": WELLS})
    bare, address = remote_of(loading)
    found = Afar(loading, bare, address, shallow(loading, monkeypatch, address))
    loading.load()
    share("ana", "wells.txt", b"dry\n")
    found.keep()
    return found


def test_a_shallow_mirror_pushes_with_the_volunteer_as_author(
    loading: Loading, share: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for depth in range(DEPTH + 2):
        loading.repo.commit({"data/wells.csv": WELLS + f"3,{depth}\n"})
    bare, address = remote_of(loading)
    here = shallow(loading, monkeypatch, address)
    loading.load()
    assert in_mirror(loading, "rev-list", "--count", "main") == str(DEPTH)
    share("ana", "wells.txt", b"dry\n")
    branches.keep(loading.connection, here)
    branches.push(loading.connection, here)
    assert git(bare, "log", "-1", "--format=%an %ae", "shared/ana") == "ana ana@localhost"
    assert git(bare, "rev-list", "--count", "shared/ana") == str(DEPTH + 3)
    assert [(row[2], row[3]) for row in versions(loading)] == [(True, None)]
    # main moves on, is fetched and tidied: the branch stays on its base, and whole
    loading.repo.commit({"data/wells.csv": WELLS + "3,99\n"})
    git(loading.repo.folder, "push", "--quiet", address, "main")
    loading.load()
    here.repository.tidy()
    share("ana", "wells.txt", b"all dry\n")
    branches.keep(loading.connection, here)
    branches.push(loading.connection, here)
    assert git(bare, "rev-list", "--count", "shared/ana") == str(DEPTH + 4)
    assert git(bare, "show", "shared/ana:shared/ana/wells.txt") == "all dry"
    assert [(row[2], row[3]) for row in versions(loading)] == [(True, None)] * 2


def test_commits_that_others_made_to_the_branch_are_taken_in(
    loading: Loading, share: Callable[..., int], afar: Afar
) -> None:
    afar.push()
    work = loading.folder / "elsewhere"
    git(loading.folder, "clone", "--quiet", "--branch=shared/ana", str(afar.bare), str(work))
    (work / "notes.md").write_text("from home\n")
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message=From home")
    git(work, "push", "--quiet")
    share("ana", "wells.txt", b"wet\n")
    afar.keep()
    afar.push()
    assert git(afar.bare, "show", "shared/ana:notes.md") == "from home"
    assert git(afar.bare, "show", "shared/ana:shared/ana/wells.txt") == "wet"
    afar.keep()
    assert branch_rows.due(loading.connection) == []


def test_a_repository_that_is_away_is_told_in_words_and_tried_again(loading: Loading, afar: Afar) -> None:
    away = afar.bare.rename(afar.bare.with_name("away.git"))
    afar.push()
    [(_, commit, pushed, problem)] = versions(loading)
    assert commit
    assert not pushed
    assert problem.startswith("not pushed: ")
    assert branch_rows.due(loading.connection) == []  # not at once
    loading.connection.execute("UPDATE branches.branch SET again_at = now()")
    away.rename(afar.bare)
    afar.push()
    assert [(row[2], row[3]) for row in versions(loading)] == [(True, None)]


def test_a_mirror_that_is_begun_again_keeps_the_branches(loading: Loading, afar: Afar) -> None:
    before = in_mirror(loading, "rev-parse", "shared/ana")
    loading.repo.commit({"data/wells.csv": WELLS + "3,1\n"})
    git(loading.repo.folder, "push", "--quiet", afar.address, "main")
    (loading.state.repository / "shallow.lock").touch()  # a git that was killed left it
    loading.load()
    assert not (loading.state.repository / "broken").exists()
    assert in_mirror(loading, "rev-parse", "shared/ana") == before
    # and one that somebody deletes has them again as far as the database knows
    shutil.rmtree(loading.state.repository)
    loading.load()
    branches.keep(loading.connection, place(loading))
    branches.keep(loading.connection, place(loading))
    assert in_mirror(loading, "show", "shared/ana:shared/ana/wells.txt") == "dry"


def test_a_branch_that_cannot_be_brought_back_yet_is_not_given_up(loading: Loading, afar: Afar) -> None:
    mirror, work = loading.state.repository, loading.folder / "of-ana"
    git(loading.folder, "clone", "--quiet", "--branch=shared/ana", str(mirror), str(work))
    (work / "notes.md").write_text("nowhere else\n")
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message=Notes")
    git(work, "push", "--quiet")
    pushed = in_mirror(loading, "rev-parse", "shared/ana")
    lock = mirror / "refs" / "heads" / "shared" / "ana.lock"
    with begun_again(mirror, afar.place.repository.surroundings):
        afar.place.repository.prepare()
        lock.parent.mkdir(parents=True)
        lock.touch()  # somebody may hold it now
    loading.load()
    with pytest.raises(DivebellError, match=r"shared/ana cannot be brought back .* yet"):
        afar.keep()
    assert "shared/ana" not in in_mirror(loading, "branch", "--list").split()
    os.utime(lock, (1, 1))
    afar.keep()
    assert in_mirror(loading, "rev-parse", "shared/ana") == pushed
    assert not (mirror / "broken").exists()


def test_the_loader_commits_and_pushes_by_itself(loading: Loading, share: Callable[..., int]) -> None:
    loading.repo.commit({"data/wells.csv": WELLS})
    file = loading.folder / "event.yaml"
    before = file.read_text()
    file.write_text(before.replace("repository: repository", "repository: repository\n  push: true"))
    try:
        with loader(loading.folder):
            share("ana", "wells.txt", b"dry\n")
            wait_for(lambda: versions(loading)[0][2], "it is pushed")
    finally:
        file.write_text(before)
    assert git(loading.repo.folder, "show", "shared/ana:shared/ana/wells.txt") == "dry"


def test_main_waits_for_one_push_and_not_for_all_that_are_queued(
    loading: Loading, share: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    loading.load({"data/wells.csv": WELLS})
    for _ in range(20):
        one(loading.connection, "SELECT branches.ask('ana', '0000')")
    waiting = "SELECT count(*) FROM branches.push WHERE answer IS NULL"
    left: list[int] = []
    answer, first_answered, main_is_through = branch_rows.answer, threading.Event(), threading.Event()

    def answer_and_see(*given: Any) -> None:
        answer(*given)
        first_answered.set()
        main_is_through.wait(60)

    def wait_in_line() -> None:
        first_answered.wait(60)
        with connect(loading.state, "event_loader", autocommit=True) as connection, MIRROR:
            left.append(one(connection, waiting))
        main_is_through.set()

    monkeypatch.setattr(branch_rows, "answer", answer_and_see)
    main = threading.Thread(target=wait_in_line, daemon=True)
    main.start()
    branches.keep(loading.connection, place(loading))
    main.join(60)
    assert left == [19]


def test_a_lock_that_a_killed_git_left_is_opened(loading: Loading, share: Callable[..., int]) -> None:
    loading.load({"data/wells.csv": WELLS})
    lock = loading.state.repository / "refs" / "heads" / "shared" / "ana.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    share("ana", "wells.txt", b"dry\n")
    branches.keep(loading.connection, place(loading))
    assert "not committed" in versions(loading)[0][3]  # somebody may hold it now
    os.utime(lock, (1, 1))
    branches.keep(loading.connection, place(loading))
    assert versions(loading)[0][1]
    assert not lock.exists()


def test_odd_names_are_files_or_are_refused_in_words(loading: Loading, share: Callable[..., int]) -> None:
    loading.load({"data/wells.csv": WELLS, "shared": "a file of that name\n"})
    for number, path in enumerate(["../../up.txt", ".git/config", "a//b", "ok.txt"]):
        share(f"ana{number}", path, b"x\n")
    branches.keep(loading.connection, place(loading))
    told = [(bool(row[1]), row[3]) for row in versions(loading)]
    assert [commit for commit, _ in told] == [False, False, False, True]
    assert all("cannot be the name of a file" in problem for _, problem in told[:3])
    assert subprocess.run(["git", "-C", str(loading.state.repository), "fsck"], check=True)


def test_what_both_changed_is_told_in_words_and_kept_on_both_sides(
    loading: Loading, share: Callable[..., int], afar: Afar
) -> None:
    afar.push()
    work = loading.folder / "against"
    git(loading.folder, "clone", "--quiet", "--branch=shared/ana", str(afar.bare), str(work))
    (work / "shared" / "ana" / "wells.txt").write_text("full\n")
    git(work, "commit", "--quiet", "--all", "--message=Otherwise")
    git(work, "push", "--quiet")
    share("ana", "wells.txt", b"wet\n")
    afar.keep()
    afar.push()
    assert git(afar.bare, "show", "shared/ana:shared/ana/wells.txt") == "full"
    assert in_mirror(loading, "show", "shared/ana:shared/ana/wells.txt") == "wet"
    assert "change the same files" in versions(loading)[1][3]


def test_a_loader_killed_before_the_push_pushes_once_when_it_is_back(
    loading: Loading, share: Callable[..., int]
) -> None:
    loading.repo.commit({"data/wells.csv": WELLS})
    file = loading.folder / "event.yaml"
    before = file.read_text()
    file.write_text(before.replace("repository: repository", "repository: repository\n  push: true"))
    (loading.repo.folder / ".git" / "refs" / "heads" / "shared").write_text("in the way\n")
    try:
        with loader(loading.folder) as process:
            share("ana", "wells.txt", b"dry\n")
            wait_for(lambda: "not pushed" in (versions(loading)[0][3] or ""), "the push fails")
            process.kill()
        (loading.repo.folder / ".git" / "refs" / "heads" / "shared").unlink()
        loading.connection.execute("UPDATE branches.branch SET again_at = now()")
        with loader(loading.folder):
            wait_for(lambda: versions(loading)[0][2], "it is pushed")
    finally:
        file.write_text(before)
    assert git(loading.repo.folder, "rev-list", "--count", "main..shared/ana") == "1"
    assert [row[1] for row in versions(loading)] == [git(loading.repo.folder, "rev-parse", "shared/ana")]


def history(loading: Loading, name: str) -> list[str]:
    form = "--format=%an %ad %s: %H"
    return in_mirror(
        loading, "log", "--reverse", "--date=iso-strict", form, f"main..shared/{name}"
    ).splitlines()


def test_a_deleted_mirror_is_made_again_with_the_history_of_all_that_was_shared(
    loading: Loading, share: Callable[..., int]
) -> None:
    loading.load({"data/wells.csv": WELLS})
    share("ana", "wells.txt", b"dry\n", "Dry wells")
    share("ana", "wells.txt", b"drier\n", "Drier wells")
    share("bea", "only.txt", b"one\n", "Only one")
    gone = share("ana", "gone.txt", b"gone\n", "Soon gone")
    branches.keep(loading.connection, place(loading))
    before = {name: history(loading, name) for name in ("ana", "bea")}
    assert [len(lines) for lines in before.values()] == [3, 1]
    shutil.rmtree(loading.state.repository)
    loading.load()
    for _ in range(2):
        branches.keep(loading.connection, place(loading))
    assert {name: history(loading, name) for name in ("ana", "bea")} == before
    assert in_mirror(loading, "show", "shared/ana~2:shared/ana/wells.txt") == "dry"
    assert in_mirror(loading, "show", "shared/ana:shared/ana/wells.txt") == "drier"
    # what was taken back stays so, and no version is committed twice
    loading.connection.execute("SELECT shared.take_back(%s, 'maria', true)", [gone])
    branches.keep(loading.connection, place(loading))
    shutil.rmtree(loading.state.repository)
    loading.load()
    for _ in range(3):
        branches.keep(loading.connection, place(loading))
    files = in_mirror(loading, "ls-tree", "-r", "--name-only", "shared/ana").splitlines()
    assert files == ["data/wells.csv", "shared/ana/wells.txt"]
    subjects = [line.rpartition(":")[0].split(maxsplit=2)[2] for line in history(loading, "ana")]
    assert subjects == ["Share Dry wells", "Share Drier wells"]  # nothing is there to be taken back
    assert [row for row in versions(loading) if row[3]] == []


def test_what_a_killed_git_left_of_a_push_is_removed(loading: Loading, share: Callable[..., int]) -> None:
    loading.load({"data/wells.csv": WELLS})
    left = loading.state.repository / "objects" / "tmp_objdir-incoming-x7Gh2k" / "pack"
    left.mkdir(parents=True)
    (left / "tmp_pack_1").write_bytes(b"x" * 1000)
    share("ana", "wells.txt", b"dry\n")
    branches.keep(loading.connection, place(loading))
    assert not left.parent.exists()
    assert versions(loading)[0][1]
