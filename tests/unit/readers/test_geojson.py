from __future__ import annotations

import json
import subprocess
import sys

import pyarrow as pa
import pytest
import shapely

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import ContradictedError, jsonlayer, jsontext, reader_for

from .conftest import table_of


def feature(geometry, properties=None, **more):
    return {"type": "Feature", "properties": properties or {}, "geometry": geometry, **more}


def collection(*features, **more):
    return {"type": "FeatureCollection", "features": list(features), **more}


def point(x, y, *z):
    return {"type": "Point", "coordinates": [x, y, *z]}


def square(at=0.0):
    ring = [[at, at], [at + 1, at], [at + 1, at + 1], [at, at]]
    return {"type": "Polygon", "coordinates": [ring]}


def wkts(rows):
    return [None if one is None else shapely.from_wkb(one).wkt for one in rows["geom"]]


def said(layer):
    return "\n".join(layer.warnings)


@pytest.fixture
def _in_small_pieces(monkeypatch):
    """Let small files take the way of large ones: guessed by their beginning, read in pieces."""
    monkeypatch.setattr(jsontext, "BLOCK", 300)
    monkeypatch.setattr(jsonlayer, "_SMALL", 0)


@pytest.mark.usefixtures("_in_small_pieces")
@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"indent": 2},
        {"indent": "\t", "separators": (" ,", " :\r\n")},
        {"separators": (",", ":")},
        {"separators": ("\n,", ":")},
    ],
)
def test_any_layout_is_read(read, layout):
    decoy = {"features": [{"type": "Feature"}, {"type": "Feature"}], "a": '}, {"type": "Feature", "\\'}
    features = [
        feature(square(n), {"n": n, "note": '"}]}, {"type": "Feature', "o": decoy}) for n in range(60)
    ]
    _, rows = read("a.geojson", json.dumps(collection(*features), **layout))
    assert rows["n"] == list(range(60))
    assert json.loads(rows["o"][7]) == decoy
    assert wkts(rows)[59] == shapely.geometry.shape(square(59)).wkt


@pytest.mark.usefixtures("_in_small_pieces")
def test_a_crs_is_found_before_and_after_the_features(read):
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32618"}}
    features = [feature(point(500000 + n, 4500000), {"n": n}) for n in range(50)]
    for document in ({"crs": crs, **collection(*features)}, collection(*features, crs=crs, x="y" * 9000)):
        layer, rows = read("a.geojson", json.dumps(document))
        assert (layer.geometry.crs, len(rows["n"])) == ("EPSG:32618", 50)


@pytest.mark.parametrize(
    ("crs", "code", "warning"),
    [
        (None, None, "does not say"),
        ("EPSG:4269", "EPSG:4269", ""),
        ({"type": "EPSG", "properties": {"code": 4269}}, "EPSG:4269", ""),
        ({"type": "link", "properties": {"href": "http://example.org/crs"}}, None, "cannot be understood"),
        ({"type": "name", "properties": {"name": "nonsense"}}, None, "cannot be understood"),
    ],
)
def test_every_way_to_write_a_crs(read, crs, code, warning):
    layer, _ = read("a.geojson", json.dumps(collection(feature(point(1, 2)), crs=crs)))
    assert layer.geometry.crs == code
    assert warning in said(layer)


@pytest.mark.usefixtures("_in_small_pieces")
@pytest.mark.parametrize(
    ("late", "type_", "values"),
    [
        (2.5, pa.float64(), [1.0, 2.5]),
        ("x", pa.string(), ["1", "x"]),
        (True, pa.string(), ["1", "true"]),
        ({"a": 1}, pa.string(), ["1", '{"a": 1}']),
        (1 << 70, pa.string(), ["1", str(1 << 70)]),
        (None, pa.int64(), [1, None]),
    ],
)
def test_a_type_that_changes_late_contradicts_the_guess(write, late, type_, values):
    features = [feature(point(0, 0), {"v": 1}) for _ in range(90)] + [feature(point(0, 0), {"v": late})]
    path = write("a.geojson", json.dumps(collection(*features)))
    (guess,) = reader_for(path).read(path, DatasetHint())
    assert guess.columns[0].type == pa.int64()
    assert guess.settle is not None
    layer = guess.certain()
    read = table_of(layer)["v"].to_pylist()
    assert (layer.columns[0].type, read[:1] + read[-1:]) == (type_, values)
    if type_ != pa.int64():
        with pytest.raises(ContradictedError):
            list(guess.batches())


@pytest.mark.usefixtures("_in_small_pieces")
def test_a_property_or_geometry_that_appears_late_contradicts_the_guess(read):
    features = [feature(square(), {"a": 1}) for _ in range(40)]
    layer, rows = read("a.geojson", json.dumps(collection(*features, feature(square(), {"a": 1, "b": "x"}))))
    assert [one.name for one in layer.columns] == ["a", "b"]
    assert rows["b"] == [None] * 40 + ["x"]
    multi = {"type": "MultiPolygon", "coordinates": [square()["coordinates"], square(5)["coordinates"]]}
    layer, rows = read("a.geojson", json.dumps(collection(*features, feature(multi))))
    assert layer.geometry.type == "MultiPolygon"
    assert wkts(rows)[40] == shapely.geometry.shape(multi).wkt
    layer, rows = read("a.geojson", json.dumps(collection(*features, feature(point(1, 2, 3)))))
    assert layer.geometry.type == "GeometryZ"
    assert "some have none" in said(layer)
    layer, _ = read("a.geojson", json.dumps(collection(feature(point(9, 99)), *[feature(point(9, 1))] * 40)))
    assert "rows 1)" in said(layer)


