"""Where a text table keeps its points: found by values where names say nothing."""

from __future__ import annotations

import pytest
import shapely


def said(layer):
    return "\n".join(layer.warnings)


def test_wkt_is_found_by_its_values_whatever_the_column_is_called(read):
    layer, rows = read(
        "a.csv", "id,New Georeferenced Column\n1,\n2,POINT (-73.9 40.7)\n3,POINT (-73.8 40.6)\n"
    )
    assert (layer.geometry.type, layer.geometry.crs) == ("Point", "EPSG:4326")
    assert [one and shapely.from_wkb(one).wkt for one in rows["geom"]] == [
        None,
        "POINT (-73.9 40.7)",
        "POINT (-73.8 40.6)",
    ]
    assert read("b.csv", "id,place\n1,Point Loma (CA)\n2,Polygon\n")[0].geometry is None


def test_wkt_beyond_degrees_leaves_its_row_without_geometry(read):
    rows = "".join(f"{at},POINT (-73.{at} 40.1)\n" for at in range(5))
    layer, table = read("a.csv", f"id,the_geom\n{rows}9,POINT (1014750 194324)\n")
    assert layer.geometry.crs == "EPSG:4326"
    assert [one is None for one in table["geom"]] == [False] * 5 + [True]
    assert "1 geometry lies beyond the range of longitude and latitude; left out (rows 6)" in said(layer)
    layer, table = read("b.csv", "id,the_geom\n1,SRID=4326;POINT (1014750 194324)\n")
    assert layer.geometry.crs is None
    assert "declares longitudes and latitudes in WGS 84 (EPSG:4326)" in said(layer)


@pytest.mark.parametrize(
    ("pairs", "first"),
    [
        (["-122.5,37.9", "12.5,41.9"], "POINT (-122.5 37.9)"),
        (["37.9,-122.5", "12.5,41.9", "12.5,41.9"], "POINT (-122.5 37.9)"),
        (["-122.5,37.9", "37.9,-122.5"], None),
    ],
)
def test_the_order_of_a_pair_is_what_alone_is_possible(read, pairs, first):
    layer, rows = read("a.csv", "location\n" + "".join(f'"{one}"\n' for one in pairs))
    if first is None:
        assert "cannot be told" in said(layer)
    else:
        assert shapely.from_wkb(rows["geom"][0]).wkt == first
        assert None not in rows["geom"]
        assert "exchanged" not in said(layer)
