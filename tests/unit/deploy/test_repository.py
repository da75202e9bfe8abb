"""A repository that is a folder goes along as its commits."""

from __future__ import annotations

import subprocess

import pytest

from divebell.deploy.repository import make_bundle
from divebell.errors import DivebellError


def git(*words):
    return subprocess.run(["git", *map(str, words)], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def folder(event_folder):
    folder = event_folder.folder / "repository"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "a.csv").write_text("x\n1\n")
    return folder


def test_a_plain_folder_becomes_a_repository_and_a_bundle(event_folder, folder, tmp_path):
    bundle = make_bundle(event_folder.event, event_folder.state, tmp_path)
    assert bundle is not None
    assert (folder / ".git").is_dir()
    there = tmp_path / "there.git"
    git("clone", "--quiet", "--bare", "--branch", "main", bundle.file, there)
    assert git("-C", there, "rev-parse", "main").strip() == bundle.commit
    assert "data/a.csv" in git("-C", there, "ls-tree", "-r", "--name-only", "main")


def test_files_that_are_not_committed_are_named(event_folder, folder, tmp_path):
    make_bundle(event_folder.event, event_folder.state, tmp_path)
    (folder / "data" / "new.csv").write_text("y\n2\n")
    bundle = make_bundle(event_folder.event, event_folder.state, tmp_path)
    assert bundle is not None
    assert bundle.left_out == ("data/new.csv",)


def test_an_absent_branch_is_told_with_those_that_are_there(event_folder, folder, tmp_path):
    make_bundle(event_folder.event, event_folder.state, tmp_path)
    data = event_folder.event.data.model_copy(update={"branch": "other"})
    with pytest.raises(DivebellError, match="its branches are: main"):
        make_bundle(event_folder.event.model_copy(update={"data": data}), event_folder.state, tmp_path)


def test_a_repository_at_an_address_is_left_to_the_server(event_folder, tmp_path):
    data = event_folder.event.data.model_copy(update={"repository": "https://example.org/x"})
    event = event_folder.event.model_copy(update={"data": data})
    assert make_bundle(event, event_folder.state, tmp_path) is None