def test_decimals_among_text_keep_their_digits(read):
    text = json.dumps(collection(feature(point(1, 2), {"v": "x", "w": 7})))
    content = text.replace(
        '"features": [', '"features": [' + json.dumps(feature(point(1, 2), {"v": 7})) + ", "
    )
    _, rows = read("a.geojson", content.replace('"v": 7', '"v": 1.50, "w": 2.50'))
    assert (rows["v"], rows["w"]) == (["1.50", "x"], [2.5, 7.0])


def test_hints_give_types(read):
    features = [feature(point(1, 2), {"a": 5.10, "n": one, "d": "2/28/2020"}) for one in ("7", "x")]
    content = json.dumps(collection(*features)).replace("5.1", "5.10")
    layer, rows = read("a.geojson", content, text=("a",), types={"n": "integer", "d": "date"})
    assert (rows["a"], rows["n"]) == (["5.10", "5.10"], [7, None])
    assert str(rows["d"][0]) == "2020-02-28"
    assert "'x'" in said(layer)


def test_numbers_beyond_what_types_keep_stay_text(read):
    content = json.dumps(collection(feature(point(1, 2), {"i": 1 << 64, "m": (1 << 53) + 1, "h": 5})))
    more = json.dumps(feature(point(1, 2), {"i": 1, "m": 0.5, "h": 6}))
    content = (
        content.replace('"h": 5', '"h": 1e999').replace("]}", f", {more}]}}", 2).replace(f", {more}]", "]", 1)
    )
    layer, rows = read("a.geojson", content)
    assert rows["i"] == [str(1 << 64), "1"]
    assert rows["m"] == [str((1 << 53) + 1), "0.5"]
    assert rows["h"] == ["1e999", "6"]
    assert "more digits" in said(layer)


def test_odd_values_are_told_apart(read):
    content = (
        '{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null,"properties":'
        '{"a":1,"a":2,"n":NaN,"e":"","z":null,"u":"\\ud83d\\ude00\\u0000","h":"\\ud800"}}, null, '
        '{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},"properties":{"n":1.5}}]}'
    )
    layer, rows = read("a.geojson", content)
    assert (rows["a"], rows["n"], rows["e"]) == ([2, None], [None, 1.5], ["", None])
    assert (rows["z"], rows["u"][0], rows["h"][0]) == ([None, None], "😀", "�")
    assert "NaN" in said(layer)
    assert "1 entries" in said(layer)


@pytest.mark.parametrize(
    ("ids", "properties", "columns"),
    [
        ((0, 1), ({}, {}), {}),
        ((1, 2), ({}, {}), {"id": [1, 2]}),
        (("a", "b"), ({}, {}), {"id": ["a", "b"]}),
        (("7", "8"), ({"id": 7}, {"id": 8}), {"id": [7, 8]}),
        ((7, 8), ({"id": "x"}, {"id": "y"}), {"id": ["x", "y"], "id_2": [7, 8]}),
        ((5, None), ({}, {}), {"id": [5, None]}),
    ],
)
def test_ids_are_kept_unless_they_only_count_or_repeat(read, ids, properties, columns):
    features = [feature(point(1, 2), one, id=identity) for identity, one in zip(ids, properties, strict=True)]
    _, rows = read("a.geojson", json.dumps(collection(*features)))
    rows.pop("geom")
    assert rows == columns


def test_members_beside_the_geometry_are_attributes_where_there_are_no_properties(read):
    one = {"type": "Feature", "geometry": point(1, 2), "name": "x"}
    _, rows = read("a.geojson", json.dumps(collection(one)))
    assert rows["name"] == ["x"]


@pytest.mark.parametrize(
    ("geometry", "wkt"),
    [
        ({"type": "Point", "coordinates": []}, "POINT EMPTY"),
        ({"type": "MultiPolygon", "coordinates": [[[]]]}, "MULTIPOLYGON EMPTY"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]}, "POLYGON ((0 0, 1 0, 1 1, 0 0))"),
        ({"type": "LineString", "coordinates": [[0, 0]]}, None),
        ({"type": "LineString", "coordinates": [[0, 0], [1, 1, 5]]}, "LINESTRING Z (0 0 0, 1 1 5)"),
        ({"type": "Point", "coordinates": [1, 2, 3, 4]}, "POINT Z (1 2 3)"),
        ({"type": "Point", "coordinates": ["1", 2]}, None),
        ({"type": "Point", "coordinates": [[1, 2]]}, None),
        ({"type": "Polygon", "coordinates": [[0, 0], [1, 0], [1, 1], [0, 0]]}, None),
        ({"type": "Circle", "coordinates": [1, 2]}, None),
        ({"type": "Point"}, None),
        ({}, None),
        ({"type": "GeometryCollection", "geometries": [point(1, 2)]}, "GEOMETRYCOLLECTION (POINT (1 2))"),
    ],
)
def test_geometries_out_of_the_ordinary(read, geometry, wkt):
    _, rows = read("a.geojson", json.dumps(collection(feature(geometry))))
    assert wkts(rows) == [wkt]


