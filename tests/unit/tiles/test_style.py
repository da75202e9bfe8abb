import pytest
from hypothesis import given
from hypothesis import strategies as st

from divebell.errors import DivebellError
from divebell.tiles import sql
from divebell.tiles.style import Stat, Style, style_of

from .test_sql import FRAME, LAYER


@given(
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(Stat),
    st.lists(st.text(max_size=5).filter(lambda text: "\0" not in text), max_size=3),
)
def test_a_style_written_into_an_address_is_read_the_same(low, high, stat, only):
    style = Style('ra"te', 'ra"te', stat, low, high, tuple(only))
    assert style_of(style.parameters(), LAYER) == style


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ([("column", "nothing")], "column"),
        ([("size", "name")], "size"),
        ([("stat", "median")], "stat"),
        ([("min", "3")], "min"),
        ([("column", "name"), ("max", "3")], "max"),
        ([("column", 'ra"te'), ("min", "nan")], "min"),
        ([("column", 'ra"te'), ("max", "1e999")], "max"),
        ([("only", "a")], "only"),
        ([("column", "name"), *[("only", str(i)) for i in range(51)]], "only"),
        ([("column", "name"), ("only", "\0")], "only"),
    ],
)
def test_what_is_wrong_with_a_style_is_said(parameters, word):
    with pytest.raises(DivebellError, match=word):
        style_of(parameters, LAYER)


def test_words_are_no_numbers():
    assert Style("name").categorical(LAYER)
    assert not Style('ra"te').categorical(LAYER)
    assert not Style().categorical(LAYER)


def test_rows_are_chosen_by_another_column_than_the_one_that_colours():
    style = style_of([("column", "name"), ("by", 'ra"te'), ("min", "3")], LAYER)
    assert style == Style("name", low=3.0, by='ra"te')
    assert style_of(style.parameters(), LAYER) == style
    assert style_of([("by", "name"), ("only", "a")], LAYER) == Style(by="name", only=("a",))
    assert '"name"' in sql.whole(LAYER, FRAME, Style(column='ra"te', by="name", only=("a",))).text


def test_a_column_that_chooses_nothing_new_asks_for_the_tiles_that_are_there_already():
    assert style_of([("column", "name"), ("by", 'ra"te')], LAYER) == Style("name")
    same = [("column", 'ra"te'), ("by", 'ra"te'), ("min", "3")]
    assert style_of(same, LAYER) == Style('ra"te', low=3.0)


@pytest.mark.parametrize("parameters", [[("by", "nothing"), ("only", "a")], [("by", "name"), ("min", "3")]])
def test_what_is_wrong_with_choosing_rows_is_said(parameters):
    with pytest.raises(DivebellError, match="column"):
        style_of([("column", 'ra"te'), *parameters], LAYER)
