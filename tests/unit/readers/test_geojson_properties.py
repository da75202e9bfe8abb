"""What is written as GeoJSON, in whatever layout, is what is read."""

from __future__ import annotations

import json
import math
from unittest.mock import patch

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from divebell.event.model import DatasetHint
from divebell.readers import gdal, jsonlayer, jsontext, reader_for

from .conftest import table_of

NUMBERS = st.one_of(
    st.integers(-80, 80),
    st.floats(-80, 80, allow_nan=False),
    st.floats(-80, 80, allow_nan=False, width=16),
)
PROPERTIES = st.dictionaries(
    st.sampled_from(["a", "b", "cd", 'q"\\', "features", "geometry", "é"]),
    st.recursive(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-(1 << 70), 1 << 70),
            st.integers(-9, 9),
            st.floats(allow_nan=False, allow_infinity=False),
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=9),
            st.sampled_from(['}, {"type": "Feature"', "]}", '\\"', "[[1,2]]"]),
        ),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text("ab"), inner, max_size=3)
        ),
        max_leaves=4,
    ),
    max_size=4,
)


def geometries(high: bool):
    place = st.tuples(*([NUMBERS] * (3 if high else 2))).map(list)
    line = st.lists(place, min_size=2, max_size=5)
    ring = st.lists(place, min_size=3, max_size=5).map(lambda places: [*places, places[0]])
    area = st.lists(ring, min_size=1, max_size=3)
    kinds = {
        "Point": place,
        "LineString": line,
        "Polygon": area,
        "MultiPoint": st.lists(place, min_size=1, max_size=4),
        "MultiLineString": st.lists(line, min_size=1, max_size=3),
        "MultiPolygon": st.lists(area, min_size=1, max_size=3),
    }
    plain = st.one_of(
        *(st.fixed_dictionaries({"type": st.just(kind), "coordinates": one}) for kind, one in kinds.items())
    )
    empty = st.fixed_dictionaries({"type": st.sampled_from(sorted(kinds)), "coordinates": st.just([])})
    several = st.lists(plain, max_size=2).map(
        lambda found: {"type": "GeometryCollection", "geometries": found}
    )
    return st.one_of(st.none(), plain, plain, plain, empty, several)


@st.composite
def documents(draw):
    """Give features and a text that holds them."""
    high = draw(st.booleans())
    features = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "type": st.just("Feature"),
                    "properties": st.none() | PROPERTIES,
                    "geometry": geometries(high),
                },
                optional={"bbox": st.just([0, 0, 1, 1]), "x": PROPERTIES},
            ),
            min_size=1,
            max_size=12,
        )
    )
    features = [dict(draw(st.permutations(list(one.items())))) for one in features]
    layout = draw(
        st.sampled_from(
            [
                {},
                {"indent": 1},
                {"separators": (",", ":")},
                {"separators": (" ,\r\n", "\t: ")},
                {"ensure_ascii": False},
            ]
        )
    )
    if draw(st.booleans()):
        between = draw(st.sampled_from(["\n", "", " ,\n", "\n\x1e"]))
        return features, between.join(json.dumps(one, **layout) for one in features)
    members = {
        "type": "FeatureCollection",
        "features": features,
        "name": '"features": [',
        "o": {"features": []},
    }
    return features, json.dumps(dict(draw(st.permutations(list(members.items())))), **layout)


def value_in(column, value):
    """Spell a JSON value as a column of its type keeps it."""
    if value is None or column == "double":
        return None if value is None else float(value)
    if column == "string" and not isinstance(value, str):
        return ("json", value)
    return value


def same(found, expected):
    if isinstance(expected, tuple):
        return json.loads(found) == expected[1]
    if isinstance(expected, float):
        return found == expected and math.copysign(1, found) == math.copysign(1, expected)
    return found == expected and type(found) is type(expected)


def shape_of(geometry, *, name):
    """Build what shapely makes of a geometry, promoted and lifted as the column says."""
    shape = None if geometry is None else shapely.geometry.shape(geometry)
    if shape is None or name.startswith("Geometry"):
        wanted = shape
    elif name.startswith("Multi") and not shape.geom_type.startswith("Multi"):
        multi = getattr(shapely, name.removesuffix("Z"))
        wanted = multi([] if shape.is_empty else [shape])
    else:
        wanted = shape
    return wanted if wanted is None or not name.endswith("Z") else shapely.force_3d(wanted)


def bits(shape):
    """Give type and coordinates, the latter to the last bit."""
    if shape is None:
        return None
    parts = [bits(one) for one in shape.geoms] if hasattr(shape, "geoms") else None
    places = parts or shapely.get_coordinates(shape, include_z=True).tobytes()
    return shape.geom_type, shape.is_empty, None if shape.is_empty else places


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=documents(), block=st.sampled_from([40, 150, 1 << 20]))
def test_what_is_read_is_what_json_and_shapely_make_of_it(tmp_path, document, block):
    features, text = document
    path = tmp_path / "a.geojson"
    path.write_text(text, encoding="utf-8", newline="")
    with (
        patch.object(jsontext, "BLOCK", block),
        patch.object(jsonlayer, "_SMALL", 0 if block < 999 else 1 << 20),
    ):
        (layer,) = (one.certain() for one in reader_for(path).read(path, DatasetHint()))
        rows = table_of(layer).to_pydict()
    expected = json.loads(json.dumps(features))
    for column in layer.columns:
        wanted = [
            value_in(str(column.type), (one["properties"] or {}).get(column.original)) for one in expected
        ]
        assert all(map(same, rows[column.name], wanted)), (column, rows[column.name], wanted)
    originals = {one.original for one in layer.columns}
    assert originals == {key for one in expected for key in one["properties"] or {}}
    found = [None if one is None else shapely.from_wkb(one) for one in rows["geom"]]
    wanted = [shape_of(one["geometry"], name=layer.geometry.type) for one in expected]
    assert [bits(one) for one in found] == [bits(one) for one in wanted]


@pytest.mark.parametrize("kind", ["Point", "LineString", "Polygon", "MultiPolygon", "mixed"])
def test_gdal_reads_the_same(tmp_path, kind):
    area = shapely.Polygon([(0.1, 0.2), (9.3, 0.7), (7 / 3, 8.1)], [[(3, 1), (4, 1), (3.5, 2)]])
    shapes = {
        "Point": [shapely.Point(n / 7, n / 9) for n in range(50)],
        "LineString": [shapely.LineString([(n / 7, 1), (n / 9, 2), (3, 4)]) for n in range(50)],
        "Polygon": [shapely.transform(area, lambda xy, n=n: xy + n / 7) for n in range(50)],
        "MultiPolygon": [shapely.MultiPolygon([area, shapely.box(20, n, 21, n + 1)]) for n in range(50)],
        "mixed": [area, shapely.Point(1, 2), None, shapely.GeometryCollection([area])],
    }[kind]
    features = [
        {
            "type": "Feature",
            "properties": {"n": n, "f": n / 3, "s": f"é{n}", "b": n % 2 == 0, "z": None},
            "geometry": None if one is None else json.loads(shapely.to_geojson(one)),
        }
        for n, one in enumerate(shapes)
    ]
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    (layer,) = reader_for(path).read(path, DatasetHint())
    rows = table_of(layer)
    theirs = list(gdal.stream(gdal.Source(path)))
    for name in ("n", "f", "s", "b", "z"):
        assert rows[name].to_pylist() == [one for batch in theirs for one in batch.column(name).to_pylist()]
    wkb = [one for batch in theirs for one in batch.column("wkb_geometry").to_pylist()]
    assert rows["geom"].to_pylist() == wkb
