"""From a push to the tables: a loader follows a real remote, told by hooks, and everything that can go wrong does."""

from __future__ import annotations

import hashlib
import hmac
import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from divebell.database import admin, catalogue, connect, prepare
from divebell.event.secrets import load_secrets, save_secrets
from git_host import TOKEN, Clone, HttpsHost, https_host
from git_host import git as run_git
from signed_in import Site, serving

from .loaders import loader, one, wait_for

LOADS = "SELECT count(*) FROM following.pass WHERE commit = %s"
A, B = "id,depth\n1,10\n", "id,depth\n1,10\n2,20\n"


@dataclass
class Push:
    """One event that follows a remote, and the people who push to it."""

    folder: Any
    clone: Clone
    host: HttpsHost
    site: Site
    connection: psycopg.Connection[Any]

    def tables(self) -> dict[str, int]:
        return {entry.table_name: entry.rows for entry in catalogue.listing(self.connection).datasets}

    def hook(self, **more: object) -> httpx.Response:
        """Tell the event as GitHub does."""
        body = json.dumps({"ref": "refs/heads/main", "pushed_at": uuid4().hex, **more}).encode()
        secret = load_secrets(self.folder.state).webhook_secret
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Delivery": str(uuid4())}
        with self.site.client() as client:
            return client.post("hook", content=body, headers=headers)

    def state(self, commit: str) -> dict[str, Any]:
        """Ask what became of a commit."""
        with self.site.client("ana") as client:
            answer: dict[str, Any] = client.get(f"api/commits/{commit}").json()
            return answer

    def became(self, commit: str, state: str) -> dict[str, Any]:
        """Wait until a commit is in a state."""
        wait_for(lambda: self.state(commit)["state"] == state, f"{state}: {self.state(commit)}")
        return self.state(commit)

    def waiting(self) -> int:
        return int(one(self.connection, "SELECT count(*) FROM following.hint WHERE looked_at IS NULL"))


def follow(folder: Any, address: str) -> None:
    """Let an event follow the remote, with the token."""
    text = (folder.folder / "event.yaml").read_text()
    lines = [f"  repository: {address}" if "repository:" in line else line for line in text.splitlines()]
    (folder.folder / "event.yaml").write_text("\n".join(lines) + "\n")
    known = load_secrets(folder.state)
    save_secrets(replace(known, repository_token=TOKEN), folder.state)


@pytest.fixture
def push(empty_cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Push]:
    clone = Clone.make(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    before = (empty_cluster.folder / "event.yaml").read_text()
    with (
        https_host(tmp_path, clone.bare) as host,
        serving(empty_cluster) as site,
        connect(empty_cluster.state, "event_loader", autocommit=True) as connection,
    ):
        host.trusted_by(tmp_path)
        connection.execute("TRUNCATE following.hint, following.pass")
        connection.execute("UPDATE following.branch SET looked_at = NULL, head = NULL")
        follow(empty_cluster, host.address)
        yield Push(empty_cluster, clone, host, site, connection)
    (empty_cluster.folder / "event.yaml").write_text(before)


def today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())


def log(push: Push) -> str:
    return str((push.folder.folder / "loader.log").read_text())


def test_a_push_of_which_the_hook_tells_is_loaded_and_its_commit_says_so(push: Push) -> None:
    first = push.clone.push({"data/a.csv": A, "data/b.csv": A})
    with loader(push.folder.folder):
        push.became(first, "loaded")
        second = push.clone.commit({"data/b.csv": B})
        assert push.state(second)["state"] == "unknown"
        push.clone.push()
        assert (
            push.hook(after="0" * 40, repository={"clone_url": "https://elsewhere.example/"}).status_code
            == 202
        )
        told = push.became(second, "loaded")
        wait_for(lambda: push.waiting() == 0, "the hint is done with")
    assert push.tables() == {"a": 1, "b": 2}
    assert [(each["file"], each["rows"], each["changed"]) for each in told["datasets"]] == [
        ("data/a.csv", 1, False),
        ("data/b.csv", 2, True),
    ]
    assert (told["branch"]["head"], told["loaded"]) == (second, second)
    before = push.state(first)
    assert [(each["file"], each["rows"], each["changed"]) for each in before["datasets"]] == [
        ("data/a.csv", 1, True),
        ("data/b.csv", 1, True),
    ]


def test_a_push_of_which_nobody_tells_is_loaded_too(push: Push) -> None:
    with loader(push.folder.folder):
        push.became(push.clone.push({"data/a.csv": A}), "loaded")
        push.became(push.clone.push({"data/a.csv": B}), "loaded")
    assert push.tables() == {"a": 2}


def test_many_hooks_at_once_are_one_look_or_a_few(push: Push) -> None:
    push.clone.push({"data/a.csv": A})
    with loader(push.folder.folder):
        wait_for(lambda: push.tables() == {"a": 1}, "the first load")
        push.host.requests.clear()
        commit = push.clone.push({"data/a.csv": B})
        assert {push.hook().status_code for _ in range(60)} == {202}
        push.became(commit, "loaded")
        wait_for(lambda: push.waiting() == 0, "every hint is done with")
    looks = [path for path, sent in push.host.requests if sent and "info/refs" in path]
    assert 1 <= len(looks) < 60


