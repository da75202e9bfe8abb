"""Numbers and dates as people write them around the world: read where that is certain, else kept with a word."""

from __future__ import annotations

import datetime as dt

import pytest

from divebell.event.model import ColumnType, DatasetHint
from divebell.readers.delimited import DelimitedReader

from .conftest import table_of

NOON = dt.datetime(2021, 1, 15, 12, tzinfo=dt.UTC)
CASES = {
    "decimal commas": ("a;b\n1.234,50;0,121\n7;48,121\n", [[1234.5, 7.0], [0.121, 48.121]], "decimal commas"),
    "points that may be thousands": (
        "a;b\nx;1.234\ny;2.345\n",
        [["x", "y"], ["1.234", "2.345"]],
        "stays text",
    ),
    "commas that may be decimals beside sure ones": (
        "a;b\n1,5;48,121\n2,5;11,302\n",
        [[1.5, 2.5], ["48,121", "11,302"]],
        "no value says which",
    ),
    "points in a semicolon file that proves them": ("a;b\n1.5;1.234\n", [[1.5], [1.234]], ""),
    "points between commas are decimals": ("a,b\nx,1.234\n", [["x"], [1.234]], ""),
    "euros that may be thousands": ("a,b\nx,€ 1.134\n", [["x"], ["€ 1.134"]], "stays text"),
    "euros with decimal commas": ('a;b\nx;"1.234,50 €"\n', [["x"], [1234.5]], "decimal commas"),
    "many groups of digits": ("a;b\nx;1.234.567\n", [["x"], [1234567]], "dots between thousands"),
    "commas that may be lists": ('a,b\nx,"1,5"\ny,"2,3"\n', [["x", "y"], ["1,5", "2,3"]], "or lists"),
    "blanks between thousands": (
        "a;b\n1\u00a0234;1\u202f234,5\n5 678;2\n",
        [[1234, 5678], [1234.5, 2.0]],
        "blanks between thousands",
    ),
    "parentheses": (
        'a,b\n"(1,234.50)","$(1,234.50)"\n5,$ -\n',
        [[-1234.5, 5.0], [-1234.5, None]],
        "negative",
    ),
    "signs": ("a,b\n+1.5,\u22122\n2,3\n", [[1.5, 2.0], [-2, 3]], "signs of the numbers"),
    "minus at the end": ("a,b\nx,1.5-\ny,2.5-\n", [["x", "y"], ["1.5-", "2.5-"]], "look like numbers"),
    "more spellings of nothing": ("a,b\n1,n.a.\n2,3\n", [[1, 2], [None, 3]], "'n.a.'"),
    "names of months": (
        'a,b\n01-Jan-2020,"Jan 1, 2020"\n29-Feb-2020,"March 2, 2020"\n',
        [[dt.date(2020, 1, 1), dt.date(2020, 2, 29)], [dt.date(2020, 1, 1), dt.date(2020, 3, 2)]],
        "names of months",
    ),
    "time zones in any order": (
        "a,b,c\n2021/01/15 12:00:00+00,01/15/2021 14:00 +0200,15.01.2021 12:00Z\n",
        [[NOON], [NOON], [NOON]],
        "month/day/year",
    ),
    "no date among dates": (
        "a\n2020-01-01\nunknown\n2020-01-02\n",
        [["2020-01-01", "unknown", "2020-01-02"]],
        "'unknown'",
    ),
    "a zero date": ("a\n2020-01-01\n0000-00-00\n", [["2020-01-01", "0000-00-00"]], "'0000-00-00'"),
    "codes that lost their digits": ("parcel_id,b\n1.23E+11,1\n", [["1.23E+11"], [1]], "digits were lost"),
}


@pytest.mark.parametrize(("content", "columns", "word"), CASES.values(), ids=CASES)
def test_numbers_and_dates_are_read_where_that_is_certain(write, content, columns, word):
    path = write("a.csv", content)
    (once,), (twice,) = (DelimitedReader(size).read(path, DatasetHint()) for size in (32, 1 << 22))
    assert list(table_of(twice).to_pydict().values()) == columns
    assert word in "\n".join(twice.warnings)
    certain = once.certain()
    assert list(table_of(certain).to_pydict().values()) == columns
    assert certain.warnings == twice.warnings


def test_a_hinted_number_is_read_with_the_commas_that_fit_most(write):
    hint = DatasetHint(types={"a": ColumnType.NUMBER})
    (layer,) = DelimitedReader().read(write("a.csv", 'a,b\n"1,5",x\n"1.234,5",y\n'), hint)
    assert table_of(layer)["a"].to_pylist() == [1.5, 1234.5]
    assert "decimal commas" in "\n".join(layer.warnings)
