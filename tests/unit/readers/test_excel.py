from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path

import openpyxl
import pytest
from openpyxl.chart import BarChart

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import reader_for

from .conftest import table_of

FILES = Path(__file__).parent / "files"


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
    for words in ("Homes by borough", "Source: city", "1 formulas in this sheet failed"):
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


def test_an_old_xls_is_read_cell_by_cell(tmp_path):
    # clinic.xls was written with xlwt 1.3.0: sheet 'Visits' (a title merged over 8 cells, header, two rows with text,
    # number, percent, date, date and time, boolean, time and a formula without a result), 'Hidden' (hidden), 'Empty'.
    visits, hidden = layers(FILES / "clinic.xls")
    assert (visits.name, hidden.name) == ("Visits", "Hidden")
    assert table_of(visits).to_pydict() == {
        "code": ["00501", "10001"],
        "n": [1, 2],
        "share": [0.25, 0.5],
        "day": [dt.date(2020, 1, 31), dt.date(2020, 2, 1)],
        "when": [moment_of(2020, 1, 31, 10, 30), moment_of(2020, 2, 1, 11, 0)],
        "open": [True, False],
        "clock": ["09:30:00", "17:00:00"],
        "sum": [None, None],
    }
    assert "Visits by clinic" in said(visits)
    assert table_of(hidden).to_pydict() == {"a": [7]}
    assert "the sheet is hidden in the workbook" in hidden.warnings


def test_days_are_counted_from_1904_where_the_workbook_says_so(tmp_path):
    # days1904.xls was written with xlwt 1.3.0 and dates_1904: the header 'day' and 2020-01-31.
    (old,) = layers(FILES / "days1904.xls")
    assert table_of(old).to_pydict() == {"day": [dt.date(2020, 1, 31)]}
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.active.append(["day", "clock", "span"])
    book.active.append([dt.date(2020, 1, 31), dt.time(9, 30), dt.timedelta(hours=30)])
    book.save(tmp_path / "a.xlsx")
    (new,) = layers(tmp_path / "a.xlsx")
    rows = {name: values[0] for name, values in table_of(new).to_pydict().items()}
    assert rows == {"day": dt.date(2020, 1, 31), "clock": "09:30:00", "span": "1 day, 6:00:00"}


def test_hidden_sheets_are_read_and_charts_are_not(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["a"])
    book.active.append([1])
    book.create_chartsheet("Chart").add_chart(BarChart())
    for state in ("hidden", "veryHidden"):
        sheet = book.create_sheet(state)
        sheet.sheet_state = state
        sheet.append(["b"])
        sheet.append([2])
    book.save(tmp_path / "a.xlsx")
    found = layers(tmp_path / "a.xlsx")
    assert [one.name for one in found] == ["Sheet", "hidden", "veryHidden"]
    assert ["the sheet is hidden in the workbook" in one.warnings for one in found] == [False, True, True]


def test_a_table_may_stand_anywhere_in_its_sheet(tmp_path):
    book = openpyxl.Workbook()
    for place, value in {"C4": "code", "D4": "n", "C5": "007", "D5": 1, "C6": "008", "D6": 2}.items():
        book.active[place] = value
    book.save(tmp_path / "a.xlsx")
    (layer,) = layers(tmp_path / "a.xlsx")
    assert table_of(layer).to_pydict() == {"code": ["007", "008"], "n": [1, 2]}


