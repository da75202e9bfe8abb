from dataclasses import replace

import pytest

from divebell.tiles import sql
from divebell.tiles.frames import Frame, Kind
from divebell.tiles.layers import Field, Layer

LAYER = Layer(
    oid=1,
    schema="data",
    table='x"; DROP TABLE y; --',
    kind="r",
    owner="event_owner",
    estimate=10,
    version="1",
    geometry="geom",
    geography=False,
    type="MultiPolygon",
    srid=4326,
    key=None,
    fields=(Field("rate", "double precision"), Field("name", "text")),
)
FRAME = Frame(srid=4326, types=("Polygon",), rows=10)


@pytest.mark.parametrize("make", [sql.whole, sql.grid])
def test_names_are_quoted_never_pasted(make):
    text = make(LAYER, FRAME, 'ra"te')
    assert '"data"."x""; DROP TABLE y; --"' in text
    assert '"ra""te"' in text


def test_a_tile_carries_only_the_value_asked_for_and_an_id():
    text = sql.whole(LAYER, FRAME, "rate")
    assert '"rate"' in text
    assert '"name"' not in text
    assert "ctid" in text


def test_a_view_carries_its_attributes_because_its_rows_cannot_be_found_again():
    view = replace(LAYER, kind="v")
    assert '"name"' in sql.whole(view, FRAME, None)
    assert sql.feature(view) is None


def test_a_key_is_preferred_to_a_place_in_the_table():
    text = sql.whole(replace(LAYER, key="gid"), FRAME, None)
    assert '"gid"' in text
    assert "ctid" not in text


@pytest.mark.parametrize("kind", list(Kind))
def test_small_cells_halve_from_zoom_to_zoom(kind):
    frame = replace(FRAME, kind=kind, bounds=(0.0, 0.0, 1.0, 1.0))
    near, far = sql.small_cell(frame, 5), sql.small_cell(frame, 4)
    assert far == pytest.approx((2 * near[0], 2 * near[1]))
