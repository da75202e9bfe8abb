"""What a sheet shows but its values do not say: codes, merged cells, formulas; and files with the wrong ending."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
import pytest

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import reader_for
from divebell.readers.sheetparts import code_of

from .conftest import table_of

FILES = Path(__file__).parent / "files"


@pytest.fixture
def sheet(tmp_path):
    """Make a workbook of one sheet: its rows, the formats of its columns below the header, merged cells."""

    def make(*rows, formats=None, merged=(), name="a.xlsx", header=1):
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        for column, code in (formats or {}).items():
            for cell in book.active[column][header:]:
                cell.number_format = code
        for one in merged:
            book.active.merge_cells(one)
        book.save(tmp_path / name)
        return tmp_path / name

    return make


def layers(path, **hint):
    return reader_for(path).read(path, DatasetHint(**hint))


def only(path, **hint):
    (layer,) = layers(path, **hint)
    return table_of(layer).to_pydict(), "\n".join(layer.warnings)


def rewritten(path, member, change):
    """Change one part of a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[member] = change(parts[member])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_codes_keep_the_zeros_that_the_sheet_shows(sheet):
    rows, said = only(
        sheet(
            ["ZIP", "account", "plus", "n"],
            [2101, 1, 21010001, 7],
            [None, 123456789, 104, 8],
            formats={"A": "00000", "B": "000000", "C": "00000\\-0000"},
        )
    )
    assert rows == {
        "zip": ["02101", None],
        "account": ["000001", "123456789"],
        "plus": ["02101-0001", "00000-0104"],
        "n": [7, 8],
    }
    assert (
        "columns 'ZIP' ('02101'), 'account' ('000001'), 'plus' ('02101-0001'): the numbers are shown" in said
    )


@pytest.mark.parametrize(
    ("format_code", "number", "shown"),
    [
        ("0000", 7, "0007"),
        ("[$-409]00000", 2101, "02101"),
        ("00000;@", 2101, "02101"),
        ("[<=99999]00000;00000\\-0000", 2101, "02101"),
        ("[<=99999]00000;00000\\-0000", 21010001, "02101-0001"),
        ("000\\-00\\-0000", 12345678, "012-34-5678"),
        ("00000_)", 123456, "123456"),
    ],
)
def test_formats_of_zeros_are_codes(format_code, number, shown):
    assert code_of(format_code).shown(number) == shown


@pytest.mark.parametrize(
    "format_code",
    [
        "General",
        "0",
        "0.00",
        "#,##0",
        "00:00",
        "[hh]:mm",
        "0%",
        "00.0",
        "0E+00",
        "[$€-407]00000",
        "yyyy-mm-dd",
        "",
    ],
)
def test_other_formats_are_not(format_code):
    assert code_of(format_code) is None


def test_a_total_below_codes_stands_as_it_is_shown(sheet):
    path = sheet(["name", "acct"], ["A", 1], ["B", 2], ["Total", 3], formats={"B": "0000"})
    book = openpyxl.load_workbook(path)
    book.active["B4"].number_format = "General"
    book.save(path)
    assert only(path)[0]["acct"] == ["0001", "0002", "3"]


def test_a_single_code_among_plain_numbers_is_told_and_left(sheet):
    path = sheet(["name", "n"], ["A", 1], ["B", 2], ["C", 3])
    book = openpyxl.load_workbook(path)
    book.active["B3"].number_format = "0000"
    book.save(path)
    rows, said = only(path)
    assert rows["n"] == [1, 2, 3]
    assert "column 'n' ('0002'): some of the numbers are shown with zeros in front" in said


def test_zips_of_both_lengths_are_told_apart_by_their_length(sheet):
    path = sheet(["zip", "n"], [2101, 1], [21010001, 2], formats={"A": "00000"})
    book = openpyxl.load_workbook(path)
    book.active["A3"].number_format = "00000\\-0000"
    book.save(path)
    assert only(path)[0]["zip"] == ["02101", "02101-0001"]


def test_what_a_code_format_shows_otherwise_is_no_code(sheet):
    rows, _ = only(sheet(["n", "m"], [-5, 2.5], [-6, 3.5], formats={"A": "0000", "B": "0000"}))
    assert rows == {"n": [-5, -6], "m": [2.5, 3.5]}


def test_a_type_that_a_person_gives_goes_before_the_format(sheet):
    path = sheet(["a", "b"], [1, 2101], formats={"A": "0000", "B": "00000"})
    assert only(path, types={"a": "integer", "b": "text"})[0] == {"a": [1], "b": ["02101"]}


def test_codes_below_a_title_in_the_middle_of_a_sheet(sheet):
    path = sheet(
        [],
        [None, None, None, 2020],
        [],
        [None, None, "name", "zip"],
        [None, None, "A", 2101],
        [None, None, "B", 2102],
        formats={"D": "00000"},
        header=4,
    )
    assert only(path)[0] == {"name": ["A", "B"], "zip": ["02101", "02102"]}


