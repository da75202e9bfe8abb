from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import geopandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint, Points
from divebell.readers import ContradictedError, reader_for
from divebell.readers.arrowtypes import Losses, convert, target

from .conftest import table_of

UTC = dt.UTC


@pytest.fixture
def layer_of(tmp_path):
    def write_and_read(table, geo=None, hint=None, **options):
        if geo is not None:
            table = table.replace_schema_metadata({"geo": json.dumps(geo)})
        path = tmp_path / "a.parquet"
        pq.write_table(table, path, **options)
        (layer,) = reader_for(path).read(path, hint or DatasetHint())
        return layer

    return write_and_read


def said(layer):
    return "\n".join(layer.warnings)


def wkb(*shapes, **options):
    return pa.array(
        [None if one is None else shapely.to_wkb(shapely.from_wkt(one), **options) for one in shapes]
    )


def shapes_of(layer):
    values = table_of(layer)["geom"].to_pylist()
    return [
        None if one is None else shapely.to_wkt(shapely.from_wkb(one), rounding_precision=-1)
        for one in values
    ]


def geo_of(**facts):
    return {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": [], **facts}},
    }


TYPES = [
    (pa.array([1, None], pa.int8()), [1, None], pa.int64()),
    (pa.array([2**32 - 1], pa.uint32()), [2**32 - 1], pa.int64()),
    (pa.array([2**63 - 1], pa.uint64()), [2**63 - 1], pa.int64()),
    (pa.array([0.5], pa.float32()), [0.5], pa.float64()),
    (pa.array([1.5], pa.float16()), [1.5], pa.float64()),
    (pa.array([True, None]), [True, None], pa.bool_()),
    (pa.array([Decimal("1.50")], pa.decimal128(5, 2)), [Decimal("1.50")], pa.decimal128(5, 2)),
    (pa.array([Decimal("1.50")], pa.decimal256(38, 2)), [Decimal("1.50")], pa.decimal128(38, 2)),
    (pa.array([Decimal("1.50")], pa.decimal256(60, 2)), ["1.50"], pa.string()),
    (pa.array([Decimal(100)], pa.decimal128(5, -2)), [Decimal(100)], pa.decimal128(7, 0)),
    (pa.array([dt.date(2020, 1, 31), None]), [dt.date(2020, 1, 31), None], pa.date32()),
    (pa.array([dt.date(1969, 12, 31)], pa.date64()), [dt.date(1969, 12, 31)], pa.date32()),
    (pa.array([1], pa.timestamp("s")), [dt.datetime(1970, 1, 1, 0, 0, 1)], pa.timestamp("us")),  # noqa: DTZ001
    (
        pa.array([0], pa.timestamp("ms", "Europe/Berlin")),
        [dt.datetime(1970, 1, 1, tzinfo=UTC)],
        pa.timestamp("us", "UTC"),
    ),
    (pa.array([3600], pa.time32("s")), ["01:00:00"], pa.string()),
    (pa.array([1_500_000], pa.time64("us")), ["00:00:01.5"], pa.string()),
    (pa.array([-95_400_500], pa.duration("ms")), ["-26:30:00.5"], pa.string()),
    (
        pa.array([(14, 3, 500_000_000)], pa.month_day_nano_interval()),
        ["14 mons 3 days 0.500000000 secs"],
        pa.string(),
    ),
    (pa.array(["007", "", None]), ["007", "", None], pa.string()),
    (pa.array(["a"], pa.large_string()), ["a"], pa.string()),
    (pa.array(["a"], pa.string_view()), ["a"], pa.string()),
    (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"], pa.string()),
    (pa.array([b"\x01\xff", None]), ["01ff", None], pa.string()),
    (pa.array([b"ab"], pa.binary(2)), ["6162"], pa.string()),
    (pa.nulls(2), [None, None], pa.string()),
    (pa.array([[1, None], [], None]), ["[1, null]", "[]", None], pa.string()),
    (pa.array([{"a": 1.5, "b": dt.date(2020, 1, 2)}]), ['{"a": 1.5, "b": "2020-01-02"}'], pa.string()),
    (pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())), ['{"k": 1}', "{}"], pa.string()),
    (pa.array([[float("nan"), 1.0]]), ["[null, 1.0]"], pa.string()),
    (pa.array([[b"\xff"]]), ['["ff"]'], pa.string()),
    (pa.array([[1]], pa.list_(pa.timestamp("ns"))), ['["1970-01-01T00:00:00"]'], pa.string()),
]


