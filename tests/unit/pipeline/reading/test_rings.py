"""A glance never takes for valid what GEOS finds invalid, and spares the closer look for most real shapes."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from divebell.pipeline.reading.rings import glance

BOX = "POLYGON ((0 0, 4 0, 4 2, 0 2, 0 0))"


def wkb(*shapes: str | shapely.Geometry | None) -> pa.Array:
    drawn = [shapely.from_wkt(one) if isinstance(one, str) else one for one in shapes]
    return pa.array(shapely.to_wkb(drawn, flavor="iso", output_dimension=4), pa.binary())


def certain(*shapes: str | shapely.Geometry | None) -> list[bool]:
    seen = glance(wkb(*shapes))
    return [False] * len(shapes) if seen is None else seen.valid.tolist()


@pytest.mark.parametrize(
    "shape",
    [
        BOX,
        "POLYGON ((0 0, 0 2, 4 2, 4 0, 0 0))",
        "MULTIPOLYGON (((0 0, 4 0, 4 2, 0 2, 0 0)))",
        shapely.Point(-73.99, 40.7).buffer(0.0001),
        shapely.Point(500_000, 4_600_000).buffer(5),
        shapely.Polygon([(math.cos(t) * (1 + t % 2), math.sin(t) * (1 + t % 2)) for t in range(6)]),
    ],
)
def test_a_ring_that_goes_once_round_its_middle_is_valid(shape: str | shapely.Geometry) -> None:
    assert certain(shape) == [True]


@pytest.mark.parametrize(
    "shape",
    [
        "POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))",
        "POLYGON ((0 0, 1 1, 2 2, 0 0))",
        "POLYGON ((0 0, 4 0, 4 2, 0 2, 0 0), (1 1, 2 1, 2 1.5, 1 1))",
        "POLYGON Z ((0 0 1, 4 0 1, 4 2 1, 0 2 1, 0 0 1))",
        "POLYGON EMPTY",
        "LINESTRING (0 0, 4 0, 4 2, 0 2, 0 0)",
        "MULTIPOLYGON (((0 0, 4 0, 4 2, 0 2, 0 0)), ((1 1, 3 1, 3 3, 1 3, 1 1)))",
        "POLYGON ((0 0, 4 0, 4 0, 4 2, 0 2, 0 0))",
        "POLYGON ((0 0, 4 0, 4 2, 0 2, 0 0, 4 0, 4 2, 0 2, 0 0))",
        "POLYGON ((0 0, 1 0, 1 1e-17, 0 1e-17, 0 0))",
        shapely.Point(1e12, 1e12).buffer(0.001),
        None,
    ],
)
def test_everything_else_is_left_to_a_closer_look(shape: str | None) -> None:
    assert certain(shape) == [False]
    assert certain(BOX, shape, BOX) == [True, False, True]


def test_an_open_ring_is_left_to_a_closer_look() -> None:
    corners = np.array([[0, 0], [4, 0], [4, 2], [0, 2], [0, 1]], "<f8")
    head = b"\x01\x03\x00\x00\x00\x01\x00\x00\x00\x05\x00\x00\x00"
    assert glance(pa.array([head + corners.tobytes()], pa.binary())) is None


def test_the_extent_is_that_of_what_is_certain_within_a_slice() -> None:
    batch = wkb("POLYGON ((90 90, 91 90, 91 91, 90 90))", BOX, "POLYGON ((0 0, 9 9, 9 0, 0 9, 0 0))").slice(1)
    seen = glance(batch)
    assert seen is not None
    assert (seen.valid.tolist(), seen.extent) == ([True, False], (0, 0, 4, 2))


corner = st.tuples(st.integers(-5, 5), st.integers(-5, 5))
place = st.sampled_from([(0.0, 0.0), (-73.98, 40.75), (583_960.0, 4_507_523.0), (1e8, -1e8)])
scale = st.sampled_from([1.0, 1e-5, 0.1, 1000.0, 1e-9])


@given(st.lists(st.lists(corner, min_size=3, max_size=10), min_size=1, max_size=8), place, scale)
def test_nothing_invalid_is_taken_for_valid(
    rings: list[list[tuple[int, int]]], middle: tuple[float, float], size: float
) -> None:
    drawn = [
        shapely.Polygon([(middle[0] + x * size, middle[1] + y * size) for x, y in ring]) for ring in rings
    ]
    valid = shapely.is_valid(drawn).tolist()
    assert all(real or not guessed for guessed, real in zip(certain(*drawn), valid, strict=True))
