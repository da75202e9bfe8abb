import numpy as np
import pytest

from divebell.tiles.classes import Scheme, upper_bounds

SCHEMES = list(Scheme)


@pytest.mark.parametrize("scheme", set(SCHEMES) - {Scheme.DIVERGING})
def test_bounds_rise_and_reach_the_largest_value(scheme):
    values = np.random.default_rng(1).lognormal(size=5000).tolist()
    bounds = upper_bounds(values, scheme=scheme, k=5)
    assert len(bounds) == 5
    assert bounds == sorted(set(bounds))
    assert bounds[-1] == pytest.approx(max(values))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_constant_column_has_one_class(scheme):
    assert upper_bounds([7.0] * 100, scheme=scheme, k=5) == [7.0]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_few_distinct_values_are_a_class_each(scheme):
    assert upper_bounds([1.0, 2.0, 2.0, 5.0], scheme=scheme, k=5) == [1.0, 2.0, 5.0]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_mostly_one_value_still_gives_rising_bounds(scheme):
    values = [0.0] * 100_000 + [float(number) for number in range(1, 11)]
    bounds = upper_bounds(values, scheme=scheme, k=5)
    assert bounds == sorted(set(bounds))
    assert bounds[-1] == 10


def test_quantiles_hold_equal_counts():
    bounds = upper_bounds([float(number) for number in range(1, 101)], scheme=Scheme.QUANTILES, k=4)
    assert bounds == pytest.approx([25.75, 50.5, 75.25, 100])


def test_natural_breaks_fall_into_the_gaps():
    values = [*np.linspace(0, 1, 40), *np.linspace(10, 11, 40), *np.linspace(50, 52, 40)]
    assert upper_bounds(values, scheme=Scheme.NATURAL, k=3) == pytest.approx([1, 11, 52])


def test_natural_breaks_of_many_values_are_the_same_every_time():
    values = np.random.default_rng(2).normal(size=20_000).tolist()
    once, again = (upper_bounds(values, scheme=Scheme.NATURAL, k=5) for _ in range(2))
    assert once == again


def test_diverging_classes_are_equally_wide_on_both_sides_of_zero():
    values = [float(number) for number in range(-20, 101)]
    bounds = upper_bounds(values, scheme=Scheme.DIVERGING, k=4)
    assert 0.0 in bounds
    assert len(bounds) == 4
    assert bounds[1] - bounds[0] == pytest.approx(bounds[3] - bounds[2])
    assert bounds[3] == pytest.approx(97.6)
