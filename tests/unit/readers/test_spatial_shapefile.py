"""Shapefiles and their dBASE tables, byte by byte as old programs write them."""

from __future__ import annotations

import datetime as dt
import struct

import pytest

from divebell.errors import DivebellError

from .conftest import table_of
from .test_spatial import SQUARE, layers, said, save, shapefile


def dbase(path, fields, *rows, language=0, deleted=()):
    """A dBASE III table: fields are (name, kind, width, decimals), rows are tuples of bytes."""
    size = 1 + sum(width for _, _, width, _ in fields)
    head = struct.pack("<4BIHH17xB2x", 3, 124, 1, 1, len(rows), 32 * len(fields) + 33, size, language)
    for name, kind, width, decimals in fields:
        head += struct.pack("<11sc4xBB14x", name.encode(), kind.encode(), width, decimals)
    body = b""
    for at, row in enumerate(rows):
        body += b"*" if at in deleted else b" "
        body += b"".join(value.ljust(field[2]) for value, field in zip(row, fields, strict=True))
    path.write_bytes(head + b"\r" + body + b"\x1a")
    return path


def column(path, kind, width, decimals, *values, **hint):
    rows = [(value,) for value in values]
    (layer,) = (one.certain() for one in layers(dbase(path, [("X", kind, width, decimals)], *rows), **hint))
    return table_of(layer)["x"], said(layer)


def test_a_number_too_long_for_its_column_is_null(tmp_path):
    found, told = column(tmp_path / "a.dbf", "N", 5, 0, b"*****", b"   12", b"", b"*****")
    assert found.to_pylist() == [None, 12, None, None]
    assert "column 'X' (2 times): numbers that are missing, or were too long for the column" in told


@pytest.mark.parametrize("value", [b"abc", b"1.2.3", b"2020-1", b"nan", b"1_0", b"--3"])
def test_what_is_no_number_is_not_0(tmp_path, value):
    found, told = column(tmp_path / "a.dbf", "N", 8, 2, b"1.50", value)
    assert found.to_pylist() == [1.5, None]
    assert f"column 'X' (1, such as '{value.decode()}'): values that are no numbers were left empty" in told


@pytest.mark.parametrize("value", [b"00000000", b"", b"0"])
def test_a_date_of_zeros_is_no_date(tmp_path, value):
    found, told = column(tmp_path / "a.dbf", "D", 8, 0, b"20200229", value)
    assert found.to_pylist() == [dt.date(2020, 2, 29), None]
    assert told == ""


@pytest.mark.parametrize("value", [b"20201399", b"20190229", b"notadate"])
def test_a_day_that_is_in_no_calendar_is_null(tmp_path, value):
    found, told = column(tmp_path / "a.dbf", "D", 8, 0, b"20200229", value)
    assert found.to_pylist() == [dt.date(2020, 2, 29), None]
    assert "days that are in no calendar were left empty (NULL)" in told


def test_long_whole_numbers_are_exact(tmp_path):
    found, _ = column(tmp_path / "a.dbf", "N", 20, 0, b"9007199254740993", b"", b"-12")
    assert found.to_pylist() == [9007199254740993, None, -12]
    found, _ = column(tmp_path / "b.dbf", "N", 20, 0, b"12345678901234567890", b"7", b"********************")
    assert found.to_pylist() == ["12345678901234567890", "7", None]


def test_truth_values_and_deleted_rows(tmp_path):
    path = dbase(
        tmp_path / "a.dbf", [("OK", "L", 1, 0), ("BIG", "N", 20, 0)],
        *((value, str(at).encode()) for at, value in enumerate((b"T", b"?", b"n", b"Y", b""))), deleted=(0,),
    )  # fmt: skip
    (layer,) = layers(path)
    assert table_of(layer)["ok"].to_pylist() == [None, False, True, None]
    assert table_of(layer)["big"].to_pylist() == [1, 2, 3, 4]
    assert "1 rows of the attribute table are marked as deleted" in said(layer)


@pytest.mark.parametrize(
    ("label", "language", "spelt", "warned"),
    [
        ("UTF-8", 0, "utf-8", ""),
        (None, 0, "utf-8", "not labelled as UTF-8"),
        (None, 0, "cp1252", "read as Windows"),
        ("UTF-8", 0, "cp1252", "read as Windows"),
        ("ISO-8859-1", 0, "utf-8", "not labelled as UTF-8"),
        ("1250", 0, "cp1250", ""),
        ("88591", 0, "latin-1", ""),
        ("ISO 88591", 0, "latin-1", ""),
        ("ISO8859_1", 0, "latin-1", ""),
        ("ANSI 1252", 0, "cp1252", ""),
        ("windows-1250", 0, "cp1250", ""),
        ("OEM 866", 0, "cp866", ""),
        ("KOI8-R", 0, "koi8-r", ""),
        ("GBK", 0, "gbk", ""),
        ("cp932", 0, "cp932", ""),
        ("nonsense", 0, "cp1252", "read as Windows"),
        (None, 0x03, "cp1252", ""),
        (None, 0x65, "cp866", ""),
    ],
)
def test_accents_whatever_the_label_says(tmp_path, label, language, spelt, warned):
    words = dict.fromkeys(("cp866", "koi8-r", "gbk", "cp932"), "Мост") | {"cp1250": "Ürményi"}
    word = words.get(spelt, "José Ñandú")
    dbase(tmp_path / "a.dbf", [("NAME", "C", 20, 0)], (word.encode(spelt),), language=language)
    if label:
        (tmp_path / "a.cpg").write_text(label)
    (layer,) = layers(tmp_path / "a.dbf")
    assert table_of(layer)["name"].to_pylist() == [word]
    assert warned in said(layer)
    assert bool(warned) == bool(said(layer))


def test_parts_that_do_not_belong_together_are_told_of(tmp_path):
    path = shapefile(tmp_path)
    dbase(tmp_path / "roads.dbf", [("N", "N", 5, 0)], (b"1",), (b"2",), (b"3",))
    (layer,) = layers(path)
    assert "there are 2 shapes and 3 rows in the attribute table" in said(layer)


def test_a_table_that_is_cut_off_is_told_of(tmp_path):
    path = dbase(tmp_path / "a.dbf", [("N", "N", 5, 0)], (b"1",), (b"2",), (b"3",))
    path.write_bytes(path.read_bytes()[:-3])
    (layer,) = layers(path)
    assert "the attribute table is cut off: 1 of its rows are missing" in said(layer)
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DivebellError, match="cut off"):
        layers(path)


def test_parts_whose_names_differ_in_case_are_one(tmp_path):
    path = shapefile(tmp_path, "ROADS")
    for one in list(tmp_path.glob("ROADS.*")):
        one.rename(tmp_path / ("roads" + one.suffix.upper() if one.suffix != ".shp" else "ROADS.SHP"))
    (layer,) = layers(path.with_name("ROADS.SHP"))
    assert table_of(layer)["n"].to_pylist() == [1, 2]
    assert layer.geometry.crs == "EPSG:4326"


def test_rows_of_a_large_table_keep_to_their_shapes_when_the_index_is_made_again(tmp_path):
    save(tmp_path / "a.shp", [SQUARE] * 3_000, n=list(range(3_000)))
    (tmp_path / "a.shx").unlink()
    (layer,) = (one.certain() for one in layers(tmp_path / "a.shp"))
    assert table_of(layer)["n"].to_pylist() == list(range(3_000))