def test_a_hint_of_which_the_loader_dies_is_looked_at_by_the_next(push: Push) -> None:
    push.clone.push({"data/a.csv": A})
    with loader(push.folder.folder) as first:
        wait_for(lambda: push.tables() == {"a": 1}, "the first load")
        big = "id,name\n" + "".join(f"{row},well number {row}\n" for row in range(300_000))
        slow = push.clone.push({"data/big.csv": big})
        push.hook()
        wait_for(lambda: one(push.connection, LOADS, slow), "it loads", pause=0.001)
        first.send_signal(signal.SIGSTOP)
        last = push.clone.push({"data/a.csv": B})
        assert push.hook().status_code == 202
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert push.waiting() >= 1
    with loader(push.folder.folder):
        told = push.became(last, "loaded")
        wait_for(lambda: push.waiting() == 0, "the hints are done with")
    assert push.tables() == {"a": 2, "big": 300_000}
    assert {each["file"] for each in told["datasets"]} == {"data/a.csv", "data/big.csv"}
    assert push.state(slow)["state"] in {"unknown", "loaded"}, "a later push may have overtaken it"


def test_while_the_remote_is_broken_the_data_stay_and_their_age_and_the_reason_are_told(push: Push) -> None:
    day = today()
    first = push.clone.push({"data/a.csv": A})
    with loader(push.folder.folder):
        push.became(first, "loaded")
        wait_for(lambda: catalogue.loader(push.connection).activity == "waiting", "waiting")
        push.host.status = 500
        second = push.clone.push({"data/a.csv": B})
        push.hook()
        wait_for(lambda: catalogue.loader(push.connection).activity == "failing", "failing")
        said, days = catalogue.loader(push.connection).detail, {today(), day}
        assert "500" in said
        assert f"everyone keeps the data of commit {first[:10]}" in said
        assert any(f"last one at {each}" in said for each in days)
        assert push.tables() == {"a": 1}
        assert push.state(second)["state"] == "waiting"
        push.host.status = None
        push.hook()
        push.became(second, "loaded")
        wait_for(lambda: catalogue.loader(push.connection).activity == "waiting", "waiting again")
    assert push.tables() == {"a": 2}


def test_a_forced_push_is_followed_wherever_it_leads(push: Push) -> None:
    first = push.clone.push({"data/a.csv": A, "data/b.csv": A})
    with loader(push.folder.folder):
        push.became(first, "loaded")
        push.clone.push({"data/a.csv": B, "data/b.csv": None, "data/c.csv": B})
        push.hook()
        wait_for(lambda: push.tables() == {"a": 2, "c": 2}, "the change")
        run_git(push.clone.folder, "push", "-q", "--force", "origin", f"{first}:main")
        push.hook()
        wait_for(lambda: push.tables() == {"a": 1, "b": 1}, "back")
        wait_for(lambda: push.state(first)["loaded"] == first, "told")
    assert {each["file"]: each["changed"] for each in push.state(first)["datasets"]} == {
        "data/a.csv": True,
        "data/b.csv": True,
    }


def test_a_commit_with_a_file_that_cannot_be_loaded_has_failed_and_the_next_has_not(push: Push) -> None:
    first = push.clone.push({"data/a.csv": A, "data/bad.geojson": "{"})
    with loader(push.folder.folder):
        told = push.became(first, "failed")
        bad = next(each for each in told["datasets"] if each["file"] == "data/bad.geojson")
        assert (bad["table"], bad["rows"], bad["changed"]) == (None, None, True)
        assert bad["error"]
        second = push.clone.push({"data/a.csv": B})
        push.hook()
        told = push.became(second, "loaded")
        bad = next(each for each in told["datasets"] if each["file"] == "data/bad.geojson")
        assert (bool(bad["error"]), bad["changed"]) == (True, False)
        third = push.clone.push({"data/a.csv": None, "data/bad.geojson": None})
        push.hook()
        assert "no folder 'data'" in push.became(third, "failed")["reason"]


def test_a_token_that_changes_is_used_at_the_next_look_and_is_written_nowhere(push: Push) -> None:
    push.host.token = "ghp_s3cretAnotherToken"
    commit = push.clone.push({"data/a.csv": A})
    state = push.folder.state
    with loader(push.folder.folder):
        wait_for(lambda: catalogue.loader(push.connection).activity == "failing", "the token is refused")
        assert "divebell secrets set repository-token" in catalogue.loader(push.connection).detail
        save_secrets(replace(load_secrets(state), repository_token=push.host.token), state)
        push.hook()
        push.became(commit, "loaded")
    files = [file for file in state.folder.rglob("*") if file.is_file() and file != state.secrets_file]
    for file in files:
        with suppress(FileNotFoundError):  # the server runs on
            assert b"s3cret" not in file.read_bytes(), file
    assert "s3cret" not in log(push)
    with admin(state) as database:
        rows = database.execute(
            "SELECT detail FROM catalogue.loader UNION SELECT problem FROM following.pass"
        )
        assert not any("s3cret" in str(row) for row in rows)


def test_two_events_follow_one_repository(
    push: Push,
    tmp_path: Path,
    make_event_folder: Callable[..., Any],
    run_server: Callable[[Any], AbstractContextManager[Any]],
) -> None:
    other = make_event_folder(tmp_path / "other")
    follow(other, push.host.address)
    commit = push.clone.push({"data/a.csv": A})
    with run_server(other):
        prepare(other.event, other.state)
        with (
            loader(push.folder.folder),
            loader(other.folder),
            connect(other.state, "event_loader", autocommit=True) as there,
        ):
            for connection in (push.connection, there):
                wait_for(lambda c=connection: catalogue.loader(c).commit == commit, "both")
            commit = push.clone.push({"data/a.csv": B})
            push.hook()
            for connection in (push.connection, there):
                wait_for(lambda c=connection: catalogue.loader(c).commit == commit, "both again")
            assert [entry.rows for entry in catalogue.listing(there).datasets] == [2]
