"""Every geometry is looked at; what is invalid is repaired and kept, what is empty becomes NULL."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from divebell.pipeline.reading.check import Checker, _give_way
from divebell.pipeline.reading.frames import Checked
from divebell.pipeline.reading.repair import Fix

SQUARE = "POLYGON ((0 0, 1 0, 1 1, 0 1, 0 0))"
BOW_TIE = "POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))"
SPIKE = "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0, 0 4, 0 0))"
FLAT = "POLYGON ((0 0, 1 1, 2 2, 0 0))"


def wkb(*texts: str | None) -> pa.Array:
    shapes = [None if text is None else shapely.from_wkt(text) for text in texts]
    return pa.array(shapely.to_wkb(shapes, flavor="iso", output_dimension=4), pa.binary())


def check(kind: str, *batches: pa.Array) -> tuple[Checked, list[Fix]]:
    checker = Checker(kind)
    for batch in batches:
        checker.see(batch)
    return checker.finish()


def test_who_gives_way_more_already_goes_on_doing_so() -> None:
    def give_way_to_all() -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)

    with ThreadPoolExecutor(1, initializer=give_way_to_all) as pool:
        pool.submit(_give_way).result()
        assert pool.submit(os.getpriority, os.PRIO_PROCESS, 0).result() == 19


def test_missing_empty_and_invalid_ones_are_counted_over_all_batches() -> None:
    checked, fixes = check("Polygon", wkb(SQUARE, None, "POLYGON EMPTY"), wkb(BOW_TIE, SQUARE))
    assert (checked.null, checked.empty, checked.invalid, checked.unchecked) == (1, 1, 1, 0)
    assert checked.extent == (0, 0, 2, 2)
    assert checked.types == ("Polygon",)
    assert [fix.row for fix in fixes] == [3, 4]


def test_an_invalid_polygon_is_repaired_and_its_layer_widened_to_hold_several_parts() -> None:
    checked, fixes = check("Polygon", wkb(BOW_TIE, SPIKE))
    assert checked.type == "MultiPolygon"
    repaired = [shapely.from_wkb(fix.repaired) for fix in fixes]
    assert [(one.geom_type, one.area, one.is_valid) for one in repaired] == [
        ("MultiPolygon", 2, True),
        ("MultiPolygon", 16, True),
    ]
    assert [shapely.from_wkb(fix.original).wkt for fix in fixes] == [BOW_TIE, SPIKE]
    assert fixes[0].reason.startswith("Self-intersection")
    assert checked.warnings[0].startswith(
        "2 geometries were invalid (self-intersection; rows 1, 2) and repaired"
    )


def test_a_repair_within_one_part_widens_nothing() -> None:
    checked, fixes = check("Polygon", wkb(SPIKE))
    assert checked.type == "Polygon"
    assert shapely.from_wkb(fixes[0].repaired).geom_type == "Polygon"


def test_heights_survive_a_repair() -> None:
    checked, fixes = check("PolygonZ", wkb("POLYGON Z ((0 0 5, 2 2 5, 2 0 5, 0 2 5, 0 0 5))"))
    assert checked.type == "MultiPolygonZ"
    assert shapely.from_wkb(fixes[0].repaired).has_z


def test_one_that_encloses_nothing_is_left_out_and_its_original_kept() -> None:
    checked, [fix] = check("Polygon", wkb(FLAT))
    assert (checked.invalid, fix.repaired, fix.original) == (1, None, wkb(FLAT)[0].as_py())
    assert "left out (NULL)" in checked.warnings[0]


def test_a_part_of_a_multipolygon_keeps_the_layers_type() -> None:
    checked, [fix] = check("MultiPolygon", wkb("MULTIPOLYGON (((0 0, 1 0, 1 1, 0 1, 0 0, 0 1, 0 0)))"))
    assert checked.type == "MultiPolygon"
    assert shapely.from_wkb(fix.repaired).geom_type == "MultiPolygon"


def test_curves_are_not_checked_and_that_is_said() -> None:
    head = b"\x01\x08\x00\x00\x00\x03\x00\x00\x00"  # a CircularString of three points
    curve = head + np.array([0, 0, 1, 1, 2, 0], "<f8").tobytes()
    checked, fixes = check("Geometry", pa.array([curve, wkb(SQUARE)[0].as_py()], pa.binary()))
    assert (checked.unchecked, fixes) == (1, [])
    assert "could not be checked" in checked.warnings[0]


@pytest.mark.parametrize("kind", ["Point", "PointZ"])
def test_points_are_looked_at_without_taking_them_apart(kind: str) -> None:
    z = " 7" if kind == "PointZ" else ""
    dimension = "Z " if z else ""
    checked, fixes = check(kind, wkb(f"POINT {dimension}(1 2{z})", None, f"POINT {dimension}(-3 5{z})"))
    assert (checked.null, checked.extent, checked.types, fixes) == (1, (-3, 2, 1, 5), ("Point",), [])


def test_an_empty_point_is_found_among_points() -> None:
    checked, [fix] = check("Point", wkb("POINT (1 2)", "POINT EMPTY"))
    assert (checked.empty, fix.row, fix.repaired, checked.extent) == (1, 2, None, (1, 2, 1, 2))


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=9), st.integers(1, 3))
def test_whatever_is_drawn_ends_up_valid(corners: list[tuple[int, int]], copies: int) -> None:
    drawn = shapely.Polygon(corners)
    batch = pa.array([shapely.to_wkb(drawn, flavor="iso")] * copies, pa.binary())
    checked, fixes = check("Polygon", batch)
    assert checked.invalid == (0 if drawn.is_valid or drawn.is_empty else copies)
    for fix in fixes:
        repaired = shapely.from_wkb(fix.repaired)
        assert repaired is None or (repaired.is_valid and repaired.geom_type == checked.type)