@pytest.mark.parametrize(("array", "values", "kind"), TYPES, ids=[str(one[0].type) for one in TYPES])
def test_every_arrow_type_becomes_one_that_a_layer_has(array, values, kind):
    assert target(array.type) == kind
    losses = Losses()
    converted = convert(array, kind, losses)
    assert (converted.type, converted.to_pylist(), losses.notes()) == (kind, values, [])


def test_declared_types_are_kept_and_codes_are_not_guessed(layer_of):
    layer = layer_of(pa.table({"zip": [501, 10001], "text": ["1", "2"], "Two Words": [1.0, 2.0]}))
    assert [one.type for one in layer.columns] == [pa.int64(), pa.string(), pa.float64()]
    assert [one.name for one in layer.columns] == ["zip", "text", "two_words"]
    assert (layer.geometry, layer.warnings, layer.settle) == (None, (), None)


def test_a_column_hinted_as_text_is_text(layer_of):
    layer = layer_of(pa.table({"zip": [501, None]}), hint=DatasetHint(text=("zip",)))
    assert table_of(layer).to_pydict() == {"zip": ["501", None]}


def test_a_hinted_type_is_taken_wherever_the_values_contradict_it(layer_of):
    values = {
        "day": ["1/2/2020"] * 5_000 + ["31/1/2020", "x"],
        "n": [1.0] * 5_001 + [2.5],
        "ok": range(5_002),
    }
    types = {"day": "date", "n": "integer", "ok": "integer"}
    layer = layer_of(pa.table(values), hint=DatasetHint(types=types))
    certain = layer.certain()
    rows = table_of(certain)
    assert [one.type for one in certain.columns] == [pa.date32(), pa.int64(), pa.int64()]
    assert rows["day"].to_pylist()[-3:] == [dt.date(2020, 2, 1), dt.date(2020, 1, 31), None]
    assert rows["n"].to_pylist()[-2:] == [1, None]
    assert "column 'day' (1, such as 'x'): values that are no date were left empty" in said(certain)
    assert "column 'n' (1, such as '2.5'): values that are no integer were left empty" in said(certain)


def test_what_values_lose_is_counted(layer_of):
    layer = layer_of(
        pa.table(
            {
                "ns": pa.array([1, 1_000], pa.timestamp("ns")),
                "day": pa.array([2**31 - 1, 0], pa.int32()).view(pa.date32()),
                "bad": pa.array([b"\xff", b"ok"]).view(pa.string()),
                "nul": ["a\0b", "c"],
            }
        )
    )
    rows = table_of(layer).to_pydict()
    assert rows["day"] == [None, dt.date(1970, 1, 1)]
    assert (rows["bad"], rows["nul"]) == (["\N{REPLACEMENT CHARACTER}", "ok"], ["ab", "c"])
    assert "column 'ns' (1 value): times finer than a microsecond were cut to one" in layer.warnings
    assert "column 'day' (1 value): dates and times before the year 1 or after 9999" in said(layer)
    assert "column 'bad' (1 value): characters that are no valid text" in said(layer)
    assert "column 'nul' (1 value): the character NUL" in said(layer)


def test_unsigned_integers_beyond_bigint_are_found_wherever_they_stand(layer_of):
    values = [*range(10_000), 2**64 - 1]
    layer = layer_of(pa.table({"n": pa.array(values, pa.uint64())}))
    assert layer.columns[0].type == pa.int64()
    with pytest.raises(ContradictedError):
        list(layer.batches())
    certain = layer.certain()
    assert certain.columns[0].type == pa.decimal128(20, 0)
    assert table_of(certain)["n"].to_pylist() == [Decimal(one) for one in values]


def test_a_geoparquet_of_geopandas_is_read_in_one_pass(tmp_path):
    frame = geopandas.GeoDataFrame(
        {"n": range(9_000)}, geometry=shapely.points([[i / 100, 50.5] for i in range(9_000)]), crs="EPSG:4269"
    )
    frame.to_parquet(tmp_path / "a.parquet")
    (layer,) = reader_for(tmp_path / "a.parquet").read(tmp_path / "a.parquet", DatasetHint())
    streamed = table_of(layer)
    settled = layer.settle()
    assert (settled.columns, settled.geometry) == (layer.columns, layer.geometry)
    assert (layer.geometry.type, layer.geometry.crs) == ("Point", "EPSG:4269")
    assert streamed["geom"].to_pylist() == frame.geometry.to_wkb().to_list()
    assert settled.warnings == ()


