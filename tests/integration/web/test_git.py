"""The event's own git address: a real git client against the web app and the loader's branches, over HTTP.

The mirror is shallow, as one over a network is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from divebell.credentials import hash_of, new_token
from divebell.database import admin, connect
from divebell.pipeline import branches
from divebell.pipeline import git as safe_git
from divebell.pipeline.branch_commands import LARGEST_PUSH, MOST_OF_ONE
from divebell.pipeline.repository import Repository
from divebell.pipeline.turns import MIRROR
from divebell.remote import packets, pushes
from live import until
from signed_in import Site

ADDRESS = "git/event.git"
ZERO = "0" * 40


@dataclass(frozen=True)
class Person:
    """Somebody with git and a token."""

    name: str
    token: str
    folder: Path
    url: str

    def git(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        helper = f"!f() {{ echo username={self.name}; echo password={self.token}; }}; f"
        options = {"user.name": self.name, "user.email": f"{self.name}@example.org"}
        options |= {"credential.helper": helper, "init.defaultBranch": "main", "advice.diverging": "false"}
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        env = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(self.folder.parent)}
        env |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
        return subprocess.run(
            ["git", *words, *arguments],
            cwd=self.folder if self.folder.exists() else self.folder.parent,
            env=env,
            capture_output=True,
            text=True,
            check=check,
            timeout=280,
        )

    def clone(self) -> Person:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.git("clone", "--quiet", self.url, str(self.folder))
        return self

    def commit(self, file: str, contents: bytes | str) -> str:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
        self.git("add", "--all")
        self.git("commit", "--quiet", f"--message=Add {file}")
        return self.git("rev-parse", "HEAD").stdout.strip()

    def push(self, refspec: str, *options: str) -> subprocess.CompletedProcess[str]:
        return self.git("push", *options, "origin", refspec, check=False)


class Event:
    """The event's repository at a remote, and its mirror."""

    def __init__(self, cluster: Any, site: Site) -> None:
        self.cluster, self.site = cluster, site
        self.main = cluster.folder / "their-clone"
        self.remote = cluster.folder / "their-remote.git"
        self.repository = Repository(safe_git.Source(f"file://{self.remote}", None), "main", cluster.state)

    def begin(self) -> None:
        for folder in (self.main, self.remote, self.cluster.state.repository):
            shutil.rmtree(folder, ignore_errors=True)
        with admin(
            self.cluster.state, autocommit=True
        ) as database:  # the loader would commit what others shared
            database.execute("TRUNCATE shared.work CASCADE")
        self.ours(
            "init", "--quiet", "--bare", "--initial-branch=main", str(self.remote), at=self.remote.parent
        )
        self.ours("clone", "--quiet", str(self.remote), str(self.main), at=self.remote.parent)
        self.ours("checkout", "--quiet", "-b", "main")
        for number in range(safe_git.DEPTH + 3):
            self.measure(number)
        self.move_main(2)

    def measure(self, number: int, *options: str) -> None:
        (self.main / "data").mkdir(exist_ok=True)
        (self.main / "data" / "wells.csv").write_text(f"id,depth\n1,{number}\n")
        self.ours("add", "--all")
        self.ours("commit", "--quiet", f"--message=Measure {number}", *options)

    def move_main(self, number: int, *options: str) -> None:
        self.measure(number, *options)
        self.ours("push", "--quiet", "--force", "origin", "main")
        self.repository.prepare()
        self.repository.fetch(self.repository.head())

    def ours(self, *arguments: str, at: Path | None = None) -> str:
        env = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
        env |= {f"GIT_{who}_{what}": "m@x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(
            ["git", *arguments], cwd=at or self.main, env=env, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def mirror(self, *arguments: str) -> str:
        return self.ours(*arguments, at=self.cluster.state.repository)

    def person(self, name: str, folder: Path) -> Person:
        token = new_token()
        with connect(self.cluster.state, "event_loader") as connection:
            connection.execute("DELETE FROM tokens.token WHERE name = %s", [name])
            connection.execute("CALL tokens.add(%s, 'git', %s)", [name, hash_of(token)])
        return Person(name, token, folder / name, f"{self.site.address}/services/event/{ADDRESS}")


@pytest.fixture(scope="module")
def event(cluster: Any, site: Site) -> Iterator[Event]:
    """Give the event; the loader's two threads that keep branches run."""
    running = Event(cluster, site)
    running.begin()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(safe_git, "source", lambda *_: running.repository.source)
        with branches.beside(cluster.state):
            yield running
    shutil.rmtree(cluster.state.repository)


@pytest.fixture
def ana(event: Event, tmp_path: Path) -> Person:
    """Give ana, who has cloned."""
    return event.person("ana", tmp_path).clone()


def test_who_may_sign_in_clones_main_and_pushes_to_a_branch_of_ones_own(event: Event, ana: Person) -> None:
    assert (ana.folder / "data" / "wells.csv").read_text() == "id,depth\n1,2\n"
    first = ana.commit("notes/one.md", "dry\n")
    done = ana.push("HEAD:shared/ana")
    assert done.returncode == 0, done.stderr
    assert event.mirror("rev-parse", "shared/ana") == first
    second = ana.commit("notes/two.md", "wet\n")
    assert ana.push("HEAD:shared/ana").returncode == 0
    ben = event.person("ben", ana.folder.parent).clone()
    assert ben.git("rev-parse", "origin/shared/ana").stdout.strip() == second
    assert ben.git("log", "-1", "--format=%an", "origin/shared/ana").stdout.strip() == "ana"


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_each_protocol_of_git_fetches(event: Event, ana: Person, version: str) -> None:
    other = ana.folder.with_name(f"other-{version}")
    ana.git("-c", f"protocol.version={version}", "clone", "--quiet", "--depth=1", ana.url, str(other))
    assert (other / "data" / "wells.csv").exists()


@pytest.mark.parametrize(
    "refspec",
    [
        "HEAD:main",
        "HEAD:shared/ben",
        "HEAD:shared/ana/more",
        "HEAD:refs/tags/v1",
        "HEAD:refs/heads/shared/Ana",
        "HEAD:refs/divebell/theirs/ana",
        "HEAD:refs/heads/main ",
    ],
)
def test_a_push_to_anything_else_is_refused_in_words(event: Event, ana: Person, refspec: str) -> None:
    before = event.mirror("for-each-ref")
    ana.commit("x.md", refspec)
    done = ana.push(refspec)
    assert done.returncode != 0
    if not refspec.endswith(" "):  # git itself refuses that one
        assert "yours is shared/ana" in done.stderr
    assert event.mirror("for-each-ref") == before


def test_history_is_neither_rewritten_nor_deleted(event: Event, ana: Person) -> None:
    ana.commit("kept.md", "kept\n")
    ana.push("HEAD:shared/ana", "--force")
    ana.git("fetch", "--quiet")
    ana.git("reset", "--quiet", "--hard", "origin/shared/ana")
    kept = ana.commit("kept-too.md", "kept\n")
    assert ana.push("HEAD:shared/ana").returncode == 0
    ana.git("reset", "--quiet", "--hard", "HEAD~1")
    ana.commit("other.md", "other\n")
    for options in ((), ("--force",)):
        done = ana.push("HEAD:shared/ana", *options)
        assert done.returncode != 0
        assert "non-fast-forward" in done.stderr or "rejected" in done.stderr
    done = ana.push(":shared/ana")
    assert "branches stay" in done.stderr
    assert event.mirror("rev-parse", "shared/ana") == kept


def test_a_push_that_is_too_large_is_refused_and_leaves_nothing(event: Event, tmp_path: Path) -> None:
    max_ = event.person("max", tmp_path).clone()
    before = event.mirror("count-objects", "-v")
    max_.commit("huge.bin", os.urandom(LARGEST_PUSH + 1_000_000))
    done = max_.push("HEAD:shared/max")
    assert done.returncode != 0
    assert "a push is at most 32 MB" in done.stderr
    assert event.mirror("count-objects", "-v") == before


def test_one_just_below_the_limit_is_taken(event: Event, tmp_path: Path) -> None:
    cleo = event.person("cleo", tmp_path).clone()
    for number in range(4):
        cleo.commit(f"large-{number}.bin", os.urandom(LARGEST_PUSH // 4 - 250_000))
    done = cleo.push("HEAD:shared/cleo")
    assert done.returncode == 0, done.stderr


def test_a_large_file_and_a_credential_are_refused_wherever_in_the_history(
    event: Event, tmp_path: Path
) -> None:
    lea = event.person("lea", tmp_path).clone()
    lea.commit("all.bin", os.urandom(11 * 1024**2))
    lea.git("rm", "--quiet", "all.bin")
    lea.commit("notes.md", "gone again\n")
    done = lea.push("HEAD:shared/lea")
    assert done.returncode != 0
    assert "all.bin is larger than 10 MB" in done.stderr
    lea.git("reset", "--quiet", "--hard", "origin/main")
    key = "AKIA" + "Q3EXAMPLEKEYABCD"
    lea.commit("café/query.py", f"key = '{key}'\n")
    done = lea.push("HEAD:shared/lea")
    assert done.returncode != 0
    assert "café/query.py" in done.stderr
    assert "an access key of AWS" in done.stderr
    assert key not in done.stderr
    assert "shared/lea" not in event.mirror("for-each-ref")


def test_what_git_hosts_run_is_refused_also_where_its_contents_came_before(
    event: Event, tmp_path: Path
) -> None:
    mia = event.person("mia", tmp_path).clone()
    mia.commit("notes.yml", "on: push\n")
    done = mia.push("HEAD:shared/mia")
    assert done.returncode == 0, done.stderr
    mia.commit(".github/workflows/mine.yml", "on: push\n")
    done = mia.push("HEAD:shared/mia")
    assert done.returncode != 0
    assert ".github/workflows/mine.yml is run by git hosts" in done.stderr
    mia.git("reset", "--quiet", "--hard", "HEAD~1")
    mia.git("checkout", "--quiet", "--orphan", "apart")
    mia.commit(".gitlab-ci.yml", "on: push\n")
    done = mia.push("HEAD:shared/mia", "--force")
    assert ".gitlab-ci.yml is run by git hosts" in done.stderr


def test_what_organisers_let_git_hosts_run_on_a_branch_keeps_its_owner_from_nothing(
    event: Event, tmp_path: Path
) -> None:
    tess = event.person("tess", tmp_path).clone()
    theirs = tess.commit(".github/workflows/theirs.yml", "on: push\n")
    event.mirror("fetch", "--quiet", str(tess.folder), f"{theirs}:refs/heads/shared/tess")
    tess.commit("mine.md", "mine\n")
    done = tess.push("HEAD:shared/tess")
    assert done.returncode == 0, done.stderr
    tess.commit(".github/workflows/theirs.yml", "on: [push, fork]\n")
    assert "is run by git hosts" in tess.push("HEAD:shared/tess").stderr


def test_what_unpacks_to_far_more_than_was_sent_is_refused(event: Event, tmp_path: Path) -> None:
    pia = event.person("pia", tmp_path).clone()
    for number in range(21):
        (pia.folder / f"{number}.txt").write_bytes(bytes([65 + number]) * 10 * 1024**2)
    pia.commit("last.txt", "the last\n")
    done = pia.push("HEAD:shared/pia")
    assert done.returncode != 0
    assert "this unpacks to more than 200 MB" in done.stderr
    assert "shared/pia" not in event.mirror("for-each-ref")


def test_a_branch_without_a_commit_of_ones_own_is_taken(event: Event, tmp_path: Path) -> None:
    zoe = event.person("zoe", tmp_path).clone()
    done = zoe.push("origin/main:refs/heads/shared/zoe")
    assert done.returncode == 0, done.stderr
    assert event.mirror("rev-parse", "shared/zoe") == event.mirror("rev-parse", "main")


def test_what_git_finds_unsound_is_refused(event: Event, tmp_path: Path) -> None:
    dan = event.person("dan", tmp_path).clone()
    tree = dan.git("rev-parse", "HEAD^{tree}").stdout.strip()
    bad = dan.folder / "bad"
    bad.write_bytes(b"100644 .git\0" + bytes.fromhex(dan.git("hash-object", "-w", "data/wells.csv").stdout))
    crooked = dan.git("hash-object", "-w", "-t", "tree", "--literally", str(bad)).stdout.strip()
    assert crooked != tree
    commit = dan.git("commit-tree", crooked, "-p", "HEAD", "-m", "crooked").stdout.strip()
    done = dan.push(f"{commit}:refs/heads/shared/dan")
    assert done.returncode != 0
    assert "fsck error" in done.stderr or "hasDotgit" in done.stderr
    assert "shared/dan" not in event.mirror("for-each-ref")


def test_two_who_push_at_once_both_succeed_and_one_person_loses_nothing(event: Event, tmp_path: Path) -> None:
    people = [event.person(name, tmp_path / name) for name in ("eve", "fay")]
    for person in people:
        person.folder.parent.mkdir()
        person.clone()
    twice = [Person("eve", people[0].token, tmp_path / "twice" / "eve", people[0].url)]
    twice[0].folder.parent.mkdir()
    twice[0].clone()
    pushing = [*people, *twice]
    commits = [person.commit(f"{number}.md", "x\n") for number, person in enumerate(pushing)]
    done: dict[int, subprocess.CompletedProcess[str]] = {}

    def push(number: int) -> None:
        done[number] = pushing[number].push(f"HEAD:shared/{pushing[number].name}")

    threads = [threading.Thread(target=push, args=(number,)) for number in range(len(pushing))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done[1].returncode == 0, done[1].stderr
    assert sorted((done[0].returncode == 0, done[2].returncode == 0)) == [False, True]
    winner = 0 if done[0].returncode == 0 else 2
    assert event.mirror("rev-parse", "shared/eve") == commits[winner]
    loser = pushing[2 - winner]
    loser.git("pull", "--quiet", "--rebase", "origin", "shared/eve")
    assert loser.push("HEAD:shared/eve").returncode == 0


def test_a_clone_from_before_main_moved_still_pushes_and_follows(event: Event, tmp_path: Path) -> None:
    gus = event.person("gus", tmp_path).clone()
    event.ours("checkout", "--quiet", "-b", "topic", "HEAD~5")  # and with a merge of what began long before
    (event.main / "data" / "sites.csv").write_text("id\n1\n")
    event.ours("add", "--all")
    event.ours("commit", "--quiet", "--message=Sites")
    event.ours("checkout", "--quiet", "main")
    event.move_main(11)
    event.ours("merge", "--quiet", "--no-edit", "topic")
    event.move_main(12)
    event.repository.tidy()
    commit = gus.commit("late.md", "late\n")
    done = gus.push("HEAD:shared/gus")
    assert done.returncode == 0, done.stderr
    event.move_main(13)
    event.repository.tidy()
    assert event.mirror("rev-parse", "shared/gus") == commit
    event.mirror("fsck", "--connectivity-only")
    hal = event.person("hal", tmp_path).clone()
    assert hal.git("show", "origin/shared/gus:late.md").stdout == "late\n"
    gus.git("fetch", "--quiet")
    assert gus.git("show", "origin/main:data/wells.csv").stdout == "id,depth\n1,13\n"
    gus.git("merge", "--quiet", "--no-edit", "origin/main")
    assert gus.push("HEAD:shared/gus").returncode == 0


def test_a_clone_from_before_main_was_rewritten_still_pushes(event: Event, tmp_path: Path) -> None:
    joe = event.person("joe", tmp_path).clone()
    event.ours("checkout", "--quiet", "--orphan", "anew")
    event.ours("branch", "--quiet", "--delete", "--force", "main")
    event.ours("branch", "--quiet", "--move", "main")
    event.move_main(20)
    event.repository.tidy()
    commit = joe.commit("late.md", "late\n")
    done = joe.push("HEAD:shared/joe")
    assert done.returncode == 0, done.stderr
    event.repository.tidy()
    assert event.mirror("rev-parse", "shared/joe") == commit
    event.mirror("fsck", "--connectivity-only")
    event.person("kim", tmp_path).clone()


def test_what_is_shared_and_what_is_pushed_meet_on_one_branch(event: Event, tmp_path: Path) -> None:
    ida = event.person("ida", tmp_path).clone()
    with connect(event.cluster.state, "event_loader", autocommit=True) as connection:
        connection.execute("SELECT shared.add('ida', 'm.md', 'm', 'file', 'M', '', 'shared')")
        until(
            lambda: connection.execute("SELECT 1 FROM branches.branch WHERE name = 'ida'").fetchone(),
            "commit",
        )
        ida.commit("own.md", "own\n")
        assert ida.push("HEAD:shared/ida").returncode != 0
        ida.git("fetch", "--quiet")
        ida.git("rebase", "--quiet", "origin/shared/ida")
        assert ida.push("HEAD:shared/ida").returncode == 0
        connection.execute("SELECT shared.add('ida', 'n.md', 'n', 'file', 'N', '', 'more')")
        until(lambda: event.mirror("log", "-1", "--format=%s", "shared/ida") == "Share N", "second commit")
    listed = event.mirror("diff", "--name-only", "main", "shared/ida").split()
    assert listed == ["own.md", "shared/ida/m.md", "shared/ida/n.md"]


def test_while_the_loader_is_away_a_push_is_refused_in_words_and_nothing_waits(
    event: Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushes, "ANSWERED_SECONDS", 1)
    nia = event.person("nia", tmp_path).clone()
    nia.commit("n.md", "n\n")
    with MIRROR:
        done = nia.push("HEAD:shared/nia")
        assert "its loader is starting again; push again in a moment" in done.stderr
    monkeypatch.undo()
    assert nia.push("HEAD:shared/nia").returncode == 0
    with connect(event.cluster.state, "event_loader") as connection:
        assert connection.execute("SELECT count(*) FROM branches.push").fetchone() == (0,)


def test_a_branch_that_has_not_arrived_yet_is_not_cloned_as_an_empty_one(
    event: Event, tmp_path: Path
) -> None:
    kept = event.cluster.state.repository.with_name("kept.git")
    oli = event.person("oli", tmp_path)
    with MIRROR:
        event.cluster.state.repository.rename(kept)
        try:
            event.repository.prepare()
            done = oli.git("clone", oli.url, str(oli.folder), check=False)
        finally:
            shutil.rmtree(event.cluster.state.repository)
            kept.rename(event.cluster.state.repository)
    assert done.returncode != 0
    assert "503" in done.stderr
    assert not oli.folder.exists()


def test_without_a_token_nothing_is_told(event: Event, tmp_path: Path) -> None:
    stranger = Person(
        "ana", "divebell_wrong", tmp_path / "stranger", f"{event.site.address}/services/event/{ADDRESS}"
    )
    done = stranger.git("clone", stranger.url, str(stranger.folder), check=False)
    assert done.returncode != 0
    with event.site.client("ana") as browser:  # a cookie is no token
        answer = browser.get(f"{ADDRESS}/info/refs?service=git-upload-pack")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic")
        assert browser.post(f"{ADDRESS}/git-receive-pack", content=b"0000").status_code == 401


@pytest.mark.parametrize(
    "request_body",
    [
        b"",
        b"zzzz",
        b"ffff" + b"x" * 10,
        b"0001",
        b"0008abcd0000",
        packets.packet(b"push-cert\0report-status\n") + packets.FLUSH,
        packets.packet(f"{ZERO} {ZERO} refs/heads/../../x\0report-status".encode()) + packets.FLUSH,
        packets.packet(f"{ZERO} {'1' * 40} refs/heads/shared/ben\0report-status".encode()) + packets.FLUSH,
        packets.packet(f"{ZERO} {'1' * 40} refs/heads/shared/ana\0report-status".encode()) + packets.FLUSH,
        packets.packet(f"{ZERO} {'1' * 40} refs/heads/shared/ana\n--all".encode()) + packets.FLUSH + b"PACK",
    ],
)
def test_made_up_requests_change_nothing(event: Event, ana: Person, request_body: bytes) -> None:
    before = event.mirror("for-each-ref")
    with event.site.client() as program:
        answer = program.post(
            f"{ADDRESS}/git-receive-pack",
            content=request_body,
            auth=("ana", ana.token),
            headers={"Content-Type": "application/x-git-receive-pack-request"},
        )
        assert answer.status_code in {200, 400}
        assert b"ok refs" not in answer.content
        asked = program.post(
            f"{ADDRESS}/git-upload-pack",
            content=request_body,
            auth=("ana", ana.token),
            headers={"Content-Type": "application/x-git-upload-pack-request"},
        )
        assert asked.status_code == 200
        assert program.post(f"{ADDRESS}/git-receive-pack", auth=("ana", ana.token)).status_code == 415
    assert event.mirror("for-each-ref") == before


def test_other_files_of_the_repository_are_not_served(event: Event, ana: Person) -> None:
    with event.site.client() as program:
        for path in (
            "HEAD",
            "config",
            "objects/info/packs",
            "info/refs",
            "../event.yaml",
            "info/refs?service=x",
        ):
            answer = program.get(f"{ADDRESS}/{path}", auth=("ana", ana.token))
            assert answer.status_code in {403, 404}, path


def received(event: Event, name: str) -> int:
    with connect(event.cluster.state, "event_loader") as connection:
        row = connection.execute("SELECT bytes FROM branches.received WHERE name = %s", [name]).fetchone()
    return int(row[0]) if row else 0


def kept_apart(event: Event) -> list[Path]:
    return list((event.cluster.state.repository / "objects").glob("*incoming*"))


def test_all_pushes_of_one_person_together_have_a_limit_and_what_is_refused_leaves_nothing(
    event: Event, tmp_path: Path
) -> None:
    pia, quirin = (event.person(name, tmp_path).clone() for name in ("pia", "quirin"))
    size = 1_000_000
    kept = pia.commit("one.bin", os.urandom(size))
    assert pia.push("HEAD:shared/pia").returncode == 0
    assert size < received(event, "pia") < 1.1 * size
    with connect(event.cluster.state, "event_loader") as connection:  # as after many more of these
        connection.execute(
            "UPDATE branches.received SET bytes = %s WHERE name = 'pia'", [MOST_OF_ONE - 1.5 * size]
        )
    before = event.mirror("count-objects", "-v")
    pia.commit("two.bin", os.urandom(2 * size))
    done = pia.push("HEAD:shared/pia")
    assert done.returncode != 0
    assert "all your pushes together may take 256 MB" in done.stderr
    assert event.mirror("rev-parse", "shared/pia") == kept
    assert event.mirror("count-objects", "-v") == before
    assert kept_apart(event) == []
    pia.git("reset", "--quiet", "--hard", "HEAD~1")
    pia.commit("small.md", "still has room\n")
    assert pia.push("HEAD:shared/pia").returncode == 0
    quirin.commit("one.bin", os.urandom(2 * size))
    assert quirin.push("HEAD:shared/quirin").returncode == 0


def test_a_push_that_is_refused_costs_its_author_nothing(event: Event, tmp_path: Path) -> None:
    rolf = event.person("rolf", tmp_path).clone()
    rolf.commit(".gitlab-ci.yml", "run: it\n")
    assert rolf.push("HEAD:shared/rolf").returncode != 0
    assert received(event, "rolf") == 0
    assert kept_apart(event) == []


def test_a_push_of_which_git_dies_leaves_nothing(
    event: Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sina = event.person("sina", tmp_path).clone()
    sina.commit("one.bin", os.urandom(500_000))

    def hanging(mirror: Path) -> Path:
        folder = tmp_path / "hooks"
        folder.mkdir(exist_ok=True)
        (folder / "pre-receive").write_text("#!/bin/sh\nkill -9 $PPID\n")
        (folder / "pre-receive").chmod(0o755)
        return folder

    monkeypatch.setattr(branches.received, "hook", hanging)
    done = sina.push("HEAD:shared/sina")
    assert done.returncode != 0
    assert "git could not take this in" in done.stderr
    assert received(event, "sina") == 0
    assert kept_apart(event) == []
    monkeypatch.undo()
    assert sina.push("HEAD:shared/sina").returncode == 0
