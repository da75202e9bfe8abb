"""What an address asks for is what is checked."""

from types import SimpleNamespace

import pytest
from starlette.exceptions import HTTPException

from divebell.tiles.asking import whole_number


def asked(k):
    request = SimpleNamespace(query_params={"k": k})
    return whole_number(request, "k", usual=5, least=2, most=9)


def test_a_whole_number_is_read():
    assert (asked("2"), asked("09")) == (2, 9)


@pytest.mark.parametrize("k", ["1", "10", "", "-3", "2.0", "\u0663", "1_0", "00000000599999", "9" * 5000])
def test_a_number_beyond_the_bounds_is_refused_however_it_is_written(k):
    with pytest.raises(HTTPException) as refused:
        asked(k)
    assert refused.value.status_code == 400
