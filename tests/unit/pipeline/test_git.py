from __future__ import annotations

from pathlib import Path

import pytest

from divebell.pipeline import git
from divebell.pipeline.checkout import is_safe


def test_a_relative_folder_is_taken_from_the_event_file(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert git.source("data", tmp_path) == git.Source(str(tmp_path / "data"), tmp_path / "data")


@pytest.mark.parametrize(
    "address", ["https://example.org/a.git", "git@example.org:a/b.git", "file:///srv/a.git"]
)
def test_an_address_is_no_folder(address: str, tmp_path: Path) -> None:
    assert git.source(address, tmp_path) == git.Source(address, None)


def test_passwords_in_addresses_are_not_shown() -> None:
    assert git.redact("fatal: https://ann:s3cret@example.org/a.git/") == "fatal: https://example.org/a.git/"


def test_every_call_refuses_links_hooks_and_odd_transports() -> None:
    words = git.fetch(Path("m.git"), "https://example.org/a.git", "main")
    assert {"core.symlinks=false", "core.hooksPath=/dev/null", "protocol.allow=never"} <= set(words)
    assert words[-3:] == ["--", "https://example.org/a.git", "+refs/heads/main:refs/heads/main"]


def test_local_work_reads_no_configuration_of_the_user(tmp_path: Path) -> None:
    outer = {"HOME": "/home/ann", "GIT_DIR": "/elsewhere"}
    local = git.environment(tmp_path / "gitconfig", network=False, inherited=outer)
    assert local["GIT_CONFIG_GLOBAL"] == str(tmp_path / "gitconfig")
    assert "GIT_DIR" not in local
    network = git.environment(tmp_path / "gitconfig", network=True, inherited=outer)
    assert "GIT_CONFIG_GLOBAL" not in network
    assert network["GIT_TERMINAL_PROMPT"] == "0"


@pytest.mark.parametrize("path", ["../a", "a/../b", "/a", "a//b", ".git/config", "a/.GIT/hooks/x", "x" * 300])
def test_paths_that_leave_the_folder_are_refused(path: str) -> None:
    assert not is_safe(path)
