import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from divebell.tiles.boxes import EXTENT, latitude, tile_box
from divebell.tiles.frames import Frame, Kind
from divebell.tiles.gathered import gathered
from divebell.tiles.style import Stat, Style

FRAME = Frame(srid=4326)
LONGITUDES = st.floats(-180, 180) | st.sampled_from([-180.0, 0.0, 180.0, 90.0])
LATITUDES = st.floats(-85, 85) | st.sampled_from([0.0, latitude(tile_box(3, 2, 2)[1])])
ROWS = st.lists(
    st.tuples(LONGITUDES, LATITUDES, st.floats(-1e6, 1e6) | st.just(math.nan)), min_size=1, max_size=80
)


def of(rows, frame=FRAME):
    return gathered(frame, np.array(rows, dtype=">f8").tobytes(), ("value",))


@settings(deadline=None)
@given(ROWS, st.integers(0, 4), st.sampled_from([128, 256]))
def test_the_tiles_of_a_zoom_count_every_row_once(rows, z, grid):
    found = of(rows)
    tiles = [found.tile((z, x, y), grid, Style(column="v")) for x in range(2**z) for y in range(2**z)]
    assert sum(int(tile.count.sum()) for tile in tiles) == len(rows)


@settings(deadline=None)
@given(ROWS, st.integers(0, 18))
def test_a_tile_holds_the_rows_within_it_each_cell_one_point(rows, z):
    x0, y0, _ = rows[0]
    x = min(int((x0 + 180) / 360 * 2**z), 2**z - 1)
    y = min(max(int((1 - math.asinh(math.tan(math.radians(y0))) / math.pi) / 2 * 2**z), 0), 2**z - 1)
    tile = of(rows).tile((z, x, y), 256, Style(column="v"))
    cells = set(zip(tile.x // (EXTENT // 256), tile.y // (EXTENT // 256), strict=True))
    assert len(cells) == len(tile.x)
    assert all(0 <= one < EXTENT for one in [*tile.x, *tile.y])


@settings(deadline=None)
@given(ROWS)
def test_statistics_are_of_the_rows_that_have_a_number(rows):
    values = [value for *_, value in rows if not math.isnan(value)]
    found = of(rows)

    def told(stat):
        ((_, column),) = found.tile((0, 0, 0), 128, Style(column="v", stat=stat)).numbers
        return column[~np.isnan(column)]

    assert told(Stat.COUNT).sum() == len(values)
    assert math.isclose(told(Stat.SUM).sum(), math.fsum(values), abs_tol=1e-3)
    if values:
        assert told(Stat.MIN).min() == min(values)
        assert told(Stat.MAX).max() == max(values)
        assert min(values) - 1e-6 <= told(Stat.MEAN).mean() <= max(values) + 1e-6


def test_only_rows_within_the_numbers_asked_for_are_counted():
    found = of([(i / 10, i / 10, i) for i in range(100)])
    tile = found.tile((0, 0, 0), 256, Style(column="v", low=10.0, high=19.0))
    assert tile.count.sum() == 10
    assert not len(found.tile((0, 0, 0), 256, Style(column="v", low=1000.0)).x)


def test_metres_are_placed_as_degrees_are():
    metres = of([(20037508.342789244 / 2, 0.0, 1.0)], Frame(srid=3857, kind=Kind.METRES))
    degrees = of([(90.0, 0.0, 1.0)])
    for one in ("u", "v"):
        assert getattr(metres, one) == getattr(degrees, one)


def test_what_lies_off_the_map_is_not_counted():
    found = of([(10.0, 89.0, 1.0), (10.0, -89.0, 1.0), (10.0, 50.0, 1.0)])
    assert len(found.code) == 1
    assert not len(of(np.zeros((0, 3))).code)
