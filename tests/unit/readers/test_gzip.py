from __future__ import annotations

import gzip
import io
import tarfile

import openpyxl
import pytest

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import reader_for

from .conftest import table_of


def layers(path, **hint):
    return [one.certain() for one in reader_for(path).read(path, DatasetHint(**hint))]


def workbook():
    book = openpyxl.Workbook()
    book.active.append(["a"])
    book.active.append([1])
    book.create_sheet("Two").append(["b"])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv.gz", b"zip,n\n00501,1\n"),
        ("a.TSV.GZ", b"zip\tn\n00501\t1\n"),
        ("a.txt.gz", b"zip|n\n00501|1\n00502|2\n"),
        ("a.ndjson.gz", b'{"zip": "00501", "n": 1}\n{"zip": "00502", "n": 2}\n'),
    ],
)
def test_what_is_in_the_file_is_read_as_if_it_lay_there(write, name, content):
    (layer,) = layers(write(name, gzip.compress(content)))
    row = {key: values[0] for key, values in table_of(layer).to_pydict().items()}
    assert (layer.name, row) == (None, {"zip": "00501", "n": 1})


def test_geometry_and_hints_come_through(write):
    point = '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"a":"1"},"geometry":{"type":"Point","coordinates":[1,2]}}]}'
    (layer,) = layers(write("a.geojson.gz", gzip.compress(point.encode())), crs="EPSG:4269")
    assert (layer.geometry.type, layer.geometry.crs) == ("Point", "EPSG:4269")


def test_a_file_of_several_members_is_read_whole(write):
    (layer,) = layers(write("a.csv.gz", gzip.compress(b"a\n1\n") + gzip.compress(b"2\n")))
    assert table_of(layer)["a"].to_pylist() == [1, 2]


def test_the_sheets_of_a_workbook_keep_their_names(write):
    found = layers(write("a.xlsx.gz", gzip.compress(workbook())))
    assert [one.name for one in found] == ["Sheet", "Two"]


def test_the_private_copy_goes_with_the_last_layer(write, tmp_path, monkeypatch):
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    found = layers(write("a.csv.gz", gzip.compress(b"a\n1\n")))
    assert len(list((tmp_path / "scratch").iterdir())) == 1
    assert table_of(found[0]).num_rows == 1
    del found
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_bomb_is_left_alone(write):
    with pytest.raises(DivebellError, match="far more than its own size"):
        layers(write("a.csv.gz", gzip.compress(bytes(80 << 20))))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv.gz", gzip.compress(b"a,b\n" * 9_000)[:-20], "cannot be unpacked"),
        ("a.csv.gz", gzip.compress(b"a,b\n1,2\n") + b"rubbish after it", "cannot be unpacked"),
        ("a.csv.gz", b"\x1f\x8b" + b"\xff" * 50, "cannot be unpacked"),
        ("a.csv.gz", b"a,b\n1,2\n", "is no gzip file"),
        ("a.csv.gz", gzip.compress(b""), "is empty"),
        ("a.gz", gzip.compress(b"a,b\n1,2\n"), "no dataset that divebell reads"),
        ("a.txt.gz", gzip.compress(b"Dear all,\nhow are you?\n"), "no dataset that divebell reads"),
        ("a.csv.gz.gz", gzip.compress(gzip.compress(b"a\n1\n")), "more or less than one dataset"),
        ("a.zip.gz", gzip.compress(b"PK"), "more or less than one dataset"),
        ("a.shp.gz", gzip.compress(b"x"), "more or less than one dataset"),
        ("a.sav.gz", gzip.compress(b"x"), "which divebell does not read"),
    ],
)
def test_what_cannot_be_read_is_told_in_words(write, name, content, words):
    with pytest.raises(DivebellError, match=words) as caught:
        layers(write(name, content))
    assert caught.value.next_step


def test_a_tar_is_reported_with_a_way_out(write):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.csv"))
    with pytest.raises(DivebellError, match="more or less than one dataset") as caught:
        layers(write("a.tar.gz", packed.getvalue()))
    assert "pack it as .zip" in caught.value.next_step
    for name in ("a.tgz", "a.tar", "a.7z", "a.rar"):
        with pytest.raises(DivebellError, match="which divebell does not read") as caught:
            layers(write(name, packed.getvalue()))
        assert "pack it as .zip" in caught.value.next_step
