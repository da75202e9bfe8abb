"""The example event keeps what its brief promises: tables, codes, and a notebook that runs as it is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from divebell.database import connect, prepare, provision
from divebell.event import Ports
from divebell.pipeline.heart import Status
from divebell.pipeline.worker import load_once

EXAMPLE = Path(__file__).parents[3] / "examples" / "jobs-datadive"
ROWS = {
    "census_regions": 4,
    "counties": 3108,
    "income_2013": 52,
    "states": 49,
    "unemployment_2009": 3218,
    "zip_codes": 42049,
}
"""Rows by table, as the example's README says."""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: Any, make_event_folder: Any, run_server: Any) -> Iterator[Any]:
    """Give the example's folder after the loader's first pass, on a server of its own."""
    folder = tmp_path_factory.mktemp("example") / "event"
    text = (EXAMPLE / "event.yaml").read_text()
    event = make_event_folder(folder, event_yaml=text)
    ignore = shutil.ignore_patterns(".divebell", ".git", "event.yaml")
    shutil.copytree(EXAMPLE, folder, ignore=ignore, dirs_exist_ok=True)
    with run_server(event):
        prepare(event.event, event.state)
        with connect(event.state, "event_loader", autocommit=True) as connection:
            load_once(connection, event.event, event.state, Status())
        yield event


def test_every_file_of_the_example_is_a_table(loaded):
    with connect(loaded.state, "event_loader") as connection:
        rows = dict(connection.execute("SELECT table_name, rows FROM catalogue.dataset").fetchall())
        failures = connection.execute("SELECT file, reason FROM catalogue.failure").fetchall()
    assert rows == ROWS
    assert failures == []


def test_codes_keep_their_zeros_and_the_join_of_the_brief_holds(loaded):
    sql = """
        SELECT count(*), count(*) FILTER (WHERE c.geoid LIKE '0%'), count(*) FILTER (WHERE c.geom IS NULL)
        FROM data.counties c JOIN data.unemployment_2009 u ON u.county_fips = c.geoid
        WHERE u.unemployment_rate = c.unemployment_rate
    """
    with connect(loaded.state, "event_loader") as connection:
        joined, zeros, shapeless = connection.execute(sql).fetchone()
        missing = connection.execute(
            "SELECT geoid FROM data.counties WHERE unemployment_rate IS NULL"
        ).fetchall()
    assert (joined, shapeless) == (3107, 1)
    assert zeros > 200
    assert missing == [("46102",)]


def test_the_notebook_runs_as_a_volunteer(loaded, monkeypatch):
    with connect(loaded.state, "event_hub") as connection:
        password = provision(connection, "ana")
    ports = Ports.load(loaded.state)
    for name, value in {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(ports.postgres),
        "PGUSER": "v_ana",
        "PGPASSWORD": password,
        "PGDATABASE": "event",
        "DIVEBELL_URL": "http://127.0.0.1/services/event/",
        "PYTHONWARNINGS": "default",
    }.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(EXAMPLE / "notebooks" / "start-here.ipynb", as_version=4)
    place = {"metadata": {"path": str(loaded.folder / "notebooks")}}
    NotebookClient(notebook, timeout=200, startup_timeout=200, resources=place).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error"]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert "maps/v_ana.worst_counties" in str(outputs)
