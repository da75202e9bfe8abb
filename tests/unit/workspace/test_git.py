"""What git is told in a workspace: it is real git that reads it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from divebell.workspace import git_credential, git_settings

EVENT = "http://172.18.0.1:8081/services/event/git/event.git"
ENVIRONMENT = {
    "DIVEBELL_PERSON": "ana",
    "DIVEBELL_MAIL": "ana@dive.example.org",
    "DIVEBELL_GIT": EVENT,
    "JUPYTERHUB_API_TOKEN": "a1b2c3",
    "DIVEBELL_REPOSITORY": "https://github.com/example/housing",
}


def git(home: Path, *arguments: str, question: str = "") -> subprocess.CompletedProcess[str]:
    told = git_settings.prepare(home, ENVIRONMENT)
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "GIT_TERMINAL_PROMPT": "0", **ENVIRONMENT, **told}
    return subprocess.run(
        ["git", *arguments], cwd=home, env=env, input=question, capture_output=True, text=True, check=False
    )


def ask(home: Path, address: str) -> dict[str, str]:
    done = git(home, "credential", "fill", question=f"url={address}\n\n")
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def test_commits_carry_the_volunteers_name_until_they_say_another(tmp_path: Path) -> None:
    assert git(tmp_path, "config", "user.name").stdout == "ana\n"
    assert git(tmp_path, "config", "user.email").stdout == "ana@dive.example.org\n"
    git(tmp_path, "config", "--global", "user.name", "Ana María")
    assert git(tmp_path, "config", "user.name").stdout == "Ana María\n"


def test_the_events_address_is_signed_in_to_by_itself(tmp_path: Path) -> None:
    told = ask(tmp_path, EVENT)
    assert (told["username"], told["password"]) == ("ana", "a1b2c3")


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/example/housing",
        "http://172.18.0.1:8081/services/event/git/other.git",
        "http://172.18.0.1:8082/services/event/git/event.git",
        "https://172.18.0.1:8081/services/event/git/event.git",
        "http://elsewhere/services/event/git/event.git",
    ],
)
def test_no_other_address_is_told_the_token(tmp_path: Path, address: str) -> None:
    assert "password" not in ask(tmp_path, address)
    parts = address.partition("://")
    host, _, path = parts[2].partition("/")
    question = f"protocol={parts[0]}\nhost={host}\npath={path}\n"
    assert git_credential.answer(question, ENVIRONMENT) == ""


def test_a_token_of_ones_own_is_kept_for_that_repository_alone_and_for_its_owner_alone(
    tmp_path: Path,
) -> None:
    known = "url=https://ana:ghp_secret@github.com/example/housing\n\n"
    git(tmp_path, "credential", "approve", question=known)
    assert ask(tmp_path, "https://github.com/example/housing")["password"] == "ghp_secret"
    assert "password" not in ask(tmp_path, "https://github.com/example/other")
    assert (tmp_path / ".git-credentials").stat().st_mode & 0o777 == 0o600
    assert git(tmp_path, "config", "--get-all", "credential.helper").stdout == ""