def test_single_and_multi_polygons_become_multi_although_the_second_kind_comes_late(layer_of):
    single, multi = "POLYGON ((0 0, 1 0, 1 1, 0 0))", "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))"
    layer = layer_of(pa.table({"geometry": wkb(*[single] * 6_000, multi)}), geo_of())
    assert layer.geometry.type == "Polygon"
    with pytest.raises(ContradictedError):
        list(layer.batches())
    certain = layer.certain()
    assert certain.geometry.type == "MultiPolygon"
    assert set(shapes_of(certain)) == {multi}
    stated = layer_of(
        pa.table({"geometry": wkb(*[single] * 6_000, multi)}),
        geo_of(geometry_types=["Polygon", "MultiPolygon"]),
    )
    assert len(list(stated.batches())) > 0
    assert stated.geometry == stated.settle().geometry == certain.geometry


@pytest.mark.parametrize(
    ("facts", "crs", "words"),
    [
        ({}, "EPSG:4326", ""),
        ({"crs": None}, None, "does not say its coordinate reference system"),
        ({"crs": json.loads(__import__("pyproj").CRS(2263).to_json())}, "EPSG:2263", ""),
        ({"crs": __import__("pyproj").CRS(2263).to_wkt()}, "EPSG:2263", ""),
        ({"crs": json.loads(__import__("pyproj").CRS("OGC:CRS84").to_json())}, "EPSG:4326", ""),
        ({"crs": {"type": "nonsense"}}, None, "cannot be understood"),
        ({"edges": "spherical"}, "EPSG:4326", "follow the globe"),
    ],
)
def test_the_reference_system_is_the_one_the_metadata_says(layer_of, facts, crs, words):
    layer = layer_of(pa.table({"geometry": wkb("POINT (1 2)")}), geo_of(**facts))
    assert layer.geometry.crs == crs
    assert words in said(layer)
    assert bool(words) == bool(layer.warnings)


def test_a_hinted_reference_system_overrides(layer_of):
    layer = layer_of(
        pa.table({"geometry": wkb("POINT (1 2)")}), geo_of(crs=None), DatasetHint(crs="EPSG:2263")
    )
    assert layer.geometry.crs == "EPSG:2263"


POLYGON = [[[{"x": 0.0, "y": 0.0}, {"x": 1.0, "y": 0.0}, {"x": 1.0, "y": 1.0}, {"x": 0.0, "y": 0.0}]]]
XY = pa.struct([("x", pa.float64()), ("y", pa.float64())])
XYZ = pa.struct([("x", pa.float64()), ("y", pa.float64()), ("z", pa.float64())])
NATIVE = [
    ("point", pa.array([{"x": 1.0, "y": 2.0}, None], XY), ["POINT (1 2)", None]),
    ("point", pa.array([{"x": 1.0, "y": 2.0, "z": 3.0}], XYZ), ["POINT Z (1 2 3)"]),
    ("linestring", pa.array([None, POLYGON[0][0]], pa.list_(XY)), [None, "LINESTRING (0 0, 1 0, 1 1, 0 0)"]),
    (
        "polygon",
        pa.array([POLYGON[0], None], pa.list_(pa.list_(XY))),
        ["POLYGON ((0 0, 1 0, 1 1, 0 0))", None],
    ),
    ("multipoint", pa.array([POLYGON[0][0][:2]], pa.list_(XY)), ["MULTIPOINT ((0 0), (1 0))"]),
    (
        "multilinestring",
        pa.array([POLYGON[0]], pa.list_(pa.list_(XY))),
        ["MULTILINESTRING ((0 0, 1 0, 1 1, 0 0))"],
    ),
    (
        "multipolygon",
        pa.array([POLYGON, None, POLYGON], pa.list_(pa.list_(pa.list_(XY)))),
        ["MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))", None, "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))"],
    ),
]


@pytest.mark.parametrize(("encoding", "array", "expected"), NATIVE)
def test_native_encodings_are_drawn(layer_of, encoding, array, expected):
    layer = layer_of(pa.table({"n": range(len(array)), "geometry": array}), geo_of(encoding=encoding))
    assert shapes_of(layer) == expected


