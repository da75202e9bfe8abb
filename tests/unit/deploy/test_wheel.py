"""The wheel that is shipped is the divebell that runs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.metadata import PathDistribution

import pytest

from divebell.deploy.wheel import digest, make_wheel, repack
from divebell.errors import DivebellError


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return make_wheel(tmp_path_factory.mktemp("wheel"))


def test_a_checkout_is_built_without_a_network(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "divebell/deploy/playbook/site.yml" in names
    assert "divebell/deploy/requirements.lock" in names


def test_the_same_divebell_gives_the_same_wheel(wheel, tmp_path):
    assert digest([wheel]) == digest([make_wheel(tmp_path)])


def test_an_installed_wheel_is_repacked_whole(wheel, tmp_path):
    place = tmp_path / "installed"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(place),
    ]
    subprocess.run([*install, str(wheel)], check=True)
    installed = PathDistribution(next(place.glob("divebell-*.dist-info")))
    again = repack(installed, tmp_path)
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(again) as second:
        assert sorted(first.namelist()) == sorted(second.namelist())
        changed = [name for name in first.namelist() if first.read(name) != second.read(name)]
    assert [name.rpartition("/")[2] for name in changed] in ([], ["RECORD"])
    subprocess.run([*install[:-1], str(tmp_path / "again"), str(again)], check=True)
    assert (tmp_path / "again" / "divebell" / "deploy" / "look.sh").exists()


def test_what_was_not_installed_from_a_wheel_cannot_be_shipped(tmp_path):
    info = tmp_path / "divebell-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: divebell\nVersion: 1\n")
    with pytest.raises(DivebellError, match="not installed from a wheel"):
        repack(PathDistribution(info), tmp_path)
