"""Values, headers and geometries that break other loaders: tamed with a warning or refused in clear words."""

from __future__ import annotations

import pytest

from .conftest import Loading
from .hostile import load_beside, refused


def collection(*geometries: str) -> str:
    parts = (
        f'{{"type": "Feature", "properties": {{"n": {n}}}, "geometry": {one}}}'
        for n, one in enumerate(geometries)
    )
    return f'{{"type": "FeatureCollection", "features": [{", ".join(parts)}]}}'


def test_34_a_table_wider_than_postgresql_has_clear_words(loading: Loading) -> None:
    header = ",".join(f"c{number}" for number in range(1700))
    reason = refused(loading, "wide.csv", f"{header}\n{',' * 1699}\n")
    assert "1,700 columns" in reason


def test_34_odd_headers_all_become_columns(loading: Loading) -> None:
    long = "x" * 70
    headers = [
        "%s",
        "%(a)s",
        '"; DROP SCHEMA data; --',
        "",
        "",
        long + "a",
        long + "b",
        "a\nb",
        "row_id",
        "geom",
    ]
    line = ",".join('"' + header.replace('"', '""') + '"' for header in headers)
    listing = load_beside(loading, "odd.csv", f"{line}\n{','.join(str(n) for n in range(10))}\n")
    assert listing.failed == ()
    [entry] = [one for one in listing.datasets if one.file == "data/odd.csv"]
    names = [column["name"] for column in entry.columns]
    assert len(set(names)) == 10
    assert all(0 < len(name.encode()) <= 63 for name in names)
    assert next(column["original"] for column in entry.columns) == "%s"
    assert loading.rows("SELECT * FROM data.odd") == [(1, *range(10))]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("far.geojson", collection('{"type": "Point", "coordinates": [1e300, 1e300]}', '{"type": "Point", "coordinates": [1, 2]}')),
        ("far.csv", "n,longitude,latitude\n0,1e300,1e300\n1,1,2\n"),
        ("far.csv", "n,longitude,latitude\n0,inf,nan\n1,1,2\n"),
    ],
)  # fmt: skip
def test_35_points_without_end_spoil_neither_the_table_nor_its_bounds(
    loading: Loading, name: str, content: str
) -> None:
    listing = load_beside(loading, name, content)
    assert listing.failed == ()
    [entry] = [one for one in listing.datasets if one.table_name == "far"]
    assert (entry.rows, entry.bbox) == (2, [1, 2, 1, 2])
    assert any("row" in warning for warning in entry.warnings)
    assert loading.column("SELECT ST_AsText(geom) FROM data.far ORDER BY row_id") == [None, "POINT(1 2)"]


def test_35_a_number_that_json_does_not_have_is_named_or_left_out(loading: Loading) -> None:
    listing = load_beside(loading, "nan.geojson", collection('{"type": "Point", "coordinates": [NaN, 1]}'))
    assert {one.file for one in (*listing.failed, *listing.datasets)} == {
        "data/nan.geojson",
        "data/wells.csv",
    }
    if "nan" in loading.tables:
        assert loading.column("SELECT geom FROM data.nan") == [None]


def test_36_a_huge_outline_loads_or_is_named(loading: Loading) -> None:
    ring = ", ".join(f"[{n / 1e6}, {n % 2}]" for n in range(1_200_000))
    content = collection(f'{{"type": "LineString", "coordinates": [{ring}]}}')
    listing = load_beside(loading, "huge.geojson", content)
    assert {one.file for one in (*listing.failed, *listing.datasets)} == {
        "data/huge.geojson",
        "data/wells.csv",
    }


@pytest.mark.parametrize("open_only", [False, True])
def test_json_that_is_too_deep_is_named(loading: Loading, open_only: bool) -> None:
    deep = "[" * 200_000 + ("" if open_only else "]" * 200_000)
    content = f'{{"type": "FeatureCollection", "features": [{{"type": "Feature", "geometry": null, "properties": {{"a": {deep}}}}}]}}'
    listing = load_beside(loading, "deep.geojson", content)
    assert {one.file for one in (*listing.failed, *listing.datasets)} == {
        "data/deep.geojson",
        "data/wells.csv",
    }