def test_a_native_encoding_that_does_not_fit_is_refused(layer_of):
    with pytest.raises(DivebellError, match=r"geometry of a\.parquet is not what the file says"):
        layer_of(pa.table({"geometry": [1, 2]}), geo_of(encoding="polygon"))


def test_other_geometries_are_kept_as_text_and_bounds_left_out(layer_of):
    box = pa.array([{"xmin": 1.0, "ymin": 2.0, "xmax": 1.0, "ymax": 2.0}])
    geo = geo_of(covering={"bbox": {side: ["bbox", side] for side in ("xmin", "ymin", "xmax", "ymax")}})
    geo["columns"]["centre"] = {"encoding": "WKB", "geometry_types": ["Point"]}
    layer = layer_of(
        pa.table({"centre": wkb("POINT (0.1 3)"), "bbox": box, "geometry": wkb("POINT (1 2)"), "n": [1]}), geo
    )
    rows = table_of(layer).to_pydict()
    assert (rows.pop("geom"), rows) == (
        [shapely.to_wkb(shapely.Point(1, 2))],
        {"centre": ["POINT (0.1 3)"], "n": [1]},
    )
    assert "column 'centre' holds geometry too" in said(layer)
    assert "column 'bbox' only repeats the bounds" in said(layer)


class Wkb(pa.ExtensionType):
    def __init__(self, facts="{}"):
        self.facts = facts
        super().__init__(pa.binary(), "geoarrow.wkb")

    def __arrow_ext_serialize__(self):
        return self.facts.encode()

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type, serialized):
        return cls(serialized.decode())


@pytest.fixture
def geoarrow_type():
    pa.register_extension_type(Wkb())
    yield Wkb
    pa.unregister_extension_type("geoarrow.wkb")


@pytest.mark.parametrize(("facts", "crs"), [('{"crs": "EPSG:2263"}', "EPSG:2263"), ("{}", "EPSG:4326"), ('{"crs": "srid:2263"}', "EPSG:2263"), ('{"crs": "srid:0"}', None)])  # fmt: skip
def test_parquets_own_geometry_type_is_known(layer_of, geoarrow_type, facts, crs):
    array = pa.ExtensionArray.from_storage(geoarrow_type(facts), wkb("POINT (1 2)", None))
    layer = layer_of(pa.table({"place": array}), store_schema=False)
    assert (layer.geometry.type, layer.geometry.crs, layer.columns) == ("Point", crs, ())
    assert shapes_of(layer) == ["POINT (1 2)", None]


def test_a_column_marked_as_geoarrow_is_geometry(layer_of):
    marks = {"ARROW:extension:name": "geoarrow.wkb", "ARROW:extension:metadata": '{"crs": "EPSG:2263"}'}
    field = pa.field("place", pa.binary(), metadata=marks)
    layer = layer_of(pa.table([wkb("POINT (1 2)")], schema=pa.schema([field])))
    assert layer.geometry.crs == "EPSG:2263"


def test_wkb_in_a_plain_column_named_geometry_has_no_reference_system(layer_of):
    layer = layer_of(pa.table({"geom": wkb("POINT (1 2)"), "n": [1]}))
    assert (layer.geometry.type, layer.geometry.crs) == ("Point", None)
    assert "does not say its coordinate reference system" in said(layer)


def test_bytes_in_a_column_that_is_only_named_like_geometry_stay_bytes(layer_of):
    layer = layer_of(pa.table({"geom": [b"abc", b"defdefdefdef"]}))
    assert (layer.geometry, table_of(layer).to_pydict()) == (
        None,
        {"geom_value": ["616263", "646566646566646566646566"]},
    )


def test_postgis_and_big_endian_wkb_become_plain(layer_of):
    shape = shapely.set_srid(shapely.Point(1, 2, 3), 2263)
    array = pa.array(
        [
            shapely.to_wkb(shape, flavor="extended", include_srid=True, output_dimension=3),
            shapely.to_wkb(shape, byte_order=0, flavor="iso", output_dimension=3),
        ]
    )
    layer = layer_of(pa.table({"geometry": array}))
    plain = shapely.to_wkb(shape, flavor="iso", byte_order=1, output_dimension=3)
    assert (layer.geometry.type, layer.geometry.crs) == ("PointZ", "EPSG:2263")
    assert table_of(layer)["geom"].to_pylist() == [plain, plain]


