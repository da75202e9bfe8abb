from __future__ import annotations

import datetime as dt
import zipfile

import openpyxl
import pytest

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import reader_for

from .conftest import table_of


@pytest.fixture
def workbook(tmp_path):
    def make(**sheets):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for name, rows in sheets.items():
            sheet = book.create_sheet(name)
            for row in rows:
                sheet.append(row)
        path = tmp_path / "a.xlsx"
        book.save(path)
        return path

    return make


def moment_of(*parts):
    return dt.datetime(*parts)  # noqa: DTZ001 - a spreadsheet has no zones


def layers(path, **hint):
    return reader_for(path).read(path, DatasetHint(**hint))


def said(layer):
    return "\n".join(layer.warnings)


def test_every_sheet_that_holds_something_is_a_layer(workbook):
    found = layers(workbook(One=[["a"], [1]], Empty=[], Two=[["b"], ["x"]]))
    assert [one.name for one in found] == ["One", "Two"]


def test_cells_keep_their_types(workbook):
    day, moment = moment_of(2019, 1, 31), moment_of(2019, 1, 31, 10, 30)
    path = workbook(
        S=[
            ["code", "n", "f", "day", "when", "flag", "mixed"],
            ["01001", 1, 1.5, day, moment, True, 5],
            ["36005", 2, 2, day, day, False, "x"],
        ]
    )
    (layer,) = layers(path)
    rows = table_of(layer).to_pydict()
    assert rows["code"] == ["01001", "36005"]
    assert rows["n"] == [1, 2]
    assert rows["f"] == [1.5, 2.0]
    assert rows["day"] == [dt.date(2019, 1, 31)] * 2
    assert rows["when"] == [moment, day]
    assert rows["flag"] == [True, False]
    assert rows["mixed"] == ["5", "x"]
    assert "several kinds" in said(layer)


def test_dates_as_headers_become_their_iso_names(workbook):
    (layer,) = layers(workbook(S=[["Region", moment_of(2019, 1, 31), 2020], ["A", 1, 2]]))
    assert [one.original for one in layer.columns] == ["Region", "2019-01-31", "2020"]
    assert [one.name for one in layer.columns] == ["region", "_2019_01_31", "_2020"]


def test_titles_notes_and_failed_formulas(workbook):
    path = workbook(
        S=[
            ["Homes by borough"],
            [],
            ["name", "n", "m"],
            ["A", 1, 2],
            ["B", "#DIV/0!", 3],
            [],
            ["Source: city"],
        ]
    )
    (layer,) = layers(path)
    assert table_of(layer).to_pydict() == {"name": ["A", "B"], "n": [1, None], "m": [2, 3]}
    for words in ("Homes by borough", "Source: city", "1 formulas in this workbook failed"):
        assert words in said(layer)


def test_numbers_in_a_column_of_codes_become_text(workbook):
    (layer,) = layers(workbook(S=[["FIPS", "n"], [36005, 1], [1001, 2]]))
    assert table_of(layer)["fips"].to_pylist() == ["36005", "1001"]


def test_coordinates_in_a_sheet_become_points(workbook):
    (layer,) = layers(workbook(S=[["name", "lat", "lng"], ["A", 40.5, -73.5], ["B", None, None]]))
    assert (layer.geometry.type, layer.geometry.crs) == ("Point", "EPSG:4326")
    assert table_of(layer)["geom"].null_count == 1


def test_a_stray_cell_at_the_far_end_is_refused_before_it_fills_the_memory(workbook, tmp_path):
    path = workbook(S=[["a"], [1]])
    book = openpyxl.load_workbook(path)
    book["S"]["XFD1048576"] = 1
    book.save(path)
    with pytest.raises(DivebellError, match="spans 1,048,576 rows"):
        layers(path)


def test_a_wide_sheet_is_refused(workbook):
    with pytest.raises(DivebellError, match="1,700 columns"):
        layers(workbook(S=[[f"c{i}" for i in range(1700)], list(range(1700))]))


def test_an_empty_workbook_and_other_zips_are_refused(workbook, tmp_path):
    with pytest.raises(DivebellError, match="holds no sheet with rows"):
        layers(workbook(S=[]))
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as archive:
        archive.writestr("x.txt", "hello")
    with pytest.raises(DivebellError, match="cannot be read as an Excel workbook"):
        layers(tmp_path / "b.xlsx")
