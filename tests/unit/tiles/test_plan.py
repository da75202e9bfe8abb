import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from divebell.tiles.plan import COARSE, FINE, NEVER, WHOLE_ROWS, Cells, Plan, Sample, fullest, plan


def scattered(rows, *, within=1.0, size=0.0, scale=1.0, seed=1):
    numbers = np.random.default_rng(seed)
    return Sample(numbers.random(rows) * within, numbers.random(rows) * within, np.full(rows, size), scale)


def test_a_layer_that_fits_is_whole_everywhere():
    assert plan(scattered(5000)) == Plan()


def test_a_zoom_is_whole_from_where_its_fullest_tile_fits():
    decided = plan(scattered(50_000, scale=20.0))  # a million rows all over the world
    assert 3 <= decided.whole_from <= 4
    assert fullest(scattered(50_000, scale=20.0), decided.whole_from) <= WHOLE_ROWS
    assert decided.at(decided.whole_from) is None
    assert decided.at(0) is not None


def test_rows_in_one_spot_are_cells_at_every_zoom():
    spot = Sample(np.full(30_000, 0.3), np.full(30_000, 0.4), np.zeros(30_000), 1.0)
    assert plan(spot).whole_from == NEVER
    assert plan(spot).at(18) is not None


def test_cells_are_coarser_where_they_would_be_many():
    everywhere, corner = plan(scattered(50_000, scale=20.0)), plan(scattered(50_000, within=0.02, scale=20.0))
    assert everywhere.at(0) == Cells(COARSE)
    assert corner.at(0) == Cells(FINE)


def test_a_few_large_features_come_whole_among_the_cells():
    few = scattered(50_000)
    few.size[:100] = 0.1
    assert plan(few).at(0).large
    assert not plan(scattered(50_000, size=0.1)).at(0).large
    assert not plan(scattered(50_000)).at(0).large


@given(st.integers(0, 22))
def test_a_plan_that_was_wrong_changes_for_the_whole_zoom(zoom):
    changed = Plan().without(zoom)
    assert changed.at(zoom) is not None
    assert changed.whole_from > zoom


def test_too_many_large_ones_are_left_to_the_cells():
    changed = Plan(3, (Cells(large=True),) * 3).without(1)
    assert [changed.at(z).large for z in range(3)] == [False, False, True]


@pytest.mark.parametrize("rows", [0, 1])
def test_next_to_nothing_is_a_plan_too(rows):
    assert plan(scattered(rows)) == Plan()
