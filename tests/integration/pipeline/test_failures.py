"""A file that cannot be loaded is named with the reason, and harms neither the others nor its old table."""

from __future__ import annotations

import os

from .conftest import Loading

WELLS = "id,depth\n1,10\n2,20\n"
BROKEN = b"PK\x03\x04 this is no zip archive"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def test_a_broken_file_is_named_and_the_others_load(loading: Loading) -> None:
    listing = loading.load({"data/shapes.zip": BROKEN, "data/wells.csv": WELLS, "data/map.geojson": "{"})
    assert loading.tables == {"wells"}
    assert [failure.file for failure in listing.failed] == ["data/map.geojson", "data/shapes.zip"]
    assert all(failure.reason for failure in listing.failed)


def test_a_broken_commit_keeps_the_old_table_until_the_file_is_mended(loading: Loading) -> None:
    loading.load({"data/wells.zip": BROKEN, "data/areas.geojson": '{"type": "Point", "coordinates": [1, 2]}'})
    assert loading.tables == {"areas"}
    listing = loading.load({"data/areas.geojson": '{"type": "FeatureCollection", "features": ['})
    assert loading.tables == {"areas"}
    assert loading.column("SELECT count(*) FROM data.areas") == [1]
    assert "data/areas.geojson" in {failure.file for failure in listing.failed}
    listing = loading.load({"data/areas.geojson": '{"type": "Point", "coordinates": [3, 4]}'})
    assert "data/areas.geojson" not in {failure.file for failure in listing.failed}
    assert loading.column("SELECT ST_X(geom) FROM data.areas") == [3]


def test_a_failed_file_is_read_again_only_when_it_changes(loading: Loading) -> None:
    loading.load({"data/shapes.zip": BROKEN})
    loading.load({"data/wells.csv": WELLS})
    assert (loading.summaries[-1].loaded, loading.summaries[-1].kept, loading.summaries[-1].failed) == (
        1,
        1,
        0,
    )
    assert [failure.file for failure in loading.listing.failed] == ["data/shapes.zip"]


def test_the_failure_of_a_file_that_is_gone_is_forgotten(loading: Loading) -> None:
    loading.load({"data/shapes.zip": BROKEN, "data/wells.csv": WELLS})
    assert loading.load({"data/shapes.zip": None}).failed == ()


def test_a_file_kept_with_git_lfs_says_so(loading: Loading) -> None:
    [failure] = loading.load({"data/wells.csv": POINTER}).failed
    assert "Git LFS" in failure.reason


def test_odd_file_names_load_or_are_named(loading: Loading) -> None:
    files: dict[str, str | bytes | None] = {
        f"data/{name}.csv": WELLS
        for name in ("%s", "a'b\"c", "Ünïcödé 数据", "数据", "select", "x" * 200, "-rf", "a\nb")
    }
    listing = loading.load(files)
    assert listing.failed == ()
    assert {entry.file for entry in listing.datasets} == set(files)
    assert all(entry.rows == 2 for entry in listing.datasets)


def test_a_name_that_is_no_utf8_is_reported(loading: Loading) -> None:
    (loading.repo.folder / "data").mkdir()
    with open(os.fsencode(loading.repo.folder / "data") + b"/caf\xe9.csv", "w") as file:  # noqa: PTH123
        file.write(WELLS)
    [failure] = loading.load({"data/wells.csv": WELLS}).failed
    assert "not valid UTF-8" in failure.reason
    assert loading.tables == {"wells"}
