import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from divebell.tiles.mvt import Points, encode

sys.path.insert(0, str(Path(__file__).parents[2]))

from mvt import features

PLACES = st.integers(0, 4095)
ROWS = st.lists(
    st.tuples(PLACES, PLACES, st.integers(1, 5_000_000), st.floats(-1e300, 1e300) | st.just(float("nan"))),
    min_size=1,
    max_size=60,
)


def written(rows, name="data.a"):
    x, y, count, value = (np.array(column) for column in zip(*rows, strict=True))
    return encode(name, Points(x, y, count, (("value", value),)))


@settings(deadline=None, max_examples=40)
@given(ROWS)
def test_another_decoder_reads_what_was_written(rows):
    found = features(SimpleNamespace(status_code=200, content=written(rows)))
    read = [
        (one["geometry"].x, 4096 - one["geometry"].y, one["count"], one.get("value", np.nan)) for one in found
    ]
    np.testing.assert_array_equal(np.array(read, dtype=float), np.array(rows, dtype=float))


def test_counts_alone_are_a_tile_too():
    tile = encode("data.a", Points(np.array([7]), np.array([9]), np.array([300])))
    [found] = features(SimpleNamespace(status_code=200, content=tile))
    assert found["count"] == 300


def test_nothing_is_no_tile():
    empty = np.zeros(0)
    assert encode("data.a", Points(empty, empty, empty)) == b""


def test_long_names_and_many_features_are_written_whole():
    rows = [(i % 4096, i // 4096, 1 + i % 700, i / 3) for i in range(20_000)]
    assert len(features(SimpleNamespace(status_code=200, content=written(rows, "ä" * 200)))) == 20_000
