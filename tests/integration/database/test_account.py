"""Commands really run as another account, below folders that account may not enter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from divebell.database.account import interpreter_paths, run_as
from divebell.errors import DivebellError

UID = 54321


def run(
    *argv: str, reachable: list[Path], writable: tuple[Path, ...] = ()
) -> subprocess.CompletedProcess[str]:
    command = run_as(UID, UID, argv, reachable=reachable, writable=writable)
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """Give a folder that holds a home and a secret, and that only we may enter."""
    folder = tmp_path / "closed"
    for name in ("home", "other", "library"):
        (folder / name).mkdir(parents=True)
    if os.geteuid() == 0:
        os.chown(folder / "home", UID, UID)
    (folder / "library" / "readable").write_text("knowledge")
    (folder / "secret").write_text("hidden")
    folder.chmod(0o700)
    return folder


def test_a_home_below_a_closed_folder_is_written_and_belongs_to_its_account(closed: Path) -> None:
    done = run("touch", str(closed / "home" / "made"), reachable=[], writable=(closed / "home",))
    assert done.returncode == 0, done.stderr
    assert (closed / "home" / "made").stat().st_uid == (UID if os.geteuid() == 0 else os.geteuid())


def test_what_is_only_readable_is_not_written(closed: Path) -> None:
    path = closed / "library"
    assert run("cat", str(path / "readable"), reachable=[path]).stdout == "knowledge"
    if os.geteuid() == 0:
        path.chmod(0o777)
        assert "Read-only file system" in run("touch", str(path / "new"), reachable=[path]).stderr


def test_nothing_else_in_the_closed_folder_can_be_seen(closed: Path) -> None:
    listing = run("ls", str(closed), reachable=[closed / "library"], writable=(closed / "home",))
    expected = ["home", "library"] if os.geteuid() == 0 else ["home", "library", "other", "secret"]
    assert listing.stdout.split() == expected


def test_no_privilege_is_left(closed: Path) -> None:
    for paths in ([Path("/usr")], [closed / "library"]):
        status = run("cat", "/proc/self/status", reachable=paths).stdout
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        if os.geteuid() == 0:
            assert {fields[name] for name in ("CapPrm", "CapEff", "CapInh", "CapBnd", "CapAmb")} == {"0" * 16}
            assert fields["Uid"].split() == [str(UID)] * 4
            assert fields["Groups"].strip() in {"", str(UID)}
            assert fields["NoNewPrivs"] == "1"


def test_this_python_runs_with_divebell_and_its_libraries(closed: Path) -> None:
    paths = [*interpreter_paths(), closed / "library"]
    done = run(sys.executable, "-c", "import divebell, psycopg; print(divebell.__version__)", reachable=paths)
    assert done.returncode == 0, done.stderr


def test_without_bubblewrap_the_next_step_is_named(
    closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for found, problem in (
        ("", "is not installed"),
        ("#!/bin/sh\necho no mounts here >&2\nexit 1\n", "no mounts"),
    ):
        if found:
            (tmp_path / "bwrap").write_text(found)
            (tmp_path / "bwrap").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        if os.geteuid() != 0:
            assert run_as(UID, UID, ["id"], reachable=[closed / "library"]) == ["id"]
            continue
        with pytest.raises(DivebellError, match=problem) as missing:
            run_as(UID, UID, ["id"], reachable=[closed / "library"])
        assert "ordinary user" in str(missing.value.next_step)
