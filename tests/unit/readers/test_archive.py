from __future__ import annotations

import io
import json
import struct
import zipfile

import pytest

from divebell.errors import DivebellError
from divebell.readers.zipmembers import MOST_MEMBERS

from .conftest import table_of
from .test_spatial import SQUARE, collection, feature, layers, pack, point, said, save, shapefile

CSV = "n\n1\n2\n"


def packed(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def bytes_of(members):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return inner.getvalue()


def rows(found):
    return {one.name: table_of(one).num_rows for one in found}


def test_a_mixed_archive_gives_a_layer_per_dataset(tmp_path):
    save(tmp_path / "two.gpkg", [SQUARE], layer="a", n=[1])
    save(tmp_path / "two.gpkg", [SQUARE], layer="b", append=False, n=[1])
    parts = sorted(shapefile(tmp_path / "in", "ROADS").parent.iterdir())
    pack(tmp_path / "a.zip", *parts, tmp_path / "two.gpkg", prefix="x y/")
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as file:
        file.writestr("x y/wells.csv", CSV)
        file.writestr("x y/places.geojson", collection(feature(point(1, 2), {"n": 1})))
        file.writestr("x y/notes.pdf", b"%PDF")
        file.writestr("__MACOSX/x y/._ROADS.shp", b"\x00\x05\x16\x07")
        file.writestr("x y/.DS_Store", b"\x00")
    assert rows(layers(tmp_path / "a.zip")) == {"ROADS": 2, "two a": 1, "two b": 1, "wells": 2, "places": 1}


def test_parts_of_a_shapefile_in_upper_and_lower_case(tmp_path):
    parts = shapefile(tmp_path / "in").parent
    members = {
        f"Roads{one.suffix.upper()}" if one.suffix != ".dbf" else "roads.dbf": one.read_bytes()
        for one in parts.iterdir()
    }
    (layer,) = layers(packed(tmp_path / "a.zip", members))
    assert table_of(layer)["tract"].to_pylist() == ["000100", "012345"]
    assert layer.geometry.crs == "EPSG:4326"


def test_archives_in_archives_are_read_three_deep(tmp_path):
    second = bytes_of(
        {"c.csv": CSV, "third.zip": bytes_of({"d.csv": CSV, "fourth.zip": bytes_of({"e.csv": CSV})})}
    )
    found = layers(packed(tmp_path / "a.zip", {"b.csv": CSV, "in/second.zip": second}))
    assert rows(found) == {"b": 2, "c": 2, "d": 2}
    assert (
        "'in/second.zip/third.zip/fourth.zip' in the archive was not loaded: archives are read 3 deep"
        in said(found[0])
    )


def test_one_damaged_or_locked_member_does_not_stop_the_others(tmp_path):
    path = packed(tmp_path / "a.zip", {"good.csv": CSV, "bad.csv": "n\n" + "7\n" * 500, "locked.csv": CSV})
    raw = bytearray(path.read_bytes())
    at = raw.index(b"bad.csv") + len("bad.csv")
    raw[at + 2 : at + 6] = b"\xff\xff\xff\xff"
    central = raw.rindex(b"locked.csv") - 46
    raw[central + 8] |= 1
    path.write_bytes(raw)
    (layer,) = layers(path)
    assert (layer.name, table_of(layer).num_rows) == ("good", 2)
    assert "'bad.csv' in the archive was not loaded: it cannot be unpacked" in said(layer)
    assert "'locked.csv' in the archive was not loaded: it needs a password" in said(layer)


def test_names_keep_their_letters(tmp_path):
    path = packed(tmp_path / "a.zip", {"caf\xe9X.csv": CSV})
    raw = path.read_bytes()
    for start in (raw.index(b"PK\x03\x04"), raw.index(b"PK\x01\x02")):
        at = start + (6 if raw[start + 2] == 3 else 8)
        (flags,) = struct.unpack_from("<H", raw, at)
        raw = raw[:at] + struct.pack("<H", flags & ~0x800) + raw[at + 2 :]
    path.write_bytes(raw)
    assert rows(layers(path)) == {"caféX": 2}
    path.write_bytes(raw.replace("\xe9X".encode(), b"\x82XX"))
    assert rows(layers(path)) == {"caféXX": 2}


def test_same_names_are_told_apart_and_one_path_twice_is_told_of(tmp_path):
    members = {"a.csv": CSV, "x/a.csv": CSV, "x/a 2.csv": "n\n1\n", "b.csv": "n\n5\n"}
    path = packed(tmp_path / "a.zip", members)
    path.write_bytes(path.read_bytes().replace(b"b.csv", b"a.csv"))
    found = layers(path)
    assert rows(found) == {"a": 1, "a 2": 1, "a 3": 2}
    assert "'a.csv' is in the archive twice; the last one was read" in said(found[0])


def test_a_name_too_long_for_any_file_system_is_cut(tmp_path):
    ((name, count),) = rows(layers(packed(tmp_path / "a.zip", {f"{'ü' * 300}.csv": CSV}))).items()
    assert (set(name), count) == ({"ü"}, 2)


def test_archives_that_are_too_much_are_refused(tmp_path):
    crowd = packed(tmp_path / "crowd.zip", {f"{at}.txt": "" for at in range(MOST_MEMBERS + 1)})
    with pytest.raises(DivebellError, match="more than 5,000 files"):
        layers(crowd)
    bomb = bytes_of({"a.csv": b"0" * (40 << 20)})
    with pytest.raises(DivebellError, match="zip bomb"):
        layers(packed(tmp_path / "bombs.zip", {f"{at}.zip": bomb for at in range(3)}))
    half = bytes_of({f"{at}.txt": "" for at in range(MOST_MEMBERS // 2 + 1)})
    crowds = packed(tmp_path / "crowds.zip", {"a.zip": half, "b.zip": half})
    with pytest.raises(DivebellError, match="more than 5,000 files"):
        layers(crowds)


@pytest.mark.parametrize("name", ["../a.csv", "/etc/a.csv", "x/../../a.csv", "..\\a.csv", "C:\\a.csv"])
def test_members_that_would_leave_the_folder_refuse_the_archive(tmp_path, name):
    with pytest.raises(DivebellError, match="outside its folder"):
        layers(packed(tmp_path / "a.zip", {name: CSV, "good.csv": CSV}))


def test_what_points_elsewhere_from_an_archive_is_not_followed(tmp_path):
    (tmp_path / "secret.csv").write_text("swordfish\nyes\n")
    vrt = f"<OGRVRTDataSource><OGRVRTLayer name='a'><SrcDataSource>{tmp_path}/secret.csv</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
    path = packed(
        tmp_path / "a.zip",
        {"a.vrt": vrt, "b.csv": CSV, "b.csv.aux.xml": vrt, "c.gpkg": vrt, "d.shp": vrt, "e.fgb": vrt,
         "f.geojson": vrt, "g.dbf": "/vsicurl/http://127.0.0.1/a.dbf" * 3, "h.geojson": json.dumps(vrt)},
    )  # fmt: skip
    found = layers(path)
    assert "swordfish" not in str([table_of(one).to_pydict() for one in found])
    assert "b" in {one.name for one in found}