def test_three_hundred_months_as_headers_keep_their_days(workbook):
    days = [moment_of(1996 + at // 12, at % 12 + 1, 28) for at in range(300)]
    (layer,) = layers(workbook(S=[["Region", *days], ["A", *range(300)], ["B", *range(300)]]))
    assert [one.original for one in layer.columns][1:] == [one.date().isoformat() for one in days]
    assert len({one.name for one in layer.columns}) == 301


def test_percentages_are_the_numbers_they_stand_for(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["share"])
    book.active.append([0.125])
    book.active["A2"].number_format = "0.0%"
    book.save(tmp_path / "a.xlsx")
    assert table_of(layers(tmp_path / "a.xlsx")[0]).to_pydict() == {"share": [0.125]}


def test_formulas_without_a_result_are_told(workbook):
    (layer,) = layers(workbook(S=[["a", "b"], [1, "=A2*2"], [2, "=A3*2"], [3, None]]))
    assert table_of(layer)["b"].to_pylist() == [None, None, None]
    assert "2 formulas in this sheet have no result in the file" in said(layer)


def test_a_large_sheet_is_read_whole_although_it_is_not_kept(workbook, monkeypatch):
    monkeypatch.setattr("divebell.readers.excel._CELLS_KEPT", 10)
    (layer,) = layers(workbook(S=[["a", "b"], *([at, str(at)] for at in range(1_000))]))
    assert table_of(layer)["a"].to_pylist() == list(range(1_000))
    assert table_of(layer).num_rows == 1_000


def test_a_lock_file_is_passed_over():
    assert reader_for(Path("~$a.xlsx")) is None


NAMES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
)
CONTENT = "<?xml version='1.0'?>{}<office:document-content {}><office:body><office:spreadsheet>{}</office:spreadsheet></office:body></office:document-content>"
FAR = '<table:table-cell table:number-columns-repeated="16000"/>'


def spreadsheet(path, *rows, before=""):
    table = f'<table:table table:name="One">{"".join(rows)}</table:table>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<?xml version='1.0'?><manifest/>")
        archive.writestr("content.xml", CONTENT.format(before, NAMES, table))
    return path


def line(*inside, times=1):
    return f'<table:table-row table:number-rows-repeated="{times}">{"".join(inside)}</table:table-row>'


def one(kind, attribute="", value="", shown="x", times=1):
    stated = f' office:{attribute}="{value}"' if attribute else ""
    return (
        f'<table:table-cell table:number-columns-repeated="{times}" office:value-type="{kind}"{stated}>'
        f"<text:p>{shown}</text:p></table:table-cell>"
    )


def test_an_opendocument_sheet_keeps_its_types(tmp_path):
    heads = [one("string", shown=name) for name in ("code", "n", "share", "day", "when", "open", "clock")]
    cells = [
        one("string", shown="00501"),
        one("float", "value", "1"),
        one("percentage", "value", "0.25", "25%"),
        one("date", "date-value", "2020-01-31", "31.1.20"),
        one("date", "date-value", "2020-01-31T10:30:00", "31.1.20"),
        one("boolean", "boolean-value", "true", "WAHR"),
        one("time", "time-value", "PT09H30M00S", "9:30"),
    ]
    path = spreadsheet(
        tmp_path / "a.ods",
        line(*heads, FAR),
        line(*cells, FAR),
        line(*cells, times=2),
        line(FAR, times=1_000_000),
    )
    (layer,) = layers(path)
    assert layer.name == "One"
    assert table_of(layer).to_pydict() == {
        "code": ["00501"] * 3,
        "n": [1] * 3,
        "share": [0.25] * 3,
        "day": [dt.date(2020, 1, 31)] * 3,
        "when": [moment_of(2020, 1, 31, 10, 30)] * 3,
        "open": [True] * 3,
        "clock": ["09:30:00"] * 3,
    }


def test_an_opendocument_sheet_that_repeats_itself_to_death_is_refused(tmp_path):
    number = one("float", "value", "1", times=1_000)
    with pytest.raises(DivebellError, match="spans 1,000,000 rows and 1,000 columns"):
        layers(spreadsheet(tmp_path / "a.ods", line(number, times=1_000_000)))
    with pytest.raises(DivebellError, match="spans 1,000,001 rows and 16,001 columns"):
        layers(
            spreadsheet(tmp_path / "b.ods", line(FAR, times=1_000_000), line(FAR, one("float", "value", "1")))
        )


def test_entities_in_an_opendocument_sheet_do_not_grow(tmp_path):
    laughs = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 12))
    before = f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]>'
    with pytest.raises(DivebellError, match=r"damaged|cannot be read"):
        layers(spreadsheet(tmp_path / "a.ods", line(one("string", shown="&l11;")), before=before))


def test_what_only_claims_to_be_an_opendocument_sheet_is_refused(tmp_path, write):
    with zipfile.ZipFile(tmp_path / "a.ods", "w") as archive:
        archive.writestr("x.txt", "hello")
    with pytest.raises(DivebellError, match=r"a\.ods is damaged"):
        layers(tmp_path / "a.ods")
    with pytest.raises(DivebellError, match=r"b\.ods is no Excel workbook"):
        layers(write("b.ods", "hello"))
