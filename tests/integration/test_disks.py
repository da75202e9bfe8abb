"""File systems in files, really mounted."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from divebell import disks
from divebell.errors import DivebellError

pytestmark = pytest.mark.root
MEGABYTE = 1024**2
OWNER = 1_900_000_123


@pytest.fixture
def place(tmp_path):
    yield tmp_path
    for folder in disks.mounted_below(tmp_path):
        disks.release(folder)


def make(place, size=64 * MEGABYTE):
    disks.ensure_disk(place / "disk.img", place / "home", size, OWNER, OWNER)
    return place / "home"


def test_a_disk_belongs_to_its_owner_and_holds_what_it_says(place):
    home = make(place)
    assert disks.is_mounted(home)
    assert (home.stat().st_uid, home.stat().st_mode & 0o777) == (OWNER, 0o700)
    assert list(home.iterdir()) == []
    with pytest.raises(OSError, match="No space left on device"):
        (home / "filler").write_bytes(bytes(80 * MEGABYTE))
    assert shutil.disk_usage(home).total < 64 * MEGABYTE


def test_what_the_folder_held_moves_onto_the_disk(place):
    (place / "home" / "below").mkdir(parents=True)
    (place / "home" / "below" / "file").write_text("kept")
    os.chown(place / "home" / "below" / "file", OWNER, OWNER)
    (place / "home" / "link").symlink_to("/etc/passwd")
    home = make(place)
    assert (home / "below" / "file").read_text() == "kept"
    assert (home / "below" / "file").stat().st_uid == OWNER
    assert (home / "link").is_symlink()
    disks.release(home)
    assert list(home.iterdir()) == []


def test_it_is_mounted_once_and_again_after_it_was_released(place):
    home = make(place)
    (home / "file").write_text("still here")
    assert make(place) == home
    disks.release(home)
    assert not disks.is_mounted(home)
    assert make(place).joinpath("file").read_text() == "still here"
    mounts = [each for each in disks.mounted_below(place) if each == home]
    assert len(mounts) == 1


def test_a_larger_size_grows_it_and_a_smaller_one_leaves_it(place):
    home = make(place)
    (home / "file").write_text("kept")
    disks.release(home)
    make(place, 128 * MEGABYTE)
    larger = shutil.disk_usage(home).total
    assert 100 * MEGABYTE < larger < 128 * MEGABYTE
    disks.release(home)
    make(place, 32 * MEGABYTE)
    assert shutil.disk_usage(home).total == larger
    assert (home / "file").read_text() == "kept"


def test_its_bytes_are_taken_from_the_disk_below_at_once(place):
    make(place)
    assert (place / "disk.img").stat().st_blocks * 512 >= 60 * MEGABYTE


def test_devices_and_privileged_programs_mean_nothing_on_it(place):
    home = make(place)
    line = next(each for each in Path("/proc/self/mounts").read_text().splitlines() if f" {home} " in each)
    assert {"nosuid", "nodev"} <= set(line.split()[3].split(","))


def test_one_whose_making_was_interrupted_is_made_anew(place):
    (place / "disk.new").write_bytes(b"half made")
    assert disks.is_mounted(make(place))
    assert not (place / "disk.new").exists()


def test_a_damaged_image_is_named(place):
    (place / "disk.img").write_bytes(bytes(MEGABYTE))
    with pytest.raises(DivebellError, match="mount"):
        make(place, 0)


def test_a_folder_mounted_from_the_same_disk_counts_as_mounted(place):
    for name in ("one", "two"):
        (place / name).mkdir()
    subprocess.run(["mount", "--bind", place / "one", place / "two"], check=True)
    assert disks.is_mounted(place / "two")
    assert disks.mounted_below(place) == [place / "two"]
