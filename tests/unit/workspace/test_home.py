"""A volunteer's home as they find it."""

from __future__ import annotations

import subprocess

from divebell.workspace.home import ensure_link, ensure_packages, ensure_welcome


def test_a_link_follows_its_target_and_spares_what_the_volunteer_made(tmp_path):
    link = tmp_path / "data"
    ensure_link(link, tmp_path / "one")
    ensure_link(link, tmp_path / "two")
    assert link.readlink() == tmp_path / "two"
    own = tmp_path / "event"
    own.mkdir()
    ensure_link(own, tmp_path / "two")
    assert not own.is_symlink()


def test_the_welcome_is_made_anew_until_the_volunteer_changes_it(tmp_path):
    file = tmp_path / "welcome.ipynb"
    ensure_welcome(tmp_path, "first")
    ensure_welcome(tmp_path, "second")
    assert file.read_text() == "second"
    file.write_text("mine")
    ensure_welcome(tmp_path, "third")
    assert file.read_text() == "mine"
    file.unlink()
    ensure_welcome(tmp_path, "fourth")
    assert file.read_text() == "fourth"


def test_a_file_of_that_name_that_is_not_ours_is_kept(tmp_path):
    (tmp_path / "welcome.ipynb").write_text("mine")
    ensure_welcome(tmp_path, "ours")
    assert (tmp_path / "welcome.ipynb").read_text() == "mine"


def test_own_packages_go_to_the_home_and_the_events_are_there_too(tmp_path):
    folder = tmp_path / ".venv"
    for _ in range(2):
        ensure_packages(folder)
    python = folder / "bin" / "python"
    said = subprocess.run(
        [python, "-c", "import sys, divebell, psycopg; print(sys.prefix)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == str(folder)


def test_a_broken_place_for_packages_is_made_anew(tmp_path):
    folder = tmp_path / ".venv"
    ensure_packages(folder)
    (folder / "bin" / "python").unlink()
    ensure_packages(folder)
    assert (folder / "bin" / "python").exists()
