from __future__ import annotations

import datetime as dt
import json
import zipfile

import numpy as np
import pyarrow as pa
import pyogrio
import pyogrio.raw
import pytest
import shapely

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint, Points
from divebell.readers import reader_for
from divebell.readers.gdal import DRIVERS, restrict

from .conftest import table_of

SQUARE = shapely.box(0, 0, 1, 1)
WGS84_PRJ = (
    'GEOGCS["GCS_North_American_1927",DATUM["D_North_American_1927",SPHEROID["Clarke_1866",6378206.4,294.9786982]],'
    'PRIMEM["Greenwich",0],UNIT["Degree",0.017453292519943295]]'
)


def feature(geometry, properties=None, **more):
    return {"type": "Feature", "geometry": geometry, "properties": properties or {}, **more}


def collection(*features, **more):
    return json.dumps({"type": "FeatureCollection", "features": list(features), **more})


def point(x, y, *z):
    return {"type": "Point", "coordinates": [x, y, *z]}


def save(
    path, shapes, *, crs="EPSG:4326", layer=None, geometry_type=None, append=False, driver=None, **fields
):
    """Write a file with GDAL, in a process whose drivers are all there for writing the allowed formats."""
    restrict()
    wkb = [None if one is None else one.wkb for one in shapes]
    columns = {name: pa.array(values) for name, values in fields.items()}
    table = pa.table({**columns, "geom": pa.array(wkb, pa.binary())})
    pyogrio.raw.write_arrow(
        table,
        path,
        crs=crs,
        layer=layer,
        geometry_name="geom",
        geometry_type=geometry_type or shapes[0].geom_type,
        append=append,
        driver=driver,
    )


def layers(path, **hint):
    return reader_for(path).read(path, DatasetHint(**hint))


def wkts(layer):
    return [None if one is None else shapely.from_wkb(one).wkt for one in table_of(layer)["geom"].to_pylist()]


def said(layer):
    return "\n".join(layer.warnings)


def test_geojson_keeps_the_types_it_declares(read):
    layer, rows = read(
        "a.geojson",
        collection(
            feature(
                point(1, 2),
                {"GEOID": "01001", "n": 1, "f": 1, "b": True, "l": [1, 2], "o": {"x": 1}, "d": "2020-01-01"},
            ),
            feature(
                point(3, 4),
                {"GEOID": "36005", "n": 2, "f": 2.5, "b": None, "l": None, "o": None, "d": "later"},
            ),
        ),
    )
    assert rows["geoid"] == ["01001", "36005"]
    assert [str(one.type) for one in layer.columns] == [
        "string",
        "int64",
        "double",
        "bool",
        "string",
        "string",
        "string",
    ]
    assert rows["f"] == [1.0, 2.5]
    assert json.loads(rows["l"][0]) == [1, 2]
    assert json.loads(rows["o"][0]) == {"x": 1}
    assert (layer.geometry.type, layer.geometry.crs) == ("Point", "EPSG:4326")


def test_polygons_and_multipolygons_become_one_type(write):
    multi = shapely.MultiPolygon([SQUARE])
    path = write(
        "a.geojson", collection(*(feature(json.loads(shapely.to_geojson(one))) for one in (SQUARE, multi)))
    )
    (layer,) = layers(path)
    assert layer.geometry.type == "MultiPolygon"
    assert wkts(layer) == [multi.wkt, multi.wkt]


def test_null_and_empty_geometries_stay_apart(write):
    empty = {"type": "Polygon", "coordinates": []}
    path = write(
        "a.geojson",
        collection(feature(None), feature(empty), feature(json.loads(shapely.to_geojson(SQUARE)))),
    )
    (layer,) = layers(path)
    assert wkts(layer) == [None, "POLYGON EMPTY", SQUARE.wkt]


