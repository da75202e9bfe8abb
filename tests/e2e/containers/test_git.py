"""People who know git, in a workspace whose container reaches the event and nothing else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest

from live import LiveEvent, until
from volunteer import Browser, Kernel

SHELL = """
import subprocess
done = subprocess.run({command!r}, shell=True, capture_output=True, text=True, timeout=120)
print(done.returncode, done.stdout, done.stderr)
"""


@pytest.fixture(scope="module")
def ana(volunteer: Callable[[str], tuple[Browser, Kernel]]) -> tuple[Browser, Kernel]:
    return volunteer("ana")


def shell(kernel: Kernel, command: str) -> tuple[int, str]:
    """Run a command as in a terminal; give its exit code and all it said."""
    code, _, said = kernel.run(SHELL.format(command=command)).partition(" ")
    return int(code), said


def repository(event: LiveEvent, *arguments: str) -> str:
    """Ask the event's repository on the host."""
    git = ["git", "-c", "safe.directory=*", f"--git-dir={event.state.repository}", *arguments]
    return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()


def test_clone_commit_and_push_need_no_password(event: LiveEvent, ana: tuple[Browser, Kernel]) -> None:
    code, said = shell(
        ana[1],
        "cd ~ && git clone $DIVEBELL_GIT work && cd work && echo dry > finding.md && git add finding.md"
        " && git commit -m 'A finding' && git push",
    )
    assert code == 0, said
    assert (
        repository(event, "log", "-1", "--format=%an %ae %s", "shared/ana") == "ana ana@localhost A finding"
    )
    assert repository(event, "show", "shared/ana:finding.md") == "dry"


def test_main_and_others_branches_are_not_theirs_to_push_to(
    event: LiveEvent, ana: tuple[Browser, Kernel]
) -> None:
    for branch in ("main", "shared/ben"):
        code, said = shell(ana[1], f"cd ~/work && git push origin HEAD:{branch}")
        assert code != 0
        assert "yours is shared/ana" in said
    assert (
        repository(event, "for-each-ref", "--format=%(refname)", "refs/heads/shared")
        == "refs/heads/shared/ana"
    )


def test_somebody_else_sees_the_branch(
    volunteer: Callable[[str], tuple[Browser, Kernel]], ana: tuple[Browser, Kernel]
) -> None:
    _, kernel = volunteer("ben")
    code, said = shell(
        kernel, "git clone -q $DIVEBELL_GIT ~/work && git -C ~/work show origin/shared/ana:finding.md"
    )
    assert (code, said.strip()) == (0, "dry")


def test_what_is_shared_with_a_click_is_on_the_branch_too(
    event: LiveEvent, ana: tuple[Browser, Kernel]
) -> None:
    said = ana[1].run(
        "import divebell, pathlib\n"
        "(pathlib.Path.home() / 'more.md').write_text('wet')\n"
        "divebell.publish('/home/ana/more.md')"
    )
    assert "Everybody can now see" in said
    until(lambda: repository(event, "show", "shared/ana:shared/ana/more.md") == "wet", "it is committed")
    code, said = shell(
        ana[1], "cd ~/work && git pull -q --rebase origin shared/ana && cat shared/ana/more.md"
    )
    assert (code, said.strip()) == (0, "wet")


def test_jupyterlabs_git_panel_shows_the_clone_and_pushes(
    event: LiveEvent, ana: tuple[Browser, Kernel]
) -> None:
    browser, kernel = ana
    code, said = shell(kernel, "cd ~/work && git switch -q shared/ana && echo x > panel.md")
    assert code == 0, said
    panel = "/user/ana/git/work"
    status = browser.api("POST", f"{panel}/status", json={}).json()
    assert status["branch"] == "shared/ana"
    assert [file["to"] for file in status["files"]] == ["panel.md"]
    for step, body in (
        ("add", {"add_all": False, "filename": "panel.md"}),
        ("commit", {"commit_msg": "From the panel", "amend": False}),
        ("push", {}),
    ):
        answer = browser.api("POST", f"{panel}/{step}", json=body)
        assert answer.status_code in {200, 201}, (step, answer.text)
        assert json.loads(answer.text or "{}").get("code", 0) == 0, (step, answer.text)
    assert repository(event, "log", "-1", "--format=%an %s", "shared/ana") == "ana From the panel"
