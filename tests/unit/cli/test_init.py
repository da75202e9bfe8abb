"""`divebell init`: something good to start from, and nothing of yours is touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from divebell.cli import main
from divebell.event import load_event


def test_a_new_event_passes_check_untouched(tmp_path, capsys):
    folder = tmp_path / "deep" / "my event"
    assert main(["init", str(folder)]) == 0
    assert f"divebell up '{folder}'" in capsys.readouterr().out
    assert main(["check", str(folder)]) == 0
    assert "warning" not in capsys.readouterr().out
    assert load_event(folder).people.ambassadors == ("host",)


def test_a_new_event_has_a_map_to_show(tmp_path):
    main(["init", str(tmp_path)])
    states = json.loads((tmp_path / "data" / "us_states.geojson").read_text())
    assert len(states["features"]) == 49
    assert {feature["geometry"]["type"] for feature in states["features"]} == {"Polygon", "MultiPolygon"}
    assert all(feature["properties"]["percent_under_25k"] > 0 for feature in states["features"])
    assert (tmp_path / "data" / "README.md").is_file()


def test_what_a_running_event_keeps_is_ignored_by_git(tmp_path):
    main(["init", str(tmp_path)])
    assert ".divebell/" in (tmp_path / ".gitignore").read_text().splitlines()


def test_this_folder_is_the_default(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    assert capsys.readouterr().out.endswith("next: edit event.yaml, then: divebell up\n")


@pytest.mark.parametrize("name", ["event.yaml", "event.yml"])
def test_an_event_that_is_there_stays_as_it_is(tmp_path, capsys, name):
    (tmp_path / name).write_text("mine")
    assert main(["init", str(tmp_path)]) == 1
    assert (tmp_path / name).read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert "divebell check" in capsys.readouterr().err


def test_data_and_gitignore_that_are_there_stay_as_they_are(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.csv").write_text("a\n1\n")
    (tmp_path / ".gitignore").write_text("*.tmp\n")
    assert main(["init", str(tmp_path)]) == 0
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["mine.csv"]
    assert (tmp_path / ".gitignore").read_text() == "*.tmp\n"
    assert ".divebell/" in capsys.readouterr().out


def test_a_broken_link_in_the_way_is_not_followed(tmp_path):
    target = tmp_path / "target"
    folder = tmp_path / "event"
    folder.mkdir()
    (folder / "event.yaml").symlink_to(target)
    assert main(["init", str(folder)]) == 1
    assert not target.exists()


@pytest.mark.parametrize("inner", ["", "below"])
def test_a_file_in_the_way_is_named(tmp_path: Path, capsys, inner):
    (tmp_path / "file").write_text("x")
    assert main(["init", str(tmp_path / "file" / inner)]) == 1
    assert "file" in capsys.readouterr().err
