"""`divebell data check` inspects files without a database or an event."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from divebell.cli import main

WELLS = "Well ID,Depth,lon,lat\n1,10,8.5,47.1\n2,,8.6,47.2\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.chmod(0o755)
    data = tmp_path / "event" / "data"
    data.mkdir(parents=True)
    (data / "wells.csv").write_text(WELLS)
    (data / "README.md").write_text("# About")
    return tmp_path / "event"


def test_good_files_are_described(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", str(folder / "data")]) == 0
    out = capsys.readouterr().out
    assert "wells: 2 rows" in out
    assert "depth " in out
    assert "README" not in out


def test_a_file_that_would_fail_is_named_and_the_others_are_checked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "data" / "broken.zip").write_bytes(b"PK\x03\x04 no zip")
    assert main(["data", "check", str(folder / "data"), "--json"]) == 1
    files = json.loads(capsys.readouterr().out)["files"]
    assert [(one["file"], one["error"] is None) for one in files] == [
        ("broken.zip", False),
        ("wells.csv", True),
    ]
    [table] = files[1]["tables"]
    assert (table["table"], table["rows"], table["geometry_type"]) == ("wells", 2, "Point")
    columns = {column["original"]: column for column in table["columns"]}
    assert columns["Depth"]["nulls"] == 1
    assert columns["Well ID"]["name"] == "well_id"


def test_the_event_files_hints_are_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "event.yaml").write_text(
        "name: E\ndata:\n  repository: .\n  datasets:\n    data/wells.csv: {table: liens, text: [Well ID]}\n"
    )
    assert main(["data", "check", str(folder), "--json"]) == 0
    [file] = json.loads(capsys.readouterr().out)["files"]
    assert file["file"] == "data/wells.csv"
    assert file["tables"][0]["table"] == "liens"
    assert {"text"} <= {column["type"] for column in file["tables"][0]["columns"]}


def test_one_file_can_be_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", str(folder / "data" / "wells.csv")]) == 0
    assert main(["data", "check", str(folder / "data" / "README.md")]) == 1
    assert main(["data", "check", str(folder / "nothing.csv")]) == 1
    assert "there is no file or folder" in capsys.readouterr().err


def test_a_link_is_not_followed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "data" / "secret.csv").symlink_to("/etc/passwd")
    assert main(["data", "check", str(folder / "data")]) == 1
    assert "it is a link" in capsys.readouterr().out
