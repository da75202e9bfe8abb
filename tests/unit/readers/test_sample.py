"""Every file of a real event against what others counted in it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pytest
import shapely

from divebell.event.model import DatasetHint
from divebell.readers import dataset_files, reader_for

from .conftest import table_of

pytestmark = pytest.mark.sample


def sample() -> Path:
    return Path(os.environ["DIVEBELL_SAMPLE_EVENT"])


def truths():
    return json.loads((sample() / "truth.json").read_text())


def layers(path: str):
    file = sample() / path
    return reader_for(file).read(file, DatasetHint())


def text_columns(layer):
    return {column.original for column in layer.columns if column.type == pa.string()}


def test_every_dataset_of_the_sample_is_found_and_nothing_else():
    files = [str(one.relative_to(sample())) for one in (sample() / "data").rglob("*") if one.is_file()]
    assert {one.path for one in dataset_files(files)} == {one[0] for one in truths()}


def test_every_layer_of_the_sample_is_as_counted():
    for path, _, _, _, _, _, expected in truths():
        found = layers(path)
        assert len(found) == len(expected), path
        for truth in expected:
            layer = found[0] if len(found) == 1 else next(one for one in found if one.name == truth["layer"])
            table = table_of(layer)
            header = 1 if truth["kind"] == "xl" else 0
            assert (table.num_rows, len(layer.columns)) == (truth["rows"] - header, truth["cols"]), path
            for wanted in truth.get("text", []):
                assert wanted.split(" (")[0] in text_columns(layer), (path, wanted)
            if truth["kind"] == "vec":
                compare_geometry(path, layer, table, truth)
            elif truth.get("nullgeom", "") != "":
                assert table["geom"].null_count == truth["nullgeom"], path


def compare_geometry(path, layer, table, truth):
    assert layer.geometry.crs == (truth["crs"] if (truth["crs"] or "").startswith("EPSG") else None), path
    shapes = shapely.from_wkb(table["geom"].to_numpy())
    assert table["geom"].null_count == truth["nullgeom"], path
    assert int(shapely.is_empty(shapes).sum()) == truth["empty"], path
    assert len(truth["types"]) > 1 or layer.geometry.type in truth["types"], path
    assert layer.geometry.type in truth["types"], path


def test_codes_of_the_sample_keep_their_leading_zeros():
    table = table_of(layers("data/reference/zipcodes.csv")[0])
    assert sum(one.startswith("0") for one in table["zip_code"].to_pylist()) == 3256
