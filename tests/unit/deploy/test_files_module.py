"""The playbook's own module, called by the real Ansible on this very machine."""

from __future__ import annotations

import json
import os
import stat
from importlib.resources import files

import pytest

from divebell.deploy.host import Host
from divebell.deploy.playing import Play, play_lines
from divebell.deploy.progress import Progress
from divebell.deploy.steps import Step

pytestmark = pytest.mark.root  # what it writes is root's


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Give a function that has the module write files and tells what changed."""
    monkeypatch.setenv("ANSIBLE_SSH_ARGS", "")
    (tmp_path / "library").symlink_to(str(files("divebell.deploy") / "playbook" / "library"))

    def write(contents, *, check=False, mode="0644"):
        playbook = tmp_path / "files.yml"
        wanted = {"files": contents, "folders": [str(tmp_path / "made")], "mode": mode}
        task = {"name": "Write", "divebell_files": wanted}
        play = {
            "name": "Files",
            "hosts": "event",
            "gather_facts": False,
            "connection": "local",
            "tasks": [task],
        }
        playbook.write_text(json.dumps([play]))
        progress = Progress((Step("", "files"),))
        for line in play_lines(Play(tmp_path, Host("localhost"), str(playbook), {}, check), print):
            progress.read(line)
        assert progress.failed is None, progress.failed
        return progress.changes

    return write


def test_a_file_is_written_once(write, tmp_path):
    path = tmp_path / "made" / "one"
    assert write({str(path): "a\n"})
    assert path.read_text() == "a\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert not write({str(path): "a\n"})


def test_a_dry_run_shows_the_lines_and_writes_nothing(write, tmp_path):
    path = tmp_path / "one"
    path.write_text("a\n")
    (change,) = write({str(path): "b\n"}, check=True)
    assert change.diff == (str(path), "- a", "+ b")
    assert path.read_text() == "a\n"
    assert not (tmp_path / "made").exists()


def test_permissions_are_put_right(write, tmp_path):
    path = tmp_path / "one"
    path.write_text("a\n")
    path.chmod(0o777)
    assert write({str(path): "a\n"}, mode="0600")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    os.chown(path, 12345, 12345)
    assert write({str(path): "b\n"}, mode="0600")
    assert path.stat().st_uid == 0
