"""The whole sample event, where the environment says it lies: what other tools counted is in our tables."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from .conftest import Loading

pytestmark = pytest.mark.sample

Truth = dict[str, Any]


@pytest.fixture
def sample() -> Path:
    return Path(os.environ["DIVEBELL_SAMPLE_EVENT"])


def truths(sample: Path) -> list[tuple[str, Truth]]:
    return [
        (record[0], layer)
        for record in json.loads((sample / "truth.json").read_text())
        for layer in record[6]
    ]


def text_columns(truth: Truth) -> set[str]:
    return {column.partition(" (")[0] for column in truth.get("text", [])}


def expected_crs(truth: Truth) -> str | None:
    crs = truth.get("crs")
    return crs if crs and ":" in crs else None


def test_every_file_loads_with_its_rows_geometries_crs_and_text(loading: Loading, sample: Path) -> None:
    shutil.copytree(sample / "data", loading.repo.folder / "data")
    loading.repo.commit()
    listing = loading.load()
    assert listing.failed == ()
    tables = {(entry.file, entry.layer): entry for entry in listing.datasets}
    for file, truth in truths(sample):
        entry = tables.get((file, truth.get("layer"))) or tables[file, None]
        assert entry.rows == truth["rows"] - (truth["kind"] == "xl"), (
            file
        )  # a sheet's rows were counted with its header
        assert len(entry.columns) == truth["cols"], file
        types = {column["original"]: column["type"] for column in entry.columns}
        assert {types[name] for name in text_columns(truth)} <= {"text"}, file
        if truth["kind"] == "vec":
            counted = (entry.null_geometries, entry.empty_geometries, entry.invalid_geometries)
            assert counted == (truth["nullgeom"], truth["empty"], truth["invalid"]), file
            assert entry.crs == expected_crs(truth), file
        elif truth.get("nullgeom", "") != "":
            assert entry.null_geometries == truth["nullgeom"], file
    loading.load()
    assert loading.summaries[-1].loaded == 0