def test_unusable_coordinates_are_left_out_with_their_rows(write):
    text = collection(
        feature(point(1, 2)),
        feature(point(7, 8)),
        feature(point(3, 4)),
        feature(point(5, 95)),
        feature(point(1, 1)),
    )
    (layer,) = layers(write("a.geojson", text.replace("7, 8", "1e300, 8").replace("3, 4", "NaN, 4")))
    assert wkts(layer) == ["POINT (1 2)", None, None, None, "POINT (1 1)"]
    assert "rows 2, 3" in said(layer)
    assert "rows 4" in said(layer)


def test_heights_are_kept(write):
    (layer,) = layers(write("a.geojson", collection(feature(point(1, 2, 3)), feature(point(4, 5, 6)))))
    assert (layer.geometry.type, layer.geometry.crs) == ("PointZ", "EPSG:4326")
    assert wkts(layer) == ["POINT Z (1 2 3)", "POINT Z (4 5 6)"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("EPSG:4326", "EPSG:4326"),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326"),
        ("urn:ogc:def:crs:EPSG::4269", "EPSG:4269"),
    ],
)
def test_the_old_crs_member_is_honoured(write, name, code):
    member = {"type": "name", "properties": {"name": name}}
    (layer,) = layers(write("a.geojson", collection(feature(point(1, 2)), crs=member)))
    assert layer.geometry.crs == code


def test_metres_without_a_crs_are_not_called_degrees(write):
    (layer,) = layers(
        write("a.geojson", collection(feature(point(500000, 4500000)), feature(point(500100, 4500000))))
    )
    assert layer.geometry.crs is None
    assert "no longitudes and latitudes" in said(layer)
    assert wkts(layer)[0] == "POINT (500000 4500000)"
    (layer,) = layers(write("b.geojson", collection(feature(point(500000, 4500000)))), crs="EPSG:32618")
    assert layer.geometry.crs == "EPSG:32618"


def test_features_one_below_the_other_are_all_read(write):
    lines = "\n".join(json.dumps(feature(point(i, i), {"n": i})) for i in range(196))
    for name in ("a.geojson", "b.ndjson", "c.json"):
        (layer,) = layers(write(name, lines))
        assert table_of(layer)["n"].to_pylist() == list(range(196))
        assert "196 JSON documents" in said(layer)
    pretty = "\n".join(json.dumps(feature(point(i, i), {"n": i}), indent=2) for i in range(3))
    (layer,) = layers(write("d.geojson", pretty))
    assert table_of(layer).num_rows == 3
    twice = collection(feature(point(1, 1))) + "\n" + collection(feature(point(2, 2)))
    (layer,) = layers(write("e.geojson", twice))
    assert table_of(layer).num_rows == 2


def test_numeric_ids_of_features_are_kept(read):
    _layer, rows = read(
        "a.geojson",
        collection(feature(point(1, 2), {"a": 1}, id=36005), feature(point(1, 2), {"a": 2}, id=36007)),
    )
    assert rows["id"] == [36005, 36007]


def test_one_feature_or_a_bare_geometry_is_a_layer(write):
    (layer,) = layers(write("a.geojson", json.dumps(feature(point(1, 2), {"n": 1}))))
    assert table_of(layer).num_rows == 1
    (layer,) = layers(write("b.geojson", json.dumps(point(1, 2))))
    assert wkts(layer) == ["POINT (1 2)"]


def test_plain_records_become_a_table(read):
    layer, rows = read("a.json", json.dumps([{"zip": "00501", "n": 1}, {"zip": "10001", "n": None}]))
    assert layer.geometry is None
    assert rows == {"zip": ["00501", "10001"], "n": [1, None]}


