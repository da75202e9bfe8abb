from __future__ import annotations

import zipfile

import pyarrow as pa
import pytest
import shapely

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import reader_for

from .conftest import table_of

PLACE = "<Placemark><name>{}</name>{}<Point><coordinates>{}</coordinates></Point></Placemark>"
DOCUMENT = '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>{}</Document></kml>'
PLAIN = DOCUMENT.format(PLACE.format("A", "", "-73.5,40.5"))


@pytest.fixture
def kmz(tmp_path):
    def pack(**members):
        path = tmp_path / "a.kmz"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(
                    name.replace("__", "/").replace("_kml", ".kml").replace("_png", ".png"), content
                )
        return path

    return pack


def layers(path):
    return [one.certain() for one in reader_for(path).read(path, DatasetHint())]


def said(layer):
    return "\n".join(layer.warnings)


def points_of(layer):
    return [shapely.to_wkt(shapely.from_wkb(one)) for one in table_of(layer)["geom"].to_pylist()]


def test_one_document_of_any_name_beside_pictures_is_one_table(kmz):
    (layer,) = layers(kmz(maps__places_kml=PLAIN, files__icon_png=b"\x89PNG"))
    assert (layer.name, layer.geometry.type, layer.geometry.crs) == (None, "Point", "EPSG:4326")
    assert points_of(layer) == ["POINT (-73.5 40.5)"]
    assert layer.warnings == ()


def test_several_documents_are_named_by_their_files(kmz):
    folders = "<Folder><name>Schools</name>{0}</Folder><Folder><name>Parks</name>{0}</Folder>".format(
        PLACE.format("A", "", "1,2")
    )
    found = layers(kmz(doc_kml=PLAIN, more__doc_kml=DOCUMENT.format(folders)))
    assert [one.name for one in found] == ["doc", "more/doc Schools", "more/doc Parks"]


def test_a_damaged_document_is_told_beside_the_others(kmz):
    (layer,) = layers(kmz(doc_kml=PLAIN, bad_kml="<html></html>"))
    assert layer.name == "doc"
    assert "'bad.kml' in the KMZ was not loaded: bad.kml is no KML document" in said(layer)


def test_a_kmz_without_documents_is_refused(kmz):
    with pytest.raises(DivebellError, match="it holds no KML"):
        layers(kmz(x_png=b"\x89PNG"))


def test_a_kmz_that_leaves_its_folder_or_unpacks_to_far_too_much_is_refused(kmz, tmp_path):
    with pytest.raises(DivebellError, match="outside its folder"):
        layers(kmz(**{"..__a_kml": PLAIN}))
    assert not (tmp_path.parent / "a.kml").exists()
    with pytest.raises(DivebellError, match="zip bomb"):
        layers(kmz(a_kml=PLAIN + " " * (80 << 20)))


def test_a_text_named_kmz_is_refused(write):
    with pytest.raises(DivebellError, match=r"a\.kmz is no zip archive"):
        layers(write("a.kmz", "hello"))


def test_extended_data_become_columns_and_what_no_place_fills_does_not(write):
    schema = '<Schema name="S" id="S"><SimpleField type="int" name="pop"/><SimpleField type="string" name="code"/></Schema>'
    data = '<ExtendedData><SchemaData schemaUrl="#S"><SimpleData name="pop">12</SimpleData><SimpleData name="code">007</SimpleData></SchemaData></ExtendedData>'
    free = '<ExtendedData><Data name="Free Text"><value>yes</value></Data></ExtendedData>'
    folder = "<Folder><name>F</name>{}</Folder>"
    places = PLACE.format("A", data, "1,2,0") + PLACE.format("B", free, "3,4")
    (layer,) = layers(write("a.kml", DOCUMENT.format(schema + folder.format(places))))
    rows = table_of(layer).to_pydict()
    assert {name: rows[name] for name in ("name", "pop", "code", "free_text")} == {
        "name": ["A", "B"],
        "pop": [12, None],
        "code": ["007", None],
        "free_text": [None, "yes"],
    }
    assert (layer.geometry.type, set(rows)) == ("PointZ", {"name", "pop", "code", "free_text", "geom"})
    assert "those without were given 0" in said(layer)


def test_a_network_link_is_not_followed(write):
    link = "<NetworkLink><name>n</name><Link><href>http://127.0.0.1:9/x.kml</href></Link></NetworkLink>"
    (layer,) = layers(write("a.kml", DOCUMENT.format(link + PLACE.format("A", "", "1,2"))))
    assert table_of(layer)["name"].to_pylist() == ["A"]
    with pytest.raises(DivebellError, match="holds no places"):
        layers(write("b.kml", DOCUMENT.format(link)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_never_expanded(write, encoding):
    laughs = '<!DOCTYPE k [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    content = PLAIN.replace("<kml", f"{laughs}<kml", 1).replace("UTF-8", encoding).replace(">A<", ">&b;<")
    with pytest.raises(DivebellError, match=r"XML entities|no KML document in UTF-8"):
        layers(write("a.kml", content.encode(encoding)))


def test_codes_in_kml_stay_text(write):
    data = '<ExtendedData><Data name="zip"><value>00501</value></Data></ExtendedData>'
    (layer,) = layers(write("a.kml", DOCUMENT.format(PLACE.format("A", data, "1,2"))))
    assert next(one.type for one in layer.columns if one.name == "zip") == pa.string()
    assert table_of(layer)["zip"].to_pylist() == ["00501"]


def test_data_named_alike_but_for_case_and_like_the_place_itself_are_all_kept(write):
    named = (("Type", "a"), ("type", "b"), ("name", "z"))
    data = "".join(f'<Data name="{name}"><value>{value}</value></Data>' for name, value in named)
    place = PLACE.format("A", f"<ExtendedData>{data}</ExtendedData>", "1,2")
    (layer,) = layers(write("a.kml", DOCUMENT.format(place)))
    rows = table_of(layer).to_pydict()
    assert {name: rows[name] for name in ("name", "type", "type_2", "name_2")} == {
        "name": ["A"],
        "type": ["a"],
        "type_2": ["b"],
        "name_2": ["z"],
    }
    assert "data named 'name' have the name of something else" in said(layer)
