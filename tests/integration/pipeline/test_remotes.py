"""Remotes as they are: behind a token or a key, slow, away, broken, pushed to by force."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from divebell.deploy.tls.authority import make_authority
from divebell.errors import DivebellError
from divebell.event import State
from divebell.pipeline import checkout, git
from divebell.pipeline.remote import Credential
from divebell.pipeline.repository import Repository
from divebell.workspace.copy_plan import STAMP
from git_host import TOKEN, Clone, HttpsHost, SshHost, https_host, ssh_host
from git_host import git as run_git
from live import until


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    made = Clone.make(tmp_path)
    made.push({"data/a.csv": "a\n1\n", "data/b.csv": "b\n1\n"})
    return made


@pytest.fixture
def https(clone: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpsHost]:
    with https_host(tmp_path, clone.bare) as host:
        monkeypatch.setenv("HOME", str(tmp_path))
        host.trusted_by(tmp_path)
        yield host


@pytest.fixture
def ssh(clone: Clone, tmp_path: Path) -> Iterator[SshHost]:
    with ssh_host(tmp_path, clone.bare) as host:
        yield host


def mirror(tmp_path: Path, address: str, **credential: str) -> Repository:
    state = State(tmp_path / ".divebell")
    return Repository(git.source(address, tmp_path), "main", state, Credential(**credential))


def followed(repository: Repository) -> dict[str, str]:
    repository.prepare()
    checkout.update(repository, repository.fetch(repository.head()).files)
    folder = repository.state.checkout
    return {
        str(file.relative_to(folder)): file.read_text()
        for file in folder.rglob("*")
        if file.is_file() and file.name != STAMP
    }


def command_lines() -> list[str]:
    lines = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it has just ended
                lines.append((entry / "cmdline").read_bytes().decode(errors="replace"))
    return lines


def everything_written(tmp_path: Path) -> str:
    files = [file for file in (tmp_path / ".divebell").rglob("*") if file.is_file()]
    return "".join(file.read_bytes().decode("latin-1") for file in files)


@pytest.mark.parametrize("given", [TOKEN, f"deploy-token-7:{TOKEN}"])
def test_a_repository_behind_a_token_is_followed_and_the_token_stays_in_memory(
    https: HttpsHost, clone: Clone, tmp_path: Path, given: str
) -> None:
    following = mirror(tmp_path, https.address, token=given)
    assert followed(following) == {"data/a.csv": "a\n1\n", "data/b.csv": "b\n1\n"}
    clone.push({"data/a.csv": None, "data/c.csv": "c\n1\n"})
    assert followed(following) == {"data/b.csv": "b\n1\n", "data/c.csv": "c\n1\n"}
    name = given.partition(":")[0] if ":" in given else "x-access-token"
    signed_in = base64.b64encode(f"{name}:{TOKEN}".encode()).decode()
    assert {sent for _, sent in https.requests} <= {None, f"Basic {signed_in}"}
    assert TOKEN not in everything_written(tmp_path) + repr(following)
    assert signed_in not in everything_written(tmp_path)


def test_only_the_one_branch_is_asked_for(https: HttpsHost, clone: Clone, tmp_path: Path) -> None:
    run_git(clone.folder, "push", "-q", "origin", "HEAD:another")
    listed = git.ls_remote(https.address, "main")
    heads = mirror(tmp_path, https.address, token=TOKEN).reach(listed, seconds=60)
    assert [line.split("\t")[1] for line in heads.splitlines()] == ["refs/heads/main"]


def test_a_wrong_token_is_told_in_words_without_it(https: HttpsHost, tmp_path: Path) -> None:
    with pytest.raises(DivebellError) as refused:
        followed(mirror(tmp_path, https.address, token="ghp_wrongOne"))
    assert "divebell secrets set repository-token" in str(refused.value)
    assert "ghp_wrongOne" not in str(refused.value)


def test_a_missing_token_is_told_in_words(https: HttpsHost, tmp_path: Path) -> None:
    with pytest.raises(DivebellError, match="divebell secrets set repository-token"):
        followed(mirror(tmp_path, https.address))


def test_a_token_is_not_sent_to_where_its_host_redirects(
    https: HttpsHost, clone: Clone, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    with https_host(tmp_path / "other", clone.bare) as other:
        both = https.certificate.read_text() + other.certificate.read_text()
        https.certificate.write_text(both)
        https.redirect = other.address.removesuffix(f"/{clone.bare.name}")
        with pytest.raises(DivebellError):
            followed(mirror(tmp_path, https.address, token=TOKEN))
        assert other.requests
        assert {sent for _, sent in other.requests} == {None}


def test_a_host_of_which_the_certificate_is_not_trusted_gets_no_token(
    https: HttpsHost, tmp_path: Path
) -> None:
    (tmp_path / ".gitconfig").unlink()
    with pytest.raises(DivebellError, match="certificate"):
        followed(mirror(tmp_path, https.address, token=TOKEN))
    assert https.requests == []


def test_an_address_for_which_an_events_own_authority_vouches_is_believed_by_git(
    clone: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = make_authority("Housing DataDive", ("dive.example",), datetime.now(UTC))
    (tmp_path / "authority.crt").write_bytes(authority.certificate)
    pair = tmp_path / "host.pem"
    pair.write_bytes(authority.sign(("127.0.0.1",), datetime.now(UTC)).pem())
    (tmp_path / ".gitconfig").write_text(f"[http]\n\tsslCAInfo = {tmp_path / 'authority.crt'}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    with https_host(tmp_path, clone.bare, pair=pair) as host:
        assert followed(mirror(tmp_path, host.address, token=TOKEN))


def test_what_a_remote_answers_when_it_is_broken_leaves_the_mirror_as_it_is(
    https: HttpsHost, clone: Clone, tmp_path: Path
) -> None:
    following = mirror(tmp_path, https.address, token=TOKEN)
    followed(following)
    before = following.commit(following.head())
    there = following.state.repository.stat().st_ino
    commit = clone.push({"data/a.csv": "a\n2\n"})
    https.status = 500
    with pytest.raises(git.GitError, match="500"):
        following.head()
    with pytest.raises(git.GitError, match="500"):
        following.fetch(commit)
    assert following.state.repository.stat().st_ino == there
    assert following.commit(before.id) == before
    https.status = None
    assert followed(following)["data/a.csv"] == "a\n2\n"


def test_a_remote_that_never_answers_is_given_up_with_all_that_waits_for_it(
    https: HttpsHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git, "LOOK_SECONDS", 1.0)
    https.hanging.set()
    with pytest.raises(git.GitError, match="did not finish within 1 seconds"):
        mirror(tmp_path, https.address, token=TOKEN).head()
    until(lambda: not any(https.address in line for line in command_lines()), "git still waits")


def test_a_slow_remote_is_waited_for(https: HttpsHost, tmp_path: Path) -> None:
    https.delay = 0.5
    assert set(followed(mirror(tmp_path, https.address, token=TOKEN))) == {"data/a.csv", "data/b.csv"}


def test_histories_that_are_rewritten_are_followed(https: HttpsHost, clone: Clone, tmp_path: Path) -> None:
    following = mirror(tmp_path, https.address, token=TOKEN)
    first = run_git(clone.folder, "rev-parse", "HEAD")
    clone.push({"data/a.csv": None, "data/moved/a.csv": "a\n1\n"})
    assert set(followed(following)) == {"data/b.csv", "data/moved/a.csv"}
    run_git(clone.folder, "revert", "--no-edit", "HEAD")
    run_git(clone.folder, "push", "-q", "origin", "HEAD:main")
    assert set(followed(following)) == {"data/a.csv", "data/b.csv"}
    run_git(clone.folder, "checkout", "-q", "--orphan", "other")
    clone.push({"data/b.csv": "b\n2\n"}, "--force")
    assert followed(following) == {"data/a.csv": "a\n1\n", "data/b.csv": "b\n2\n"}
    run_git(clone.folder, "push", "-q", "--force", "origin", f"{first}:main")
    run_git(clone.bare, "gc", "-q", "--prune=now")
    assert followed(following) == {"data/a.csv": "a\n1\n", "data/b.csv": "b\n1\n"}


def test_a_repository_behind_a_deploy_key_is_followed_and_the_key_stays_in_memory(
    ssh: SshHost, clone: Clone, tmp_path: Path
) -> None:
    following = mirror(tmp_path, ssh.address, key=ssh.key, hosts=ssh.hosts)
    assert followed(following) == {"data/a.csv": "a\n1\n", "data/b.csv": "b\n1\n"}
    clone.push({"data/a.csv": "a\n2\n"})
    assert followed(following)["data/a.csv"] == "a\n2\n"
    assert ssh.key.splitlines()[1] not in everything_written(tmp_path) + repr(following)


def test_without_the_hosts_key_nothing_is_sent_and_the_words_say_how_to_get_it(
    ssh: SshHost, tmp_path: Path
) -> None:
    with pytest.raises(DivebellError, match=r"ssh-keyscan -p \d+ 127.0.0.1 > hosts") as error:
        followed(mirror(tmp_path, ssh.address, key=ssh.key))
    assert "divebell secrets set repository-hosts" in str(error.value)


def test_another_host_at_the_same_address_is_not_believed(ssh: SshHost, tmp_path: Path) -> None:
    name, kind, _ = ssh.hosts.splitlines()[0].split()
    public = (tmp_path / "deploy_key.pub").read_text().split()
    hosts = "\n".join([f"{name} {public[0]} {public[1]}"])
    assert kind
    with pytest.raises(DivebellError, match="divebell secrets set repository-hosts"):
        followed(mirror(tmp_path, ssh.address, key=ssh.key, hosts=hosts))


def test_a_key_that_opens_nothing_is_told_in_words(ssh: SshHost, tmp_path: Path) -> None:
    other = (tmp_path / "host_key").read_text()
    with pytest.raises(DivebellError, match="divebell secrets set repository-key"):
        followed(mirror(tmp_path, ssh.address, key=other, hosts=ssh.hosts))


def test_what_opens_the_repository_is_in_no_argument_list(https: HttpsHost, tmp_path: Path) -> None:
    seen: list[str] = []

    https.watch = lambda: seen.extend(command_lines())
    followed(mirror(tmp_path, https.address, token=TOKEN))
    assert any("ls-remote" in line for line in seen)
    assert not any(TOKEN in line for line in seen)