def test_topojson_has_a_layer_per_object_and_no_crs(write):
    topology = {
        "type": "Topology",
        "arcs": [[[0, 0], [0, 1], [1, 1], [0, 0]]],
        "objects": {
            "one": {
                "type": "GeometryCollection",
                "geometries": [{"type": "Polygon", "arcs": [[0]], "id": "01", "properties": {"n": 1}}],
            },
            "two": {
                "type": "GeometryCollection",
                "geometries": [{"type": "Polygon", "arcs": [[0]], "id": "02"}],
            },
        },
    }
    found = layers(write("a.json", json.dumps(topology)))
    assert [one.name for one in found] == ["one", "two"]
    assert table_of(found[0])["id"].to_pylist() == ["01"]
    assert found[0].geometry.crs is None
    assert "does not say its coordinate reference system" in said(found[0])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{\\rtf1\\ansi {"type"', "rich-text document"),
        ("", "is empty"),
        ("<html>no</html>", "web page"),
        ("version https://git-lfs.github.com/spec/v1\n", "LFS pointer"),
        ('{"type": "FeatureCollection", "features": [', "cut off"),
        ('{"a": {"b": 1}, "c": {"d": 2}}', "neither geodata nor"),
        ("{'a': 1}", "no valid JSON"),
        ("[" * 100_000, "nested too deeply"),
        (
            '{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline read /etc/passwd"}',
            "neither geodata nor",
        ),
    ],
)
def test_what_is_no_geojson_is_refused_with_the_reason(write, content, reason):
    with pytest.raises(DivebellError, match=reason) as caught:
        layers(write("a.geojson", content))
    assert caught.value.next_step


def test_files_that_point_elsewhere_are_never_followed(write, tmp_path):
    secret = write("secret.csv", "WKT,word\nPOINT (1 2),swordfish\n")
    layer = f'<OGRVRTLayer name="secret"><SrcDataSource>{secret}</SrcDataSource></OGRVRTLayer>'
    vrt = f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>"
    gdalg = {"type": "gdal_streamed_alg", "command_line": f"gdal vector pipeline ! read {secret}"}
    for name in ("a.csv", "a.geojson", "a.json", "a.gpkg", "a.fgb", "a.kml", "a.shp", "a.zip", "a.xlsx"):
        for content in (vrt, json.dumps(gdalg)):
            path = write(name, content)
            try:
                found = layers(path)
            except DivebellError:
                continue
            assert "swordfish" not in str([table_of(one).to_pydict() for one in found])
    assert set(pyogrio.list_drivers()) <= DRIVERS


def test_a_hidden_vrt_in_a_geojson_string_is_only_text(write):
    path = write("a.geojson", collection(feature(point(1, 2), {"x": "<OGRVRTDataSource>"})))
    (layer,) = layers(path)
    assert table_of(layer)["x"].to_pylist() == ["<OGRVRTDataSource>"]


def shapefile(folder, name="roads", **more):
    folder.mkdir(parents=True, exist_ok=True)
    save(folder / f"{name}.shp", [SQUARE, SQUARE], TRACT=["000100", "012345"], n=[1, 2], **more)
    return folder / f"{name}.shp"


def test_a_loose_shapefile(tmp_path):
    path = shapefile(tmp_path)
    (layer,) = layers(path)
    rows = table_of(layer).to_pydict()
    assert (layer.name, layer.geometry.type, layer.geometry.crs) == (None, "Polygon", "EPSG:4326")
    assert rows["tract"] == ["000100", "012345"]
    assert rows["n"] == [1, 2]


def test_a_shapefile_without_its_index_is_read_in_full(tmp_path):
    path = shapefile(tmp_path)
    (whole,) = layers(path)
    path.with_suffix(".shx").unlink()
    (layer,) = layers(path)
    assert table_of(layer).equals(table_of(whole))
    assert "its index (.shx) is missing" in said(layer)
    assert not path.with_suffix(".shx").exists()


def test_a_shapefile_without_its_table_is_only_shapes(tmp_path):
    path = shapefile(tmp_path)
    path.with_suffix(".dbf").unlink()
    (layer,) = layers(path)
    assert layer.columns == ()
    assert all(shapely.equals(SQUARE, shapely.from_wkt(wkts(layer))))
    assert "its attribute table (.dbf) is missing" in said(layer)


