"""`divebell check`: exit code, words and JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from divebell.cli import main
from divebell.event.schema import schema_text

GOOD = "name: Test dive\norganisation: Org\ndata: {repository: .}\npeople: {ambassadors: [maria]}\n"
HEAVY = {
    "asyncpg",
    "duckdb",
    "geopandas",
    "httpx",
    "jinja2",
    "jupyterhub",
    "numpy",
    "pandas",
    "psutil",
    "psycopg",
    "pyarrow",
    "pyogrio",
    "pyproj",
    "shapely",
    "sqlalchemy",
    "starlette",
    "supervisor",
    "tornado",
}


@pytest.fixture
def event(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "event.yaml").write_text(GOOD)
    return tmp_path


def test_a_good_file_is_summed_up(event, capsys):
    assert main(["check", str(event)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{event / 'event.yaml'} is good.\n")
    assert "Test dive, for Org" in out
    assert "ambassadors: maria" in out
    assert "warning" not in out


def test_times_are_shown_with_their_zone(event, capsys):
    times = "starts: 2021-03-05 18:00\nends: 2021-03-07 17:00\ntimezone: America/New_York\n"
    (event / "event.yaml").write_text(GOOD + times)
    main(["check", str(event)])
    shown = "Friday 05 March 2021, 18:00 to Sunday 07 March 2021, 17:00 (America/New_York)"
    assert shown in capsys.readouterr().out


def test_the_event_file_of_this_folder_is_checked_by_default(event, monkeypatch, capsys):
    monkeypatch.chdir(event)
    assert main(["check"]) == 0
    assert capsys.readouterr().out.startswith("event.yaml is good.")


def test_every_problem_is_printed_and_the_exit_code_is_one(event, capsys):
    (event / "event.yaml").write_text(GOOD + "maps: {publik: true}\nstarts: tomorrow\n")
    assert main(["check", str(event)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "event.yaml:5: maps.publik: found an unknown key" in printed.err
    assert "event.yaml:6: starts: found 'tomorrow'" in printed.err
    assert "Traceback" not in printed.err


def test_problems_as_json(event, capsys):
    (event / "event.yaml").write_text(GOOD + "maps: {publik: true}\n")
    assert main(["check", str(event), "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert not result["ok"]
    [problem] = result["problems"]
    assert set(problem) == {"file", "line", "key", "message"}
    assert (problem["file"], problem["line"], problem["key"]) == (
        str(event / "event.yaml"),
        5,
        "maps.publik",
    )


def test_a_good_file_as_json(event, capsys):
    assert main(["check", str(event), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "problems": [], "warnings": []}


def test_a_repository_folder_that_is_missing_fails(event, capsys):
    (event / "event.yaml").write_text("name: A\ndata: {repository: nowhere}\n")
    assert main(["check", str(event)]) == 1
    assert "event.yaml:2: data.repository: found 'nowhere'" in capsys.readouterr().err


def test_a_hint_without_file_warns_only(event, capsys):
    (event / "event.yaml").write_text(
        "name: A\ndata: {repository: ., datasets: {data/x.csv: {crs: 'EPSG:1'}}}\n"
    )
    assert main(["check", str(event)]) == 0
    assert "warning: " in capsys.readouterr().out


def test_the_schema_is_printed_without_an_event(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["check", "--schema"]) == 0
    assert capsys.readouterr().out == schema_text()


def test_a_missing_file_leads_to_init(tmp_path, capsys):
    assert main(["check", str(tmp_path / "x")]) == 1
    assert "divebell init" in capsys.readouterr().err


def test_check_imports_none_of_the_heavy_packages(event):
    program = (
        "import sys; from divebell.cli import main; code = main(['check', sys.argv[1]]); "
        "print(' '.join(sys.modules)); sys.exit(code)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(event)], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in result.stdout.splitlines()[-1].split()}
    assert not loaded & HEAVY
    assert {"pydantic", "ruamel"} <= loaded
