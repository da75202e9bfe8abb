from __future__ import annotations

import pyarrow as pa
import shapely

from divebell.pipeline.shapes import Shape, shape


def wkb(*texts: str | None) -> pa.Array:
    shapes = [None if text is None else shapely.from_wkt(text) for text in texts]
    return pa.array(shapely.to_wkb(shapes, flavor="iso", byte_order=1), pa.binary())


def test_one_kind_is_that_kind() -> None:
    assert shape("Geometry", [wkb("POINT (1 2)", None, "POINT EMPTY")]) == Shape("Point")


def test_several_kinds_are_geometry() -> None:
    assert shape("Point", [wkb("POINT (1 2)"), wkb("LINESTRING (1 2, 3 4)")]) == Shape("Geometry")


def test_heights_and_measures_belong_to_the_type() -> None:
    assert shape("Point", [wkb("POINT Z (1 2 3)")]).type == "PointZ"
    assert shape("Point", [wkb("POINT M (1 2 3)")]).type == "PointM"
    assert shape("Point", [wkb("POINT ZM (1 2 3 4)")]).type == "PointZM"


def test_heights_in_some_values_only_are_noticed() -> None:
    assert shape("Point", [wkb("POINT Z (1 2 3)", "POINT (1 2)")]) == Shape(
        "Point", "Z", mixed_dimensions=True
    )


def test_without_values_the_announced_type_counts() -> None:
    assert shape("MultiPolygon", [wkb(None)]) == Shape("MultiPolygon")
    assert shape("nonsense", []) == Shape("Geometry")


def test_slices_and_the_other_byte_order_are_read_alike() -> None:
    big = pa.array(
        [shapely.to_wkb(shapely.from_wkt("POLYGON ((0 0, 1 0, 1 1, 0 0))"), byte_order=0)], pa.binary()
    )
    assert shape("Geometry", [big, wkb("POINT (1 2)", "POLYGON ((0 0, 1 0, 1 1, 0 0))")[1:]]) == Shape(
        "Polygon"
    )
