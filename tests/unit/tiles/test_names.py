import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from divebell.tiles.names import from_slug, to_slug


@given(st.text(min_size=1, alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_every_table_name_survives_an_address(table):
    slug = to_slug("v_ana", table)
    assert from_slug(slug) == ("v_ana", table)
    assert not re.search(r"[/?#%\\\s\"'<>;]", slug)


def test_ordinary_names_stay_readable():
    assert to_slug("data", "us_counties") == "data.us_counties"
    assert to_slug("v_ana", "Straße.2021") == "v_ana.Straße.2021"


@pytest.mark.parametrize("slug", ["", "data", "data.", ".x", "data.~", "data.~!!", "data.~_w"])
def test_what_names_no_table_is_told(slug):
    assert from_slug(slug) is None
