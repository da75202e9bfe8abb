"""What a loaded table is like: types, keys, geometry, statistics, comments, grants."""

from __future__ import annotations

import json
from typing import Any

from divebell.database import provision

from .conftest import Loading


def features(*geometries: dict[str, Any] | None, **members: Any) -> str:
    listed = [
        {"type": "Feature", "properties": {"n": n}, "geometry": one} for n, one in enumerate(geometries)
    ]
    return json.dumps({"type": "FeatureCollection", "features": listed, **members})


def point(*coordinates: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": coordinates}


SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
BOW_TIE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}


def wide(columns: int, rows: int, cell: Any) -> str:
    header = ",".join(f"c{number}" for number in range(columns))
    lines = [",".join(cell(row, number) for number in range(columns)) for row in range(rows)]
    return "\n".join([header, *lines]) + "\n"


def test_a_table_has_a_key_comments_and_the_readers_grant(loading: Loading) -> None:
    loading.load({"data/wells.csv": "Well ID,Depth (m)\n7,1.5\n"})
    assert loading.rows(
        "SELECT attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum) "
        "FROM pg_attribute WHERE attrelid = 'data.wells'::regclass AND attnum > 0 ORDER BY attnum"
    ) == [
        ("row_id", "integer", None),
        ("well_id", "bigint", "Well ID"),
        ("depth_m", "double precision", "Depth (m)"),
    ]
    assert loading.column("SELECT obj_description('data.wells'::regclass)") == ["data/wells.csv"]
    assert loading.column("SELECT has_table_privilege('event_reader', 'data.wells', 'SELECT')") == [True]
    assert loading.column("SELECT tableowner FROM pg_tables WHERE tablename = 'wells'") == ["event_owner"]
    assert loading.column("SELECT indisprimary FROM pg_index WHERE indrelid = 'data.wells'::regclass") == [
        True
    ]


def test_geometry_is_typed_indexed_and_measured(loading: Loading) -> None:
    loading.load({"data/areas.geojson": features(SQUARE, BOW_TIE, None)})
    [entry] = loading.listing.datasets
    assert (entry.geometry_type, entry.crs, entry.rows) == ("MultiPolygon", "EPSG:4326", 3)
    assert (entry.null_geometries, entry.empty_geometries, entry.invalid_geometries) == (1, 0, 1)
    assert entry.bbox == [0, 0, 1, 1]
    assert loading.rows(
        "SELECT type, srid, coord_dimension FROM geometry_columns WHERE f_table_name = 'areas'"
    ) == [("MULTIPOLYGON", 4326, 2)]
    assert loading.column(
        "SELECT indexdef LIKE '%USING gist (geom)' FROM pg_indexes WHERE indexdef ~ 'gist'"
    ) == [True]


def test_an_invalid_geometry_is_repaired_and_its_original_kept_as_long_as_its_table(loading: Loading) -> None:
    loading.load({"data/areas.geojson": features(SQUARE, BOW_TIE)})
    [entry] = loading.listing.datasets
    assert any(
        "1 geometry was invalid (self-intersection; row 2) and repaired" in one for one in entry.warnings
    )
    assert loading.rows("SELECT ST_IsValid(geom), ST_Area(geom) FROM data.areas WHERE row_id = 2") == [
        (True, 0.5)
    ]
    assert loading.rows(
        "SELECT table_name, row_id, ST_IsValid(geom), ST_SRID(geom) FROM catalogue.original_geometry"
    ) == [("areas", 2, False, 4326)]
    loading.load({"data/areas.geojson": features(SQUARE)})
    assert loading.rows("SELECT * FROM catalogue.original_geometry") == []
    assert loading.column("SELECT tablename FROM pg_tables WHERE schemaname = 'stage'") == []


def test_an_empty_geometry_is_null_and_counted(loading: Loading) -> None:
    loading.load({"data/areas.geojson": features(SQUARE, {"type": "Polygon", "coordinates": []}, None)})
    [entry] = loading.listing.datasets
    assert (entry.null_geometries, entry.empty_geometries, entry.geometry_type) == (1, 1, "Polygon")
    assert loading.column("SELECT geom IS NULL FROM data.areas ORDER BY row_id") == [False, True, True]