def test_parts_with_entities_are_not_looked_at(sheet):
    laughs = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 12))
    bomb = f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]>'.encode()
    for member in ("xl/workbook.xml", "xl/styles.xml", "xl/worksheets/sheet1.xml"):
        path = sheet(["zip", "n"], [2101, 1], formats={"A": "00000"})
        assert only(rewritten(path, member, lambda xml: bomb + xml))[0] == {"zip": ["2101"], "n": [1]}


def test_cells_merged_over_several_rows_give_each_row_their_value(sheet):
    rows, said = only(
        sheet(
            ["boro", "zip", "n"],
            ["Bronx", 7, 1],
            [None, None, 2],
            ["Queens", 8, 3],
            [None, 9, 4],
            [None, 10, 5],
            [None, 11, None],
            merged=["A2:A3", "B2:B3", "A4:A6"],
            formats={"B": "000"},
        )
    )
    assert rows["boro"] == ["Bronx", "Bronx", "Queens", "Queens", "Queens", None]
    assert rows["zip"] == ["007", "007", "008", "009", "010", "011"]
    assert "columns 'boro' (3 cells), 'zip' (1 cell): cells are merged over several rows" in said


def test_merged_headers_and_notes_stay_one(sheet):
    rows, said = only(
        sheet(
            ["Area", "2010", None, "2011", None],
            [None, "Male", "Female", "Male", "Female"],
            *(["A", 1, 2, 3, 4] for _ in range(4)),
            [],
            ["Source: city"],
            merged=["A1:A2", "B1:C1", "D1:E1", "A8:E10"],
        )
    )
    assert list(rows) == ["area", "_2010_male", "_2010_female", "_2011_male", "_2011_female"]
    assert rows["area"] == ["A"] * 4
    assert said.count("Source: city") == 1


def test_cells_merged_in_an_opendocument_sheet_are_filled_too(tmp_path):
    names = " ".join(
        f'xmlns:{one}="urn:oasis:names:tc:opendocument:xmlns:{one}:1.0"'
        for one in ("office", "table", "text")
    )

    def cell(value, more=""):
        return (
            f'<table:table-cell office:value-type="string" {more}><text:p>{value}</text:p></table:table-cell>'
        )

    lines = [
        "",
        cell("boro") + cell("x"),
        cell("Bronx", 'table:number-rows-spanned="2"') + cell("a"),
        "<table:covered-table-cell/>" + cell("b"),
        cell("Queens") + cell("c"),
    ]
    table = "".join(f"<table:table-row><table:table-cell/>{one}</table:table-row>" for one in lines)
    with zipfile.ZipFile(tmp_path / "a.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr(
            "content.xml",
            f"<office:document-content {names}><office:body><office:spreadsheet>"
            f'<table:table table:name="S">{table}</table:table>'
            f"</office:spreadsheet></office:body></office:document-content>",
        )
    assert only(tmp_path / "a.ods")[0] == {"boro": ["Bronx", "Bronx", "Queens"], "x": ["a", "b", "c"]}
    (tmp_path / "a.ods").rename(tmp_path / "b.xlsx")
    assert only(tmp_path / "b.xlsx")[0]["x"] == ["a", "b", "c"]


def test_formulas_are_told_on_the_sheet_that_has_them(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["a"])
    book.active.append([1])
    other = book.create_sheet("Sums")
    other.append(["a", "b"])
    other.append([1, "=A2*2"])
    book.save(tmp_path / "a.xlsx")
    plain, sums = layers(tmp_path / "a.xlsx")
    assert plain.warnings == ()
    assert "1 formulas in this sheet have no result" in "\n".join(sums.warnings)


def test_a_workbook_is_opened_by_its_content_whatever_its_ending(sheet, tmp_path):
    assert only(sheet(["a"], [1], name="a.xlsx").rename(tmp_path / "b.xls"))[0] == {"a": [1]}
    (tmp_path / "c.xlsx").write_bytes((FILES / "clinic.xls").read_bytes())
    assert [one.name for one in layers(tmp_path / "c.xlsx")] == ["Visits", "Hidden"]


def test_a_binary_workbook_named_xlsx_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("xl/workbook.bin", b"")
    with pytest.raises(DivebellError, match="binary Excel workbook"):
        layers(tmp_path / "a.xlsx")


def test_a_stray_cell_is_found_in_any_spelling_of_the_xml(sheet):
    for spelt in (b"<c s='0' r='XFD1048576'><v>1</v></c>", b'<x:c r="xfd1048576"><x:v>1</x:v></x:c>'):
        path = rewritten(
            sheet(["a"], [1]),
            "xl/worksheets/sheet1.xml",
            lambda xml, one=spelt: xml.replace(b"</row>", one + b"</row>", 1),
        )
        with pytest.raises(DivebellError, match="spans 1,048,576 rows") as refused:
            layers(path)
        assert "save the sheet as CSV" in (refused.value.next_step or "")
