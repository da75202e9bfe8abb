"""Every way in which real text and sheets have broken other readers: the table expected, and what is said of it."""

from __future__ import annotations

import datetime as dt

import openpyxl
import pytest

from divebell.errors import DivebellError
from divebell.event.model import ColumnType, DatasetHint
from divebell.readers import reader_for

from .conftest import table_of

CASES = {
    "codes keep leading zeros": ("fips,n\n01001,1\n36005,2\n", {"fips": ["01001", "36005"], "n": [1, 2]}, []),
    "phone and ZIP+4 stay text": (
        "phone,zip\n8135551234,33602\n8135559876,33602-1234\n",
        {"phone": ["8135551234", "8135559876"], "zip": ["33602", "33602-1234"]},
        [],
    ),
    "codes behind #_ are named and kept": (
        "#_id,n\n#_007,1\n#_008,2\n",
        {"id": ["#_007", "#_008"], "n": [1, 2]},
        [],
    ),
    "FIPS written as decimals": ("fips\n12.0\n36.0\n", {"fips": ["12.0", "36.0"]}, ["exactly as written"]),
    "American dates": (
        "d\n01/13/2020\n02/03/2020\n",
        {"d": [dt.date(2020, 1, 13), dt.date(2020, 2, 3)]},
        ["month/day/year"],
    ),
    "European dates": (
        "d\n13/01/2020\n02/03/2020\n",
        {"d": [dt.date(2020, 1, 13), dt.date(2020, 3, 2)]},
        ["day/month/year"],
    ),
    "mixed dates": (
        "d\n2020-01-13\n01/13/2020\n",
        {"d": ["2020-01-13", "01/13/2020"]},
        ["more than one way"],
    ),
    "time zones": (
        "t\n2020-01-01T10:00:00+02:00\n2020-01-01 08:00Z\n",
        {"t": [dt.datetime(2020, 1, 1, 8, tzinfo=dt.UTC)] * 2},
        [],
    ),
    "thousands": ('n\n"1,234"\n"-5"\n', {"n": [1234, -5]}, ["commas between thousands"]),
    "percent and currency": (
        "a,b\n12.5%,$3.50\n7%,$4\n",
        {"a": [12.5, 7.0], "b": [3.5, 4.0]},
        ["percent sign", "currency sign"],
    ),
    "NA spellings": (
        "n,m\n1,x\nNA,N/A\n..,y\n",
        {"n": [1, None, None], "m": ["x", None, "y"]},
        ["NA spellings"],
    ),
    "the country code NA": ("c,n\nNA,1\nDE,2\n", {"c": ["NA", "DE"], "n": [1, 2]}, ["'NA' was kept"]),
    "sentinels": (
        "a,b,c\n5,1,7\n-999,-888888888,9999\n6,2,9999\n",
        {"a": [5, -999, 6], "b": [1, -888888888, 2], "c": [7, 9999, 9999]},
        ["-999 (1 times)", "-888888888 (1 times)", "9999 (2 times)"],
    ),
    "a byte order mark": ("\ufeffa,b\n1,2\n", {"a": [1], "b": [2]}, []),
    "semicolons": ("a;b\n1,5;x\n2,5;y\n", {"a": [1.5, 2.5], "b": ["x", "y"]}, ["decimal commas"]),
    "bars": ("a|b\n1|x\n", {"a": [1], "b": ["x"]}, []),
    "carriage returns alone": ("a,b\r1,x\r2,y\r", {"a": [1, 2], "b": ["x", "y"]}, []),
    "embedded newlines": ('a,b\n"x\r\ny",1\n', {"a": ["x\r\ny"], "b": [1]}, []),
    "duplicate headers": (
        "Total,Total\n1,2\n",
        {"total": [1], "total_2": [2]},
        ["column 2 is named 'Total' like another column; this one is called total_2"],
    ),
    "blank headers": ("a,,c\n1,2,3\n", {"a": [1], "column_2": [2], "c": [3]}, ["column 2 has no name"]),
    "non-Latin headers": ("Населення,人口\n1,2\n", {"naselennya": [1], "column_2": [2]}, ["cannot be spelt"]),
    "over-long headers that collide": (
        f"{'x' * 70}a,{'x' * 70}b\n1,2\n",
        {"x" * 63: [1], "x" * 61 + "_2": [2]},
        ["is too long; it is cut to"],
    ),
    "footers and titles": (
        "Wells of 2020,,\nname,n,m\na,1,2\nb,3,4\n\nSource: them,,\n",
        {"name": ["a", "b"], "n": [1, 3], "m": [2, 4]},
        ["a title above the header", "a note below the table was left out: 'Source: them'"],
    ),
    "header rows over groups of columns": (
        "area,2010,,2011,\n,Male,Female,Male,Female\n" + "x,1,2,3,4\n" * 4,
        {
            "area": ["x"] * 4,
            "_2010_male": [1] * 4,
            "_2010_female": [2] * 4,
            "_2011_male": [3] * 4,
            "_2011_female": [4] * 4,
        },
        ["two header rows were put together into names such as '2010 / Male'"],
    ),
    "ragged rows": (
        "a,b\n1\n2,3,4\n",
        {"a": [1, 2], "b": [None, 3], "extra_values": [None, "4"]},
        ["too few values (row 1)", "too many values (row 2)"],
    ),
    "booleans": ("a,b\ntrue,yes\nFALSE,no\n", {"a": [True, False], "b": [True, False]}, []),
    "bad quotes": ('a,b\n5" pipe,1\n"6"" pipe",2\n', {"a": ['5" pipe', '6" pipe'], "b": [1, 2]}, []),
    "CRLF with trailing delimiters": ("a,b,\r\n1,2,\r\n", {"a": [1], "b": [2]}, []),
    "header only": ("a,b\n", {"a": [], "b": []}, ["a header and no rows"]),
}