def test_a_shapefile_without_a_prj_has_no_crs(tmp_path):
    path = shapefile(tmp_path)
    path.with_suffix(".prj").unlink()
    (layer,) = layers(path)
    assert layer.geometry.crs is None


def test_a_prj_is_matched_only_when_certain(tmp_path):
    path = shapefile(tmp_path)
    path.with_suffix(".prj").write_text(WGS84_PRJ)
    (layer,) = layers(path)
    assert layer.geometry.crs == "EPSG:4267"
    own = (
        'PROJCS["Our town",GEOGCS["GCS_WGS_1984",'
        'DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137,298.257223563]],'
        'PRIMEM["Greenwich",0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],'
        'PARAMETER["False_Easting",1234],PARAMETER["False_Northing",0],PARAMETER["Central_Meridian",-75.5],'
        'PARAMETER["Scale_Factor",1],PARAMETER["Latitude_Of_Origin",0],UNIT["Meter",1]]'
    )
    path.with_suffix(".prj").write_text(own)
    (layer,) = layers(path)
    assert layer.geometry.crs is None
    assert "Our town" in layer.geometry.crs_wkt
    assert "no code fits" in said(layer)


def test_accents_in_a_shapefile_without_a_codepage(tmp_path):
    save(tmp_path / "a.shp", [SQUARE], name=["José Ñandú"])
    (tmp_path / "a.cpg").unlink()
    table = tmp_path / "a.dbf"
    raw = bytearray(table.read_bytes())
    raw[29] = 0
    for spelt in ("José Ñandú".encode("cp1252"), "José Ñandú".encode()):
        size = len("José Ñandú".encode())
        start = int.from_bytes(raw[8:10], "little") + 1
        raw[start : start + size] = spelt.ljust(size)
        table.write_bytes(raw)
        (layer,) = layers(tmp_path / "a.shp")
        assert table_of(layer)["name"].to_pylist() == ["José Ñandú"]


def pack(path, *files, prefix=""):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, prefix + file.name)
    return path


def test_zipped_shapefiles_at_the_root_in_folders_and_several(tmp_path):
    shapefile(tmp_path / "in", "roads")
    shapefile(tmp_path / "in", "parks")
    parts = sorted((tmp_path / "in").iterdir())
    (layer,) = layers(pack(tmp_path / "a.zip", *(one for one in parts if one.stem == "roads")))
    assert layer.name == "roads"
    found = layers(pack(tmp_path / "b.zip", *parts, prefix="deep/er/"))
    assert [one.name for one in found] == ["parks", "roads"]
    with zipfile.ZipFile(tmp_path / "b.zip", "a") as archive:
        archive.writestr("__MACOSX/deep/._roads.shp", b"\x00\x05\x16\x07")
        archive.writestr("deep/readme.txt", "hello")
    found = layers(tmp_path / "b.zip")
    assert [table_of(one).num_rows for one in found] == [2, 2]
    assert [table_of(one).num_rows for one in found] == [2, 2]


def test_a_zip_of_csvs_gives_a_table_each_and_names_what_failed(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x/a.csv", "n\n1\n")
        archive.writestr("y/a.csv", "n\n1\n2\n")
        archive.writestr("bad.geojson", "{\\rtf1")
    found = layers(tmp_path / "a.zip")
    assert [one.name for one in found] == ["a", "a 2"]
    assert "'bad.geojson' in the archive was not loaded" in said(found[0])


def test_hostile_zips_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"0" * (80 << 20))
    with zipfile.ZipFile(tmp_path / "out.zip", "w") as archive:
        archive.writestr("../../a.csv", "n\n1\n")
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        link = zipfile.ZipInfo("a.csv")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 nothing")
    for name, reason in (
        ("bomb", "zip bomb"),
        ("out", "outside its folder"),
        ("link", "no file that"),
        ("broken", "cannot be unpacked"),
    ):
        with pytest.raises(DivebellError, match=reason):
            layers(tmp_path / f"{name}.zip")


