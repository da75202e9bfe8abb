"""Geometry as real events and strangers bring it, each with the table and the warnings that are expected."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from divebell.errors import DivebellError
from divebell.readers.crs import identify
from divebell.readers.shapes import Survey, apply, plan, warnings_of
from divebell.readers.wkb import MOST_VERTICES, look

from .conftest import table_of
from .test_spatial import SQUARE, layers, said, save, wkts

NAN = float("nan")


def point(*xyzm, code=1, order="<"):
    return struct.pack(f"{order}BI{len(xyzm)}d", order == "<", code, *xyzm)


def geopackage(path, *wkbs, srs=4326, flags=1):
    """A GeoPackage whose blobs hold these bytes, without a spatial index."""
    save(path, [shapely.Point(0, 0)], geometry_type="Unknown", n=[0])
    with closing(sqlite3.connect(path)) as database:
        for name in [
            row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        ]:
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute(f"DELETE FROM {path.stem}")
        for number, wkb in enumerate(wkbs):
            blob = None if wkb is None else b"GP\x00" + struct.pack("<Bi", flags, srs) + wkb
            database.execute(f"INSERT INTO {path.stem} (geom, n) VALUES (?, ?)", (blob, number))
        database.commit()
    return path


def arrays(*wkbs):
    return pa.array(wkbs, pa.binary())


def alike(*wkbs, degrees=True):
    survey = Survey()
    survey.see(arrays(*wkbs))
    decided = plan(survey, degrees=degrees)
    made = apply(arrays(*wkbs), decided, 1).to_pylist()
    return decided.type, made, "\n".join(warnings_of(survey, decided))


def test_heights_and_measures_of_every_mix_become_one_kind(tmp_path):
    path = geopackage(
        tmp_path / "a.gpkg",
        point(1, 2),
        point(1, 2, 3, code=1001),
        point(1, 2, 4, code=2001),
        point(1, 2, 3, 4, code=3001),
        point(1, 2, 5, code=0x80000001),
        None,
    )
    (layer,) = layers(path)
    assert layer.geometry.type == "PointZM"
    assert table_of(layer)["geom"].to_pylist() == [
        *(point(1, 2, z, m, code=3001) for z, m in ((0, 0), (3, 0), (0, 4), (3, 4), (5, 0))),
        None,
    ]
    assert "a height or measure and some have none; those without were given 0" in said(layer)


def test_big_endian_and_half_written_geometries(tmp_path):
    ring = struct.pack("<BIII6d", 1, 3, 1, 3, 0, 0, 1, 1, 2, 0)
    path = geopackage(
        tmp_path / "a.gpkg", point(1, 2, order=">"), b"\x01\x01", ring, point(NAN, 2), point(float("inf"), 2),
        point(1e300, 2), point(3, 95), point(NAN, NAN), point(5, 6),
    )  # fmt: skip
    (layer,) = layers(path)
    made = table_of(layer)["geom"].to_pylist()
    assert made[:7] == [point(1, 2), *[None] * 6]
    assert np.isnan(struct.unpack("<2d", made[7][5:])).all()
    assert made[8] == point(5, 6)
    assert "5 geometries hold coordinates that are no usable numbers" in said(layer)
    assert "(rows 2, 3, 4, 5, 6)" in said(layer)
    assert "1 geometry lies beyond the range of longitude and latitude; left out (rows 7)" in said(layer)


def test_a_circle_and_other_curves_become_lines(tmp_path):
    def arc(*places, code=8):
        return struct.pack("<BII", 1, code, len(places)) + struct.pack(
            f"<{2 * len(places)}d", *sum(places, ())
        )

    circle = arc((1, 0), (-1, 0), (1, 0))
    bent = struct.pack("<BII", 1, 9, 2) + arc((0, 0), (1, 1), (2, 0)) + arc((2, 0), (5, 0), code=2)
    disc = struct.pack("<BII", 1, 10, 1) + circle
    kind, made, told = alike(circle, bent)
    assert kind == "LineString"
    assert told == "2 curved geometries were drawn with short straight lines"
    round_, joined = (shapely.from_wkb(one) for one in made)
    assert np.allclose(np.hypot(*shapely.get_coordinates(round_).T), 1)
    assert round_.is_ring
    assert shapely.get_coordinates(joined)[[0, -1]].tolist() == [[0, 0], [5, 0]]
    assert joined.length == pytest.approx(np.pi + 3, rel=1e-3)
    kind, made, _ = alike(disc)
    assert kind == "Polygon"
    assert shapely.from_wkb(made[0]).area == pytest.approx(np.pi, rel=2e-3)


def test_surfaces_become_polygons():
    triangle = struct.pack("<BIII12d", 1, 1017, 1, 4, 0, 0, 1, 1, 0, 1, 1, 1, 1, 0, 0, 1)
    kind, made, told = alike(struct.pack("<BII", 1, 1016, 1) + triangle)
    assert kind == "MultiPolygonZ"
    assert shapely.from_wkb(made[0]).geom_type == "MultiPolygon"
    assert told == "1 surfaces (TIN, polyhedral) became polygons"


def test_collections_are_kept_beside_other_types():
    collection = shapely.GeometryCollection([SQUARE, shapely.Point(1, 2)])
    kind, made, told = alike(collection.wkb, SQUARE.wkb, None)
    assert (kind, told) == ("Geometry", "")
    assert made == [collection.wkb, SQUARE.wkb, None]
    assert alike(collection.wkb)[0] == "GeometryCollection"


@pytest.mark.parametrize("kind", ["Point", "LineString", "Polygon"])
def test_single_and_multi_become_multi_and_empty_ones_stay_empty(kind):
    single = {
        "Point": shapely.Point(1, 2),
        "LineString": shapely.LineString([(0, 0), (1, 1)]),
        "Polygon": SQUARE,
    }
    one = single[kind]
    multi = shapely.from_wkt(f"MULTI{kind.upper()} EMPTY")
    made = alike(one.wkb, multi.wkb, shapely.from_wkt(f"{kind.upper()} EMPTY").wkb)
    assert made[0] == f"Multi{kind}"
    found = [shapely.from_wkb(raw) for raw in made[1]]
    assert [shapely.get_num_geometries(single) for single in found] == [1, 0, 0]
    assert shapely.get_geometry(found[0], 0) == one


def test_a_height_that_is_no_number_becomes_0():
    kind, made, told = alike(point(1, 2, NAN, code=1001), point(1, 2, -1.797e308, code=1001))
    assert (kind, made) == ("PointZ", [point(1, 2, 0, code=1001)] * 2)
    assert "a height or measure that is no number; 0 was put in its place (rows 1, 2)" in told


def test_a_geometry_of_too_many_vertices_is_refused():
    places = np.zeros((MOST_VERTICES + 1, 2))
    huge = struct.pack("<BII", 1, 2, len(places)) + places.tobytes()
    with pytest.raises(DivebellError, match="5,000,001 vertices; at most 5,000,000 are read"):
        look(arrays(huge))


def test_bytes_that_promise_more_than_they_hold_are_no_geometry():
    for head in (
        struct.pack("<BII", 1, 3, 2**32 - 1), struct.pack("<BII", 1, 6, 2**31), struct.pack("<BII", 1, 7, 2**30),
        struct.pack("<BII", 1, 9, 2**30), struct.pack("<BIII", 1, 3, 1, 2**32 - 1), b"\x07" * 9,
        (b"\x01\x07\x00\x00\x00\x01\x00\x00\x00") * 5_000,
    ):  # fmt: skip
        found = look(arrays(head, point(1, 2), head + bytes(40)))
        assert found.broken.tolist() == [True, False, True]


def test_bytes_after_the_end_of_a_geometry_are_dropped():
    assert alike(point(1, 2) + b"more", SQUARE.wkb + bytes(64))[1] == [point(1, 2), SQUARE.wkb]
    assert look(arrays(b"\x01\x01\x00\x00\x00")).broken.tolist() == [True]


numbers = st.floats(-700, 700, width=32)


@st.composite
def geometries(draw):
    def run(least):
        return draw(st.lists(st.tuples(numbers, numbers), min_size=least, max_size=6))

    def polygon():
        x, y = draw(numbers), draw(numbers)
        return shapely.Polygon([(x, y), (x + 1, y), (x + 1, y + 1)], [[(x, y), (x + 0.1, y), (x, y + 0.1)]])

    makers = (
        lambda: shapely.Point(draw(numbers), draw(numbers)),
        lambda: shapely.LineString(run(2)),
        polygon,
        lambda: shapely.MultiPoint(run(0)),
        lambda: shapely.MultiLineString([run(2) for _ in range(draw(st.integers(0, 3)))]),
        lambda: shapely.MultiPolygon([polygon() for _ in range(draw(st.integers(0, 60)))]),
        lambda: shapely.GeometryCollection([polygon(), shapely.Point(1, 2)]),
        shapely.Point,
        shapely.Polygon,
    )
    made = draw(st.sampled_from(makers))()
    return shapely.force_3d(made, 5.0) if draw(st.booleans()) else made


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), geometries()), min_size=1, max_size=8), st.integers(0, 1))
def test_the_quick_look_finds_what_decoding_finds(shapes, order):
    raw = [None if one is None else shapely.to_wkb(one, flavor="iso", byte_order=order) for one in shapes]
    found = look(arrays(None, *raw).slice(1))
    assert not found.broken.any()
    for at, one in enumerate(shapes):
        if one is None:
            assert found.codes[at] == -1
            continue
        xy = shapely.get_coordinates(one)
        assert found.far[at] == bool((np.abs(xy) > [540, 90.000001]).any())
        kept = found.wkb[at].as_py()
        assert kept == shapely.to_wkb(one, flavor="iso", byte_order=1)
        assert found.codes[at] == struct.unpack("<I", kept[1:5])[0]


def many(path, odd, at, count=9_000):
    shapes = [SQUARE] * count
    shapes[at] = odd
    save(path, shapes, geometry_type="Unknown", n=list(range(count)))
    return path


@pytest.mark.parametrize("at", [0, 700, 3_333, 8_999])
def test_a_late_surprise_gives_what_reading_all_of_it_first_would(tmp_path, at):
    multi = shapely.MultiPolygon([SQUARE, shapely.box(3, 3, 4, 4)])
    (layer,) = layers(many(tmp_path / "a.gpkg", multi, at))
    layer = layer.certain()
    rows = table_of(layer)
    assert layer.geometry.type == "MultiPolygon"
    assert rows["n"].to_pylist() == list(range(9_000))
    kinds = {shapely.from_wkb(one).geom_type for one in rows["geom"].to_pylist()}
    assert kinds == {"MultiPolygon"}
    assert shapely.from_wkb(rows["geom"][at].as_py()) == multi


def test_rows_read_by_a_guess_that_holds_stand(tmp_path):
    (layer,) = layers(many(tmp_path / "a.gpkg", shapely.box(0, 0, 2e9, 1), 5_000))
    assert layer.settle is not None
    rows = table_of(layer)
    settled = layer.settle()
    assert (settled.columns, settled.geometry) == (layer.columns, layer.geometry)
    assert rows.equals(table_of(settled))
    assert rows["geom"][5_000].as_py() is None
    assert "(rows 5,001)" in said(settled)
    assert "5,001" not in said(layer)


def test_every_mix_of_layers_in_a_geopackage(tmp_path):
    path = tmp_path / "a.gpkg"
    save(path, [SQUARE], layer="areas", code=["01"], geom_=["x"], xmin=[1.5])
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE plain (id INTEGER PRIMARY KEY, note TEXT)")
        database.execute("INSERT INTO gpkg_contents (table_name, data_type) VALUES ('plain', 'attributes')")
        database.execute(
            "CREATE TABLE layer_styles (id INTEGER PRIMARY KEY, f_table_name TEXT, styleQML TEXT)"
        )
        database.execute(
            "INSERT INTO gpkg_contents (table_name, data_type) VALUES ('layer_styles', 'attributes')"
        )
        database.execute("CREATE VIEW seen AS SELECT fid AS OGC_FID, geom, code FROM areas")
        database.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, srs_id) VALUES ('seen', 'features', 4326)"
        )
        database.execute("INSERT INTO gpkg_geometry_columns VALUES ('seen', 'geom', 'POLYGON', 4326, 0, 0)")
        database.commit()
    found = {one.name: one for one in layers(path)}
    assert set(found) == {"areas", "plain", "seen"}
    assert wkts(found["seen"]) == [SQUARE.wkt]
    assert "the layer has no rows" in said(found["plain"])
    assert [one.name for one in found["areas"].columns] == ["code", "geom_value", "xmin_value"]


def test_a_geopackage_in_the_midst_of_writing_is_read_without_a_trace(tmp_path):
    path = geopackage(tmp_path / "a.gpkg", point(1, 2))
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("PRAGMA wal_autocheckpoint = 0")
    writer.execute("UPDATE a SET n = 7")
    writer.commit()
    copied = tmp_path / "copy"
    copied.mkdir()
    for ending in ("", "-wal"):
        (copied / f"a.gpkg{ending}").write_bytes((tmp_path / f"a.gpkg{ending}").read_bytes())
    writer.close()
    before = {one: one.read_bytes() for one in copied.iterdir()}
    (layer,) = layers(copied / "a.gpkg")
    assert table_of(layer)["n"].to_pylist() == [7]
    assert {one: one.read_bytes() for one in copied.iterdir()} == before


@pytest.mark.parametrize(
    "name", ["a!b", "a#b", "a?b=c", "vsicurl", "a.zip!x", "été [1]", "a'b\"c", "a%20b", "MYSQL:x"]
)
def test_no_name_is_taken_for_an_address(tmp_path, name):
    save(tmp_path / "plain.shp", [SQUARE], n=[1])
    save(tmp_path / "plain.gpkg", [SQUARE], n=[1])
    for part in tmp_path.glob("plain.*"):
        part.rename(tmp_path / (name + part.suffix))
    for ending in (".shp", ".gpkg"):
        (layer,) = layers(tmp_path / (name + ending))
        assert table_of(layer)["n"].to_pylist() == [1]
        assert layer.geometry.crs == "EPSG:4326"


UTM = (
    'PROJCS["UTM 18",GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137,298.257223563]],'
    'PRIMEM["Greenwich",0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],'
    'PARAMETER["False_Easting",500000],PARAMETER["False_Northing",0],PARAMETER["Central_Meridian",{}],'
    'PARAMETER["Scale_Factor",0.9996],PARAMETER["Latitude_Of_Origin",0],UNIT["Meter",1]]'
)


def test_a_system_is_never_taken_for_one_far_away():
    assert identify(UTM.format(-75), "EPSG:32618").code == "EPSG:32618"
    far = identify(UTM.format(29), "EPSG:32618")
    assert (far.code, "UTM 18" in far.wkt) == (None, True)
    lying = identify(UTM.format(29)[:-1] + ',AUTHORITY["EPSG","32618"]]')
    assert lying.code is None
    unknown = identify(UTM.format(-75)[:-1] + ',AUTHORITY["EPSG","999999"]]')
    assert unknown.code in {None, "EPSG:32618"}


@pytest.mark.parametrize(
    ("definition", "code"),
    [("EPSG:2193", "EPSG:2193"), ("ESRI:102003", "ESRI:102003"), ("EPSG:4326+5773", "EPSG:4326"),
     ("EPSG:7405", "EPSG:27700"), ("OGC:CRS84", "EPSG:4326"), ("EPSG:10481", "EPSG:10481")],
)  # fmt: skip
def test_an_authority_is_kept(definition, code):
    assert identify(definition).code == code


@pytest.mark.parametrize("srs", [-1, 0])
def test_a_geopackage_that_leaves_its_system_undefined_has_none(tmp_path, srs):
    path = geopackage(tmp_path / "a.gpkg", point(1000, 2000), srs=srs)
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE gpkg_contents SET srs_id = ?", (srs,))
        database.execute("UPDATE gpkg_geometry_columns SET srs_id = ?", (srs,))
        database.commit()
    (layer,) = layers(path)
    assert (layer.geometry.crs, layer.geometry.crs_wkt) == (None, None)
    assert "does not say its coordinate reference system" in said(layer)
    assert wkts(layer) == ["POINT (1000 2000)"]


def test_x_is_east_whatever_order_a_system_lists_its_axes_in(tmp_path):
    save(tmp_path / "a.gpkg", [shapely.Point(-73, 40)], n=[1])
    save(tmp_path / "b.fgb", [shapely.Point(-73, 40)], n=[1], driver="FlatGeobuf")
    save(tmp_path / "c.shp", [shapely.Point(-73, 40)], n=[1])
    for name in ("a.gpkg", "b.fgb", "c.shp"):
        (layer,) = layers(tmp_path / name)
        assert wkts(layer) == ["POINT (-73 40)"]


@pytest.mark.parametrize("index", ["YES", "NO"])
def test_flatgeobuf_with_and_without_an_index(tmp_path, index):
    from pyogrio.raw import write_arrow

    wkb = [shapely.Point(at % 7, at).wkb for at in range(50)]
    table = pa.table({"n": range(50), "geom": pa.array(wkb, pa.binary())})
    write_arrow(
        table, tmp_path / "a.fgb", driver="FlatGeobuf", crs="EPSG:4326", geometry_name="geom",
        geometry_type="Point", SPATIAL_INDEX=index,
    )  # fmt: skip
    (layer,) = layers(tmp_path / "a.fgb")
    assert sorted(table_of(layer)["n"].to_pylist()) == list(range(50))


def test_a_persons_types_hold_for_declared_columns(tmp_path):
    save(
        tmp_path / "a.gpkg", [SQUARE] * 3, code=["1", "2.0", "x"], n=[1, 0, 5], f=[1.0, 2.5, None],
        day=["2020-01-31", "1/2/2020", "later"],
    )  # fmt: skip
    types = {"code": "integer", "n": "boolean", "f": "text", "day": "date"}
    (layer,) = (one.certain() for one in layers(tmp_path / "a.gpkg", types=types))
    rows = table_of(layer).to_pydict()
    assert rows["code"] == [1, 2, None]
    assert rows["n"] == [True, False, None]
    assert rows["f"] == ["1", "2.5", None]
    assert [str(one) for one in rows["day"]] == ["2020-01-31", "2020-01-02", "None"]
    assert "column 'code' (1, such as 'x'): values that are no integer were left empty (NULL)" in said(layer)


def test_a_person_names_the_system_of_a_file_that_does_not(tmp_path):
    save(tmp_path / "a.shp", [shapely.Point(500000, 4500000)], n=[1], crs="EPSG:4326")
    (tmp_path / "a.prj").unlink()
    (layer,) = layers(tmp_path / "a.shp", crs="EPSG:32618")
    assert (layer.geometry.crs, wkts(layer)) == ("EPSG:32618", ["POINT (500000 4500000)"])
