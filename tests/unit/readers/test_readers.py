"""The rule for a new reader: a test module named here that opens its files, and a row in the table of formats."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from divebell.readers import READERS

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs/reference/formats.md"
TESTED = {
    "CSV": "test_delimited.py",
    "Excel": "test_excel.py",
    "GeoJSON": "test_spatial.py",
    "Shapefile": "test_spatial.py",
    "GeoPackage": "test_spatial.py",
    "FlatGeobuf": "test_spatial.py",
    "KML": "test_kmz.py",
    "KMZ": "test_kmz.py",
    "Parquet": "test_parquet.py",
    "GeoTIFF": "test_geotiff.py",
    "Zip": "test_spatial.py",
    "Gzip": "test_gzip.py",
    "Not read yet": "test_gzip.py",
}


def test_every_reader_is_named_here_with_its_tests():
    assert set(TESTED) == {one.name for one in READERS}


@pytest.mark.parametrize("reader", READERS, ids=lambda one: one.name)
def test_its_tests_read_a_file_with_one_of_its_endings(reader):
    tests = (HERE / TESTED[reader.name]).read_text()
    endings = "|".join(re.escape(suffix) for suffix in reader.suffixes)
    assert re.search(r"^def test_", tests, re.MULTILINE)
    assert re.search(rf'\w({endings})["\']', tests), (
        f"no file with an ending of {reader.name} is opened in its tests"
    )


@pytest.mark.parametrize("reader", READERS, ids=lambda one: one.name)
def test_its_endings_are_in_the_table_of_formats(reader):
    endings = " ".join(f"`{suffix}`" for suffix in reader.suffixes)
    row = f"| {reader.name} | {endings} | `{type(reader).__module__.rsplit('.', 1)[1]}` |"
    assert row in PAGE.read_text()
