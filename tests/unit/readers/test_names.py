from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from divebell.readers.names import column_names


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Total Population", "total_population"),
        ("pct-white", "pct_white"),
        ("2010 Tract", "_2010_tract"),
        ("Größe (m²)", "grosse_m2"),
        ("Straße", "strasse"),
        ("Населення", "naselennya"),
        ("Ñandú", "nandu"),
        ("% poor", "percent_poor"),
        ("#", "number"),
        ("人口", "column_1"),
        ("", "column_1"),
        ("select", "select"),
        ("geom", "geom_value"),
        ("row_id", "row_id_value"),
        ("xmin", "xmin_value"),
    ],
)
def test_headers_become_readable_names(header, name):
    assert column_names([header])[0] == (name,)


def test_doubles_are_told_apart_and_said():
    names, warnings = column_names(["Total", "total", "Total_2", "TOTAL"])
    assert names == ("total", "total_3", "total_2", "total_4")
    assert any(
        "column 2 is named 'total' like another column; this one is called total_3" in one for one in warnings
    )


def test_long_names_that_collide_when_cut_stay_unique():
    names, warnings = column_names(["x" * 200 + "a", "x" * 200 + "b"])
    assert names == ("x" * 63, "x" * 61 + "_2")
    assert "too long" in warnings[0]


@given(st.lists(st.text(max_size=100), max_size=30))
def test_names_are_always_valid_and_unique(headers):
    names, _ = column_names(headers)
    assert len(set(names)) == len(names) == len(headers)
    assert all(re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", one) for one in names)