def test_a_geopackage_gives_every_layer_and_table(tmp_path):
    path = tmp_path / "a.gpkg"
    save(path, [SQUARE], layer="first", code=["01"], day=[dt.date(2020, 1, 2)])
    save(path, [shapely.Point(1, 2)], layer="Second One", crs="EPSG:32618", append=False, code=["02"])
    import sqlite3

    with sqlite3.connect(path) as database:
        database.execute("create table notes (id integer primary key, note text)")
        database.execute("insert into notes (note) values ('007')")
        database.execute("insert into gpkg_contents (table_name, data_type) values ('notes', 'attributes')")
    database.close()
    found = {one.name: one for one in layers(path)}
    assert set(found) == {"first", "Second One", "notes"}
    assert found["notes"].geometry is None
    assert table_of(found["notes"])["note"].to_pylist() == ["007"]
    assert found["Second One"].geometry.crs == "EPSG:32618"
    assert table_of(found["first"])["day"].to_pylist() == [dt.date(2020, 1, 2)]


def test_flatgeobuf_and_kml(tmp_path, write):
    save(tmp_path / "a.fgb", [SQUARE, SQUARE], driver="FlatGeobuf", code=["01", "02"])
    (layer,) = layers(tmp_path / "a.fgb")
    assert table_of(layer)["code"].to_pylist() == ["01", "02"]
    kml = (
        '<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>A</name>'
        "<Point><coordinates>-73,40</coordinates></Point></Placemark></Document></kml>"
    )
    (layer,) = layers(write("a.kml", kml))
    assert layer.geometry.crs == "EPSG:4326"
    assert table_of(layer)["name"].to_pylist() == ["A"]
    with pytest.raises(DivebellError, match="XML entities"):
        layers(
            write(
                "b.kml", kml.replace("<kml", '<!DOCTYPE k [<!ENTITY x SYSTEM "file:///etc/passwd">]><kml', 1)
            )
        )


@pytest.mark.parametrize("name", ["a.gpkg", "a.fgb", "a.shp", "a.zip", "a.xlsx", "a.xls", "a.kml"])
@pytest.mark.parametrize(
    "content",
    [b"", b"\x00\x01garbage" * 30, b"<html>no</html>", b"version https://git-lfs.github.com/spec/v1\n"],
)
def test_binary_formats_refuse_what_they_are_not(write, name, content):
    with pytest.raises(DivebellError) as caught:
        layers(write(name, content))
    assert caught.value.next_step


def test_a_damaged_geopackage_and_a_cut_shapefile_are_reported(tmp_path, write):
    with pytest.raises(DivebellError, match="cannot be read as GeoPackage"):
        layers(write("a.gpkg", b"SQLite format 3\x00" + b"\x01" * 5000))
    path = shapefile(tmp_path / "s")
    path.write_bytes(path.read_bytes()[:150])
    try:
        (layer,) = layers(path)
        assert table_of(layer).num_rows <= 2
    except DivebellError:
        pass


def test_layers_can_be_read_as_often_as_needed(write):
    (layer,) = layers(write("a.ndjson", json.dumps(feature(point(1, 2)))))
    assert wkts(layer) == wkts(layer)


def test_wkb_is_iso_little_endian(write):
    (layer,) = layers(write("a.geojson", collection(feature(point(1, 2, 3)))))
    raw = table_of(layer)["geom"].to_pylist()[0]
    assert raw[:5] == b"\x01" + np.uint32(1001).tobytes()


def test_geojson_in_other_encodings_keeps_its_accents(write):
    content = collection(feature(point(1, 2), {"name": "X"})).replace("X", "José €")
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        (layer,) = layers(write("a.geojson", content.encode(encoding)))
        assert table_of(layer)["name"].to_pylist() == ["José €"]
    assert "not UTF-8" in said(layer)


def test_a_hint_makes_a_declared_number_text(write):
    (layer,) = layers(write("a.geojson", collection(feature(point(1, 2), {"n": 5}))), text=("n",))
    assert table_of(layer)["n"].to_pylist() == ["5"]


