import ast

import pytest

from divebell.portal.snippets import snippets, sql_name


@pytest.mark.parametrize("table", ["tracts", "Big Table", 'o"dd', "it's", "select"])
@pytest.mark.parametrize("geometry", [None, "geom", "the_geom"])
def test_what_is_offered_to_copy_is_python(table, geometry):
    python = dict(snippets("data", table, geometry))["Python"]
    ast.parse(python)
    assert "divebell.engine()" in python


def test_names_are_quoted_only_where_they_must_be():
    assert sql_name("data", "tracts") == "data.tracts"
    assert sql_name("v_ana", 'Big "T"') == 'v_ana."Big ""T"""'
