import pytest
from hypothesis import given
from hypothesis import strategies as st

from divebell.tiles import boxes


@st.composite
def places(draw):
    z = draw(st.integers(0, 18))
    return z, draw(st.integers(0, 2**z - 1)), draw(st.integers(0, 2**z - 1))


def test_the_first_tile_is_the_world():
    half = boxes.HALF_WORLD
    assert boxes.tile_box(0, 0, 0) == (-half, -half, half, half)
    assert boxes.to_degrees(boxes.tile_box(0, 0, 0)) == pytest.approx((-180, -85.0511288, 180, 85.0511288))


@given(places())
def test_no_box_flips_or_leaves_the_world(place):
    west, south, east, north = boxes.to_degrees(boxes.tile_box(*place, margin=1 / 64))
    assert -180 <= west < east <= 180
    assert -85.06 <= south < north <= 85.06


@given(places())
def test_degrees_and_metres_are_inverse(place):
    box = boxes.tile_box(*place)
    assert boxes.to_metres(boxes.to_degrees(box)) == pytest.approx(box, abs=0.01)


def test_tiles_beside_the_antimeridian_stay_on_their_side():
    east = boxes.to_degrees(boxes.tile_box(4, 15, 6, margin=1 / 64))
    assert east[0] > 150
    assert east[2] == pytest.approx(180)


@pytest.mark.parametrize("place", [(-1, 0, 0), (0, 1, 0), (3, 0, 8), (23, 0, 0)])
def test_tiles_that_do_not_exist_are_told(place):
    assert not boxes.in_range(*place)