def test_heights_are_kept_where_only_some_have_one(loading: Loading) -> None:
    loading.load({"data/spots.geojson": features(point(1, 2), point(1, 2, 3))})
    assert loading.column("SELECT ST_AsText(geom) FROM data.spots ORDER BY row_id") in (
        ["POINT Z (1 2 0)", "POINT Z (1 2 3)"],
        ["POINT(1 2)", "POINT(1 2)"],
    )
    assert loading.listing.failed == ()


def test_one_point_beyond_the_world_does_not_spoil_the_bounding_box(loading: Loading) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32631"}}
    loading.load({"data/paris.geojson": features(point(450000, 5410000), point(450000, 1e12), crs=crs)})
    [entry] = loading.listing.datasets
    assert entry.bbox is not None
    assert [round(value) for value in entry.bbox] == [2, 49, 2, 49]
    assert entry.warnings != []


def test_a_projected_layer_has_its_bounding_box_in_degrees(loading: Loading) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32631"}}
    loading.load({"data/paris.geojson": features(point(450000, 5410000), crs=crs)})
    [entry] = loading.listing.datasets
    assert entry.crs == "EPSG:32631"
    assert entry.bbox is not None
    assert [round(value) for value in entry.bbox] == [2, 49, 2, 49]
    assert loading.column("SELECT ST_SRID(geom) FROM data.paris") == [32631]


def test_a_table_of_1106_mixed_columns_loads_exactly(loading: Loading) -> None:
    def cell(row: int, number: int) -> str:
        kinds = (str(-888888888 + row), f"{number + row / 8}", f"00{number}", f"{row * number}")
        return kinds[number % 4]

    loading.load({"data/wide.csv": wide(1106, 300, cell)})
    assert loading.listing.failed == ()
    [entry] = loading.listing.datasets
    assert (entry.rows, len(entry.columns)) == (300, 1106)
    assert loading.rows("SELECT c0, c1, c2, c1104, c1105 FROM data.wide WHERE row_id = 300") == [
        (-888888589, 1 + 299 / 8, "002", -888888589, 1105 + 299 / 8)
    ]


def test_a_table_that_no_row_can_hold_keeps_the_rest_in_one_json_column(loading: Loading) -> None:
    loading.load({"data/wide.csv": wide(1500, 3, lambda row, number: f"{number + row / 7!r}")})
    assert loading.listing.failed == ()
    [entry] = loading.listing.datasets
    assert entry.columns[-1] == {
        "name": "other_columns",
        "original": "other_columns",
        "type": "jsonb",
        "nulls": 0,
    }
    assert any("share the column 'other_columns'" in warning for warning in entry.warnings)
    assert loading.column("SELECT (other_columns ->> 'c1499')::float FROM data.wide WHERE row_id = 2") == [
        1499 + 1 / 7
    ]


def test_a_file_may_call_its_columns_as_postgresql_calls_its_own(loading: Loading) -> None:
    loading.load({"data/boxes.csv": "row_id,xmin,xmax,ctid,geom,select\n9,1,2,3,4,5\n"})
    assert loading.listing.failed == ()
    [entry] = loading.listing.datasets
    assert [column["original"] for column in entry.columns] == [
        "row_id",
        "xmin",
        "xmax",
        "ctid",
        "geom",
        "select",
    ]
    assert loading.column("SELECT row_id FROM data.boxes") == [1]


def test_a_header_without_rows_is_an_empty_table(loading: Loading) -> None:
    loading.load({"data/nothing.csv": "a,b\n"})
    assert [entry.rows for entry in loading.listing.datasets] == [0]


def test_a_volunteer_reads_the_data_and_cannot_write_to_it(loading: Loading) -> None:
    loading.load({"data/wells.csv": "id\n1\n"})
    import psycopg
    import pytest

    from divebell.database import connect

    with connect(loading.state, "event_hub", autocommit=True) as hub:
        password = provision(hub, "ann")
    target = {"host": "127.0.0.1", "port": loading.connection.info.port, "dbname": "event"}
    with psycopg.connect(**target, user="v_ann", password=password, autocommit=True) as ann:  # type: ignore[arg-type]
        assert ann.execute("SELECT count(*) FROM data.wells").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ann.execute("DELETE FROM data.wells")