def test_geometries_that_cannot_be_used_are_left_out_by_row(layer_of):
    good = shapely.to_wkb(shapely.Point(1, 2))
    far = shapely.to_wkb(shapely.Point(500_000, 2))
    values = [good, b"\x01\x02", None, far, good[:15], *[good] * 6_000, far]
    layer = layer_of(pa.table({"n": range(len(values)), "geometry": pa.array(values)}), geo_of())
    streamed = table_of(layer)
    settled = layer.settle()
    assert streamed.equals(table_of(settled))
    assert [at for at, one in enumerate(streamed["geom"].to_pylist()) if one is None] == [1, 2, 3, 4, 6_005]
    assert "(rows 4, 6,006)" in said(settled)
    assert "(rows 2, 5)" in said(settled)


def test_columns_of_latitude_and_longitude_become_points(layer_of):
    values = {"lat": [50.0, None, float("nan")] * 2_000, "lon": pa.array([8, 9, 10] * 2_000, pa.int32())}
    layer = layer_of(pa.table(values))
    assert (layer.geometry.type, layer.geometry.crs) == ("Point", "EPSG:4326")
    table = table_of(layer)
    assert table["geom"].to_pylist()[:3] == [shapely.to_wkb(shapely.Point(8, 50)), None, None]
    settled = layer.settle()
    assert settled.geometry == layer.geometry
    assert table["geom"].equals(table_of(settled)["geom"])


def test_hinted_points_take_the_place_of_geometry(layer_of):
    layer = layer_of(
        pa.table({"a": [50.0], "b": [8.0], "geometry": wkb("POINT (1 2)")}),
        geo_of(),
        DatasetHint(points=Points(longitude="b", latitude="a")),
    )
    assert shapes_of(layer) == ["POINT (8 50)"]
    assert table_of(layer)["geometry"].to_pylist() == ["POINT (1 2)"]


def test_a_file_without_rows_is_a_table_without_rows(layer_of):
    layer = layer_of(pa.table({"a": pa.array([], pa.int64())}))
    assert (table_of(layer).num_rows, layer.warnings) == (0, ("the file has columns and no rows",))


def test_metadata_that_is_no_json_is_told(layer_of):
    layer = layer_of(pa.table({"a": [1]}).replace_schema_metadata({"geo": "{"}))
    assert "cannot be understood" in said(layer)


def _read_all(path):
    (layer,) = reader_for(path).read(path, DatasetHint())
    list(layer.certain().batches())


def refused(path, content):
    path.write_bytes(content)
    with pytest.raises(DivebellError) as caught:
        _read_all(path)
    return caught.value.message


def test_damaged_files_are_refused_in_words(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": [str(one) for one in range(100_000)]}), path, compression="zstd")
    whole = path.read_bytes()
    assert "is not complete" in refused(path, whole[:-100])
    assert "is no Parquet file: it is a web page" in refused(path, b"<html>")
    assert "is encrypted" in refused(path, b"PARE" + whole[4:])
    assert "cannot be read as Parquet" in refused(path, b"PAR1" + b"\xff" * 400 + b"PAR1")
    assert "cannot be read as Parquet" in refused(path, whole[:-8] + b"\xff\xff\xff\x7fPAR1")
    middle = len(whole) // 3
    assert "cannot be read as Parquet" in refused(
        path, whole[:middle] + bytes(5_000) + whole[middle + 5_000 :]
    )


def test_a_file_that_states_far_more_than_it_holds_is_left_alone(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": ["x" * 50_000_000] * 4}), path, compression="zstd", use_dictionary=False)
    assert path.stat().st_size < 200_000
    assert "it was left alone" in refused(path, path.read_bytes())


def test_a_table_too_wide_for_the_database_is_refused(layer_of):
    with pytest.raises(DivebellError, match="1,700 columns"):
        layer_of(pa.table({f"c{at}": [1] for at in range(1_700)}))


def test_degrees_that_most_coordinates_contradict_are_not_believed(layer_of):
    shapes = wkb("POINT (1014750 194324)", "POINT (1014751 194324)")
    layer = layer_of(pa.table({"geometry": shapes}), geo_of())
    assert layer.geometry.crs is None
    assert "declares longitudes and latitudes in WGS 84 (EPSG:4326)" in said(layer)


def test_wkt_in_a_column_of_any_name_becomes_geometry(layer_of):
    layer = layer_of(pa.table({"n": [1, 2], "a": ["POINT (1 2)", None]}))
    assert (layer.geometry.type, shapes_of(layer)[0]) == ("Point", "POINT (1 2)")
