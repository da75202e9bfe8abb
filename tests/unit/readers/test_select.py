from __future__ import annotations

from pathlib import Path

import pytest

from divebell.readers import dataset_files, reader_for


def test_the_parts_of_a_shapefile_are_one_dataset():
    paths = [
        "data/a/Roads.SHP",
        "data/a/roads.shx",
        "data/a/roads.dbf",
        "data/a/roads.prj",
        "data/a/roads.shp.xml",
    ]
    (dataset,) = dataset_files(paths)
    assert dataset.path == "data/a/Roads.SHP"
    assert dataset.parts == tuple(sorted(paths))


def test_a_shapefile_without_its_parts_and_a_lone_table_are_still_datasets():
    assert [one.path for one in dataset_files(["a.shp", "b.dbf", "c.prj", "d.shx"])] == ["a.shp", "b.dbf"]


def test_one_stem_in_two_formats_is_two_datasets():
    found = dataset_files(["x/a.geojson", "x/a.shp", "x/a.dbf", "x/a.shx", "y/a.shp"])
    assert [one.path for one in found] == ["x/a.geojson", "x/a.shp", "y/a.shp"]


CLUTTER = [
    "~$a.xlsx", ".DS_Store", "README.md", "data/README.txt", "LICENSE", "a.py", "a.qml", "__MACOSX/._a.csv",
    ".~lock.a.csv#", ".git/a.csv", "Thumbs.db", "a.pdf", "a.csv~", "package.json", "a.shp.xml",
    "requirements.txt",
]  # fmt: skip


@pytest.mark.parametrize("path", CLUTTER)
def test_what_is_no_data_is_passed_over(path):
    assert dataset_files([path]) == ()
    if "/" not in path:
        assert reader_for(Path(path)) is None


def test_a_text_file_is_data_only_when_it_is_a_table(tmp_path):
    (tmp_path / "prose.txt").write_text(
        "Dear volunteers,\n\nthank you for coming, and\nplease read this, today.\n"
    )
    (tmp_path / "table.txt").write_text("a\tb\n1\t2\n3\t4\n")
    assert reader_for(tmp_path / "prose.txt") is None
    assert reader_for(tmp_path / "table.txt") is not None


def test_formats_that_are_known_and_not_read_are_reported():
    reader = reader_for(Path("a.sqlite"))
    assert reader is not None
    assert reader.name == "Not read yet"


def test_the_latest_changes_beside_a_geopackage_belong_to_it():
    found = dataset_files(["a/x.gpkg", "a/x.gpkg-wal", "a/x.gpkg-shm", "a/y.gpkg"])
    assert [one.parts for one in found] == [("a/x.gpkg", "a/x.gpkg-wal"), ("a/y.gpkg",)]