def test_a_text_sequence_and_documents_without_line_ends_are_read(read):
    documents = [json.dumps(feature(point(n, n), {"n": n})) for n in range(3)]
    for content in ("".join(f"\x1e{one}\n" for one in documents), "".join(documents), ",\n".join(documents)):
        _, rows = read("a.geojsonl", content)
        assert rows["n"] == [0, 1, 2]


@pytest.mark.usefixtures("_in_small_pieces")
def test_large_lists_documents_and_single_features_are_read_in_pieces(read):
    line = {"type": "LineString", "coordinates": [[n / 7, n / 9] for n in range(500)]}
    for document in (feature(line, {"n": 1}), line, [feature(line)] * 3):
        _, rows = read("a.json", json.dumps(document))
        assert wkts(rows)[0] == shapely.geometry.shape(line).wkt
    layer, rows = read("a.json", json.dumps([{"n": n, "zip": f"{n:05}"} for n in range(200)]))
    assert layer.geometry is None
    assert rows["zip"][199] == "00199"
    several = "\n".join(json.dumps(collection(*[feature(point(1, n), {"n": n})] * 30)) for n in range(3))
    _, rows = read("a.json", several)
    assert rows["n"] == [0] * 30 + [1] * 30 + [2] * 30


@pytest.mark.usefixtures("_in_small_pieces")
@pytest.mark.parametrize("cut", [40, 500, -20, -2])
def test_a_file_cut_off_anywhere_is_named_with_the_place(read, cut):
    whole = json.dumps(collection(*[feature(square(n), {"n": n}) for n in range(40)]), indent=1)
    with pytest.raises(DivebellError, match=r"a.geojson is cut off: it ends within"):
        read("a.geojson", whole[:cut])


@pytest.mark.usefixtures("_in_small_pieces")
@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ('"n": 30', r"a.geojson:\d+: this is no valid JSON: Expecting"),
        ('"n": 31,,', r"a.geojson:\d+: this is no valid JSON: Expecting"),
        ('"n": ' + "[" * 9000 + "]" * 9000, "nested too deeply"),
    ],
)
def test_what_is_wrong_late_in_a_file_is_named_with_its_line(read, spoilt, reason):
    lines = ",\n".join(json.dumps(feature(point(n, n), {"n": n})) for n in range(40))
    broken = lines.replace('"n": 31', spoilt.replace('"n": 30', '"n": 3 1'))
    with pytest.raises(DivebellError, match=reason) as caught:
        read("a.geojson", f'{{"type": "FeatureCollection", "features": [\n{broken}\n]}}')
    assert "deeply" in reason or ":33:" in str(caught.value)


def test_esri_json_is_no_geojson(read):
    with pytest.raises(DivebellError, match="neither geodata nor"):
        read("a.json", json.dumps({"features": [{"attributes": {"a": 1}, "geometry": {"x": 1, "y": 2}}]}))


def test_a_feature_beyond_all_measure_is_refused(read, monkeypatch):
    monkeypatch.setattr(jsontext, "BLOCK", 300)
    monkeypatch.setattr(jsontext, "LARGEST", 5000)
    line = {"type": "LineString", "coordinates": [[n / 7, n / 9] for n in range(500)]}
    with pytest.raises(DivebellError, match="a single feature of more than") as caught:
        read("a.json", json.dumps(collection(feature(line))))
    assert "simplify" in caught.value.next_step


def test_too_many_columns_are_refused(read):
    many = feature(point(1, 2), {f"c{n}": n for n in range(1700)})
    with pytest.raises(DivebellError, match="more than 1,590 columns"):
        read("a.json", json.dumps(collection(many)))


def test_memory_stays_flat_however_large_the_file(tmp_path):
    path = tmp_path / "large.geojson"
    ring = [[n / 77, n / 99] for n in range(60)]
    one = json.dumps(feature({"type": "LineString", "coordinates": ring}, {"name": "x" * 50, "n": 1}))
    with path.open("w") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        file.write(",".join([one] * 40_000))
        file.write("]}")
    code = (
        "import resource, sys, pathlib\n"
        "from divebell.readers import reader_for\n"
        "from divebell.event.model import DatasetHint\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "(layer,) = reader_for(path).read(path, DatasetHint())\n"
        "rows = sum(batch.num_rows for batch in layer.batches())\n"
        "print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    rows, grown = map(int, done.stdout.split())
    assert rows == 40_000
    assert path.stat().st_size > 80 << 20
    assert grown < 120 << 10