@pytest.mark.parametrize(("content", "table", "told"), CASES.values(), ids=CASES)
def test_what_breaks_other_readers_is_read_and_said(read, content, table, told):
    layer, rows = read("a.csv", content)
    assert rows == table
    for one in told:
        assert one in "\n".join(layer.warnings)
    assert told or layer.warnings == ()


def test_the_header_as_the_file_has_it_stays_with_each_column(read):
    layer, _ = read("a.csv", "Größe (m²),#_id\n1,2\n")
    assert [column.original for column in layer.columns] == ["Größe (m²)", "#_id"]


@pytest.mark.parametrize(
    ("name", "content", "table"),
    [
        (
            "a.dat",
            "well   depth\nA      12.5\nB       3\nC       7\n",
            {"well": ["A", "B", "C"], "depth": [12.5, 3.0, 7.0]},
        ),
        (
            "a.prn",
            "well      depth  n\nBig Well   12.5  1\nB                2\nC           7    3\n",
            {"well": ["Big Well", "B", "C"], "depth": [12.5, None, 7.0], "n": [1, 2, 3]},
        ),
        ("a.txt", "x y\n1 2\n10 20\n", {"x": [1, 10], "y": [2, 20]}),
    ],
)
def test_columns_held_apart_by_spaces_are_cut(read, name, content, table):
    layer, rows = read(name, content)
    assert rows == table
    assert "held apart by spaces" in "\n".join(layer.warnings)


HINTED = {
    ColumnType.INTEGER: (["007", "1,234", "12.0", "x"], [7, 1234, 12, None]),
    ColumnType.NUMBER: (["1.5", "$2", "12 %", "x"], [1.5, 2.0, 12.0, None]),
    ColumnType.BOOLEAN: (["1", "no", "T", "x"], [True, False, True, None]),
    ColumnType.DATE: (
        ["2020-01-31", "01/31/2020", "31.1.2020", "x"],
        [*[dt.date(2020, 1, 31)] * 3, None],
    ),
    ColumnType.TIMESTAMP: (
        ["2020-01-31", "01/31/2020 1:05 PM", "2020-01-31T10:00", "x"],
        [*(dt.datetime(2020, 1, 31, h, m) for h, m in ((0, 0), (13, 5), (10, 0))), None],  # noqa: DTZ001
    ),
    ColumnType.TEXT: (["1", "NA", "2", "x"], ["1", "NA", "2", "x"]),
}


@pytest.mark.parametrize(("kind", "values", "wanted"), [(k, *v) for k, v in HINTED.items()], ids=str)
@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_a_hinted_type_is_obeyed_in_text_and_sheets(tmp_path, kind, values, wanted, ending):
    path = tmp_path / f"a{ending}"
    if ending == ".csv":
        path.write_text("".join(f'{k},"{v}"\n' for k, v in [("k", "My Value"), *enumerate(values)]))
    else:
        book = openpyxl.Workbook()
        for row in [("k", "My Value"), *enumerate(values)]:
            book.active.append(row)
        book.save(path)
    (layer,) = reader_for(path).read(path, DatasetHint(types={"My Value": kind}))
    assert table_of(layer.certain())["my_value"].to_pylist() == (
        wanted if ending == ".csv" or kind is not ColumnType.TEXT else ["1", None, "2", "x"]
    )
    told = "\n".join(layer.certain().warnings)
    assert kind is ColumnType.TEXT or f"values that are no {kind}" in told
    assert kind is ColumnType.TEXT or "1, such as 'x'" in told


@pytest.mark.parametrize("content", ["", "\n\n", " \r\n"])
def test_an_empty_file_is_refused(write, content):
    path = write("a.csv", content)
    with pytest.raises(DivebellError, match="is empty"):
        reader_for(path).read(path, DatasetHint())