def test_a_crs_nobody_knows_is_not_called_wgs_84(write):
    member = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::999999"}}
    (layer,) = layers(write("a.geojson", collection(feature(point(1, 2)), crs=member)))
    assert layer.geometry.crs is None
    assert "cannot be understood" in said(layer)


METRES = [shapely.Point(1_014_750 + at, 194_324) for at in range(5)]


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.fgb"])
def test_degrees_that_most_coordinates_contradict_are_not_believed(tmp_path, name):
    save(tmp_path / name, [*METRES, shapely.Point(1, 2)], crs="EPSG:4269", n=range(6))
    (layer,) = (one.certain() for one in layers(tmp_path / name))
    assert (layer.geometry.crs, layer.geometry.crs_wkt) == (None, None)
    assert "declares longitudes and latitudes in NAD83 (EPSG:4269)" in said(layer)
    assert "give it with 'crs' in the event file" in said(layer)
    assert {"POINT (1014754 194324)", "POINT (1 2)"} < {*wkts(layer)}
    (layer,) = (one.certain() for one in layers(tmp_path / name, crs="EPSG:2263"))
    assert (layer.geometry.crs, said(layer)) == ("EPSG:2263", "")


def test_geojson_that_names_degrees_its_coordinates_contradict_is_told_so(write):
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    (layer,) = layers(write("a.geojson", collection(feature(point(1_014_750, 194_324)), crs=crs)))
    assert layer.geometry.crs is None
    assert "declares longitudes and latitudes in WGS 84 (EPSG:4326)" in said(layer)
    assert "names no coordinate reference system" not in said(layer)


def test_ids_written_as_text_that_only_count_are_left_out(read):
    features = [feature(point(1, 2), {"a": at}, id=str(at)) for at in range(3)]
    assert set(read("a.geojson", collection(*features))[1]) == {"a", "geom"}
    features[1]["id"] = "x"
    assert read("b.geojson", collection(*features))[1]["id"] == ["0", "x", "2"]


def test_records_with_coordinates_become_points(read):
    records = [{"n": 1}, {"n": 2, "lat": 40.5, "lon": -73.25}, {"n": 3, "lon": None, "lat": None}]
    layer, rows = read("a.json", json.dumps(records))
    assert (layer.geometry.type, layer.geometry.crs) == ("Point", "EPSG:4326")
    assert [one and shapely.from_wkb(one).wkt for one in rows["geom"]] == [None, "POINT (-73.25 40.5)", None]
    assert "2 rows have no coordinates" in said(layer)
    layer, rows = read(
        "b.json", json.dumps([{"a": "POINT (1 2)"}, {"a": "POINT (1 1000)"}, {"a": "POINT (3 4)"}])
    )
    assert [one and shapely.from_wkb(one).wkt for one in rows["geom"]] == ["POINT (1 2)", None, "POINT (3 4)"]
    layer, rows = read("c.json", json.dumps(records), points=Points(longitude="x", latitude="y"))
    assert layer.geometry is None
    assert "no record has 'x'" in said(layer)


def test_points_of_records_in_a_large_file_are_those_of_all_its_rows(read):
    rest = "x" * 100
    records = [{"n": at, "rest": rest, "lat": 40.5, "lon": -73.25} for at in range(60_000)]
    layer, rows = read("a.json", json.dumps([*records, {"n": 0, "lat": 900, "lon": 0}]))
    assert layer.geometry.type == "Point"
    assert (len(rows["geom"]), rows["geom"].count(None)) == (60_001, 1)
    assert "1 values in columns 'lon' and 'lat' are no usable coordinates" in said(layer)
    late = [{"n": at, "rest": rest} for at in range(60_000)]
    layer, rows = read("b.json", json.dumps([*late, *records[:9]]))
    assert (len(rows["geom"]), rows["geom"].count(None)) == (60_009, 60_000)
    assert "60,000 rows have no coordinates" in said(layer)
