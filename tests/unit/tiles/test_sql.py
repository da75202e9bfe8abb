from dataclasses import replace

import pytest

from divebell.tiles import sql
from divebell.tiles.cells import cell_size, cells, edges
from divebell.tiles.frames import Frame, Kind
from divebell.tiles.layers import Field, Layer, Readers
from divebell.tiles.plan import Cells
from divebell.tiles.search import name_columns, pattern, search_sql
from divebell.tiles.style import Stat, Style

LAYER = Layer(
    oid=1,
    schema="data",
    table='x"; DROP TABLE y; --',
    kind="r",
    owner="event_owner",
    estimate=10,
    state="1",
    geometry="geom",
    geography=False,
    type="MultiPolygon",
    srid=4326,
    key=None,
    fields=(Field('ra"te', "double precision"), Field("name", "text"), Field("geoid", "text")),
)
FRAME = Frame(srid=4326, types=("Polygon",), rows=10)
STYLE = Style(column='ra"te')


def texts():
    yield sql.whole(LAYER, FRAME, STYLE).text
    for kind in Kind:
        for stat in Stat:
            for column in ('ra"te', "name"):
                style = Style(column=column, size='ra"te', stat=stat, low=1.0, only=("a",))
                how = Cells(large=True)
                frame = replace(FRAME, kind=kind, bounds=(0.0, 0.0, 1.0, 1.0))
                yield cells(LAYER, frame, style, how, boxed=True).text
    yield search_sql(LAYER, FRAME)


@pytest.mark.parametrize("text", list(texts()))
def test_names_are_quoted_never_pasted(text):
    assert '"data"."x""; DROP TABLE y; --"' in text
    assert '"ra""te"' in text or '"name"' in text


def test_a_tile_carries_only_the_value_asked_for_and_an_id():
    text = sql.whole(LAYER, FRAME, STYLE).text
    assert '"ra""te"' in text
    assert '"name"' not in text
    assert "ctid" in text


def test_a_view_carries_its_attributes_because_its_rows_cannot_be_found_again():
    view = replace(LAYER, kind="v")
    assert '"name"' in sql.whole(view, FRAME, Style()).text
    assert sql.feature(view, FRAME) is None


def test_a_key_is_preferred_to_a_place_in_the_table():
    text = sql.whole(replace(LAYER, key="gid"), FRAME, Style()).text
    assert '"gid"' in text
    assert "ctid" not in text


def test_a_statement_takes_exactly_the_values_it_names():
    statement = sql.whole(LAYER, FRAME, Style(column='ra"te', low=1.0))
    assert set(statement.order) == {"west", "south", "east", "north", "z", "x", "y", "low", "high"}
    assert f"${len(statement.order)}" in statement.text
    assert f"${len(statement.order) + 1}" not in statement.text


@pytest.mark.parametrize("kind", list(Kind))
def test_cells_halve_from_zoom_to_zoom(kind):
    frame = replace(FRAME, kind=kind, bounds=(0.0, 0.0, 1.0, 1.0))
    near, far = cell_size(frame, 5, 256), cell_size(frame, 4, 256)
    assert far == pytest.approx((2 * near[0], 2 * near[1]))


@pytest.mark.parametrize("kind", [Kind.DEGREES, Kind.METRES])
@pytest.mark.parametrize("vertical", [False, True])
def test_neighbours_share_their_edge_to_the_last_bit(kind, vertical):
    frame = replace(FRAME, kind=kind)
    for z in (1, 5, 11, 18):
        for place in {0, 2**z // 3, 2**z - 2}:
            one = edges(frame, z, place, 256, vertical=vertical)
            other = edges(frame, z, place + 1, 256, vertical=vertical)
            assert (other[-1] == one[0]) if vertical else (one[-1] == other[0])
            assert one == sorted(set(one))
            assert len(one) == 257


def test_cells_of_a_zoom_lie_within_those_of_the_zoom_above():
    near, far = edges(FRAME, 6, 21, 256), edges(FRAME, 5, 10, 256)
    assert set(near[::2]) <= set(far)


def test_the_best_label_comes_first_and_codes_are_no_names():
    fields = tuple(Field(name, "text") for name in ("geoid", "statename", "name", "kind"))
    assert name_columns(replace(LAYER, fields=fields)) == ("name", "statename")
    assert name_columns(replace(LAYER, fields=(Field("geoid", "text"), Field("kind", "text")))) == ("kind",)
    assert name_columns(replace(LAYER, fields=(Field("n", "integer"),))) == ()


def test_what_is_searched_for_is_no_pattern():
    assert pattern(r"50%_\x") == r"%50\%\_\\x%"


def test_who_sees_a_layer():
    mine = Readers(shared=False, roles=frozenset({"v_ana", "v_ben"}))
    assert [mine.include(one) for one in ("ana", "ben", "carl", None)] == [True, True, False, False]
    assert [Readers(shared=True).include(one) for one in ("carl", None)] == [True, True]
    for_volunteers = Readers(shared=False, roles=frozenset({"volunteers"}))
    assert [for_volunteers.include(one) for one in ("carl", None)] == [True, False]
