"""`divebell data plan`, `load`, `list` and `history` as people run them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from divebell.cli import main

from .conftest import Loading

WELLS = "id,depth\n1,10\n2,20\n"


@pytest.fixture
def run(loading: Loading, capsys: pytest.CaptureFixture[str]) -> Any:
    """Give a function that runs `divebell data …` on the event; it gives exit code, stdout, stderr."""

    def divebell(*words: str) -> tuple[int, str, str]:
        action, *rest = words
        place = [str(loading.folder)]
        arguments = [rest[0], *place, *rest[1:]] if action == "history" else [*place, *rest]
        code = main(["data", action, *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return divebell


def planned(run: Any) -> dict[str, tuple[str, str]]:
    code, out, _ = run("plan", "--json")
    assert code == 0
    return {step["file"]: (step["what"], step["why"]) for step in json.loads(out)["steps"]}


def test_a_plan_says_what_would_be_done_and_why_and_does_nothing(loading: Loading, run: Any) -> None:
    loading.repo.commit({"data/wells.csv": WELLS, "data/old.csv": WELLS + "7,7\n", "data/same.csv": "a\n1\n"})
    assert planned(run)["data/wells.csv"] == ("load", "it is new")
    assert loading.tables == set()
    assert not loading.state.repository.exists()
    loading.load({"data/used.csv": "a\n9\n", "data/bad.zip": b"PK\x03\x04"})
    loading.connection.execute("CREATE VIEW data.view AS SELECT * FROM data.used")
    changes: dict[str, str | bytes | None] = {
        "data/wells.csv": WELLS + "3,30\n",
        "data/old.csv": None,
        "data/used.csv": None,
        "data/same.csv": None,
        "data/renamed.csv": "a\n1\n",
    }
    loading.repo.commit(changes)
    assert planned(run) == {
        "data/wells.csv": ("load", "its contents changed"),
        "data/renamed.csv": ("rename", "it has the contents of data/same.csv, which is gone"),
        "data/bad.zip": ("keep", "it could not be loaded, and has not changed since"),
        "data/old.csv": ("drop", "its file is gone"),
        "data/used.csv": ("retire", "its file is gone, but view data.view (of event_owner) uses it"),
    }
    code, out, err = run("plan")
    assert (code, "its contents changed" in out) == (0, True)
    assert "1 to load" in err
    loading.load()
    assert planned(run)["data/used.csv"][0] == "keep"
    loading.connection.execute("DROP VIEW data.view")
    assert planned(run)["data/used.csv"] == ("drop", "nothing uses it any more")


def test_a_load_tells_each_dataset_and_the_times(loading: Loading, run: Any) -> None:
    loading.repo.commit({"data/wells.csv": WELLS, "data/sites.csv": "a\n1\n"})
    code, out, err = run("load", "--json")
    assert code == 0
    assert {entry["table"] for entry in json.loads(out)["datasets"]} == {"wells", "sites"}
    assert "Loading data/wells.csv (2 of 2)" in err.splitlines()
    assert "wells: 2 rows in" in err
    assert "2 loaded, 0 unchanged" in err


def test_history_answers_what_changed(loading: Loading, run: Any) -> None:
    loading.load({"data/wells.csv": WELLS})
    commit = loading.repo.commit({"data/wells.csv": "id,note\n1,a\n"})
    loading.load()
    code, out, _ = run("history", "wells")
    newest = out.splitlines()[1]
    assert code == 0
    assert all(
        word in newest
        for word in ("changed", "-1", commit[:10], "test@localhost", "new: note", "gone: depth")
    )
    code, out, _ = run("history", "data.wells", "--json")
    assert [change["what"] for change in json.loads(out)] == ["changed", "added"]
    code, _, err = run("history", "well")
    assert (code, "did you mean 'wells'" in err) == (1, True)


def test_the_list_names_retired_tables_and_keeps_its_keys(loading: Loading, run: Any) -> None:
    loading.load({"data/wells.csv": WELLS, "data/other.csv": "a\n1\n"})
    loading.connection.execute("CREATE VIEW data.deep AS SELECT * FROM data.wells")
    loading.load({"data/wells.csv": None})
    _, out, _ = run("list")
    assert "wells: its file is gone; it stays for view data.deep (of event_owner)" in out
    _, out, _ = run("list", "--json")
    [wells] = [entry for entry in json.loads(out)["datasets"] if entry["table"] == "wells"]
    assert list(wells)[:13] == [
        *("file", "layer", "table", "rows", "null_geometries", "empty_geometries", "invalid_geometries"),
        *("geometry_type", "crs", "columns", "warnings", "commit", "bbox"),
    ]
    assert wells["retired_at"] is not None
    loading.connection.execute("DROP VIEW data.deep")
