from __future__ import annotations

import csv
import datetime as dt
import io
from decimal import Decimal

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint, Points
from divebell.readers import reader_for


def moment(*parts):
    return dt.datetime(*parts)  # noqa: DTZ001 - the file says no zone


def types(layer):
    return {column.name: str(column.type) for column in layer.columns}


def said(layer):
    return "\n".join(layer.warnings)


def test_codes_keep_their_leading_zeros_from_the_first_row(read):
    _layer, rows = read("a.csv", "county,n\n01001,1\n01003,2\n")
    assert rows == {"county": ["01001", "01003"], "n": [1, 2]}


def test_a_leading_zero_that_comes_after_60000_rows_makes_the_column_text(read):
    body = "".join(f"{10000 + i}\n" for i in range(60_000)) + "01001\n"
    layer, rows = read("a.csv", "area\n" + body)
    assert types(layer) == {"area": "string"}
    assert rows["area"][-1] == "01001"


@pytest.mark.parametrize(
    "name", ["FIPS", "GEOID", "zip_code", "Phone", "census_tract", "BBL", "Zip Code CLEANED", "STATEFP"]
)
def test_columns_named_like_codes_stay_text(read, name):
    _layer, rows = read("a.csv", f"{name}\n36005\n36007\n")
    assert list(rows.values()) == [["36005", "36007"]]


def test_codes_written_as_decimals_stay_exactly_as_written(read):
    layer, rows = read("a.csv", "state_code,census_tract,year\n12.0,2400.0,2017.0\n12.0,101.02,2018.0\n")
    assert rows == {
        "state_code": ["12.0", "12.0"],
        "census_tract": ["2400.0", "101.02"],
        "year": [2017.0, 2018.0],
    }
    assert "exactly as written" in said(layer)


@pytest.mark.parametrize("name", ["zip_count", "tract_population", "phone_calls", "zip_rate"])
def test_measures_about_codes_are_numbers(read, name):
    _, rows = read("a.csv", f"{name}\n5\n7\n")
    assert rows[name] == [5, 7]


def test_a_hint_keeps_a_column_as_text(read):
    _, rows = read("a.csv", "n,My Col\n1, NA\n2,3\n", text=("My Col",))
    assert rows == {"n": [1, 2], "my_col": [" NA", "3"]}


def test_a_type_that_changes_late_stays_text_and_says_so(read):
    layer, rows = read("a.csv", "n\n" + "1\n" * 70_000 + "unknown\n")
    assert rows["n"][-1] == "unknown"
    assert "nearly all values are numbers" in said(layer)


def test_numbers_with_thousands_currency_and_percent_become_numbers(read):
    layer, rows = read("a.tsv", "a\tb\tc\td\n1,234\t$1,200.50\t12.5%\t1.5\n-7\t($3.00)\t3 %\t1,000.25\n")
    assert rows == {"a": [1234, -7], "b": [1200.5, -3.0], "c": [12.5, 3.0], "d": [1.5, 1000.25]}
    assert types(layer)["a"] == "int64"
    for word in ("thousands", "currency", "percent"):
        assert word in said(layer)


def test_numbers_keep_every_digit(read):
    _layer, rows = read(
        "a.csv",
        "a,b,c,d\n0.1,0.12345678901234568,12345678901234567890,0.1234567890123456789\n2.50,1e-7,1,2.5\n",
    )
    assert rows["a"] == [0.1, 2.5]
    assert rows["b"] == [0.12345678901234568, 1e-7]
    assert rows["c"] == ["12345678901234567890", "1"]
    assert rows["d"][0] == Decimal("0.1234567890123456789")


def test_the_largest_integers_are_exact(read):
    _, rows = read("a.csv", "a\n999999999999999999\n-9007199254740993\n")
    assert rows["a"] == [999999999999999999, -9007199254740993]


def test_iso_dates_and_times(read):
    _layer, rows = read(
        "a.csv",
        "d,t,z\n2020-02-29,2020-01-01 10:00,2020-01-01T10:00:00+02:00\n"
        "1999-12-31,2020-01-01T23:59:59.25,2020-01-01T08:00Z\n",
    )
    assert rows["d"] == [dt.date(2020, 2, 29), dt.date(1999, 12, 31)]
    assert rows["t"][1] == moment(2020, 1, 1, 23, 59, 59, 250_000)
    assert [one.isoformat() for one in rows["z"]] == ["2020-01-01T08:00:00+00:00"] * 2


def test_american_and_european_dates_only_where_just_one_way_fits(read):
    layer, rows = read(
        "a.csv", "us,eu,open\n01/13/2020,13/01/2020,03/04/2020\n03/04/2020,03/04/2020,05/06/2020\n"
    )
    assert rows["us"] == [dt.date(2020, 1, 13), dt.date(2020, 3, 4)]
    assert rows["eu"] == [dt.date(2020, 1, 13), dt.date(2020, 4, 3)]
    assert rows["open"] == ["03/04/2020", "05/06/2020"]
    assert "month/day/year" in said(layer)
    assert "could be either way round" in said(layer)


def test_mixed_two_digit_and_impossible_dates_stay_text(read):
    layer, _rows = read("a.csv", "m,y,i\n2020-01-01,12/21/18,2020-02-30\n01/31/2020,01/02/18,2020-01-01\n")
    assert set(types(layer).values()) == {"string"}
    assert "more than one way" in said(layer)


def test_afternoon_is_read_from_american_times(read):
    _, rows = read("a.csv", "t\n01/31/2020 12:00:00 AM\n02/01/2020 01:05:09 PM\n")
    assert rows["t"] == [moment(2020, 1, 31), moment(2020, 2, 1, 13, 5, 9)]


def test_booleans_need_both_answers_unless_spelt_out(read):
    _, rows = read("a.csv", "a,b,c,d\nTrue,yes,Y,N\nfalse,no,N,N\n")
    assert rows == {"a": [True, False], "b": [True, False], "c": [True, False], "d": ["N", "N"]}


def test_na_spellings_are_missing_and_said(read):
    layer, rows = read("a.csv", "n,name\n1,Ana\nNA,N/A\n-,Bo\n,null\n")
    assert rows == {"n": [1, None, None, None], "name": ["Ana", None, "Bo", None]}
    assert "NA spellings" in said(layer)


def test_namibia_keeps_its_code(read):
    layer, rows = read("a.csv", "country,n\nDE,1\nNA,2\nUS,3\n")
    assert rows["country"] == ["DE", "NA", "US"]
    assert "'NA' was kept" in said(layer)


def test_sentinels_are_kept_and_said(read):
    layer, rows = read("a.csv", "income,t\n52000,20.5\n-888888888,-999\n-888888888,21.0\n")
    assert rows["income"][1] == -888888888
    assert "-888888888 (2 times)" in said(layer)
    assert "-999" in said(layer)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_in_any_form_is_read_exactly(read, encoding):
    layer, rows = read("a.csv", "name,n\nZoë Ñandú 东京,1\nplain,2\n".encode(encoding))
    assert rows["name"] == ["Zoë Ñandú 东京", "plain"]
    assert layer.warnings == ()


def test_a_windows_byte_late_in_the_file_changes_the_encoding_of_all_of_it(read):
    content = b"name,n\n" + b"plain,1\n" * 300_000 + "José €,2\n".encode("cp1252")
    layer, rows = read("a.csv", content)
    assert rows["name"][-1] == "José €"
    assert "not UTF-8" in said(layer)
    assert "line 300,002" in said(layer) or "line 300002" in said(layer)


def test_a_hinted_encoding_is_obeyed_or_refused(read):
    _, rows = read("a.csv", "name,n\nЖ,1\n".encode("cp1251"), encoding="cp1251")
    assert rows["name"] == ["Ж"]
    with pytest.raises(DivebellError, match="not ascii"):
        read("b.csv", "name\né\n", encoding="ascii")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_line_end_and_delimiter(read, end, delimiter):
    text = end.join(delimiter.join(row) for row in [["a", "b", "c"], ["1", "x y", "2.5"], ["2", "z", "3.5"]])
    _, rows = read("a.csv", text)
    assert rows == {"a": [1, 2], "b": ["x y", "z"], "c": [2.5, 3.5]}


def test_semicolons_win_over_decimal_commas(read):
    _, rows = read("a.csv", "a;b\n1,5;2,5\n3,5;4,5\n")
    assert list(rows) == ["a", "b"]
    assert rows["a"] == [1.5, 3.5]


def test_quoted_line_breaks_and_quotes_stay_in_their_cell(read):
    _, rows = read("a.csv", 'a,b\n"one\ntwo","say ""hi"""\n"x, y",2\n')
    assert rows == {"a": ["one\ntwo", "x, y"], "b": ['say "hi"', "2"]}


def test_a_quote_that_is_never_closed_costs_one_row_only(read):
    body = "".join(f"{i},ok\n" for i in range(5000))
    layer, rows = read("a.csv", 'n,note\n1,"broken\n' + body)
    assert len(rows["n"]) == 5001
    assert rows["note"][0] == '"broken'
    assert "never closed in line 2" in said(layer)


def test_titles_blank_rows_and_footers_are_left_out_and_said(read):
    layer, rows = read(
        "a.csv",
        "Evictions in 2018,,\n\nname,n,rate\nA,1,0.5\n\nB,2,0.75\n\nSource: the county,,\nNote: draft\n",
    )
    assert rows == {"name": ["A", "B"], "n": [1, 2], "rate": [0.5, 0.75]}
    assert "title above the header was left out: 'Evictions in 2018'" in said(layer)
    assert "Source: the county" in said(layer)
    assert "1 blank row was left out" in said(layer)


def test_skip_rows_leaves_out_what_stands_above(read):
    _, rows = read("a.csv", "x,y,z\nu,v,w\nname,n,m\nA,1,2\n", skip_rows=2)
    assert list(rows) == ["name", "n", "m"]


def test_ragged_rows_lose_nothing(read):
    layer, rows = read("a.csv", "a,b,c\n1,2\n3,4,5,6,7\n8,9,10\n")
    assert rows == {"a": [1, 3, 8], "b": [2, 4, 9], "c": [None, 5, 10], "extra_values": [None, "6, 7", None]}
    assert "too few values (row 1)" in said(layer)
    assert "too many values (row 2)" in said(layer)


def test_trailing_delimiters_make_no_column(read):
    layer, rows = read("a.csv", "a,b,\r\n1,2,\r\n3,4,\r\n")
    assert rows == {"a": [1, 3], "b": [2, 4]}
    assert layer.warnings == ()


def test_header_only_is_an_empty_table(read):
    layer, rows = read("a.csv", "a,b\n")
    assert rows == {"a": [], "b": []}
    assert "no rows" in said(layer)


def test_a_column_that_is_all_empty_stays_text(read):
    layer, _ = read("a.csv", "a,b\n1,\n2,\n")
    assert types(layer) == {"a": "int64", "b": "string"}


def test_1106_columns_are_read_and_1700_refused(read):
    wide = ",".join(f"c{i}" for i in range(1106)) + "\n" + ",".join(str(i) for i in range(1106)) + "\n"
    layer, rows = read("a.csv", wide)
    assert len(layer.columns) == 1106
    assert rows["c1105"] == [1105]
    with pytest.raises(DivebellError, match="1,700 columns"):
        read("b.csv", ",".join(f"c{i}" for i in range(1700)) + "\n")


def test_latitude_and_longitude_columns_become_points(read):
    layer, rows = read("a.csv", "Name,Latitude,Longitude\nA,40.5,-73.25\nB,,\nC,n/a,-73\nD,400,2\n")
    assert (layer.geometry.type, layer.geometry.crs) == ("Point", "EPSG:4326")
    assert shapely.from_wkb(rows["geom"][0]).wkt == "POINT (-73.25 40.5)"
    assert rows["geom"][1:] == [None, None, None]
    assert "taken as WGS 84" in said(layer)
    assert "1 rows have no coordinates" in said(layer)


def test_one_column_of_pairs_goes_by_its_name_and_its_ranges(read):
    _, rows = read("a.csv", 'lon_lat\n"-82.3,27.8"\nNo_Match\n')
    assert shapely.from_wkb(rows["geom"][0]).wkt == "POINT (-82.3 27.8)"
    assert rows["geom"][1] is None
    _layer, rows = read("b.csv", 'location\n"(40.7, -173.9)"\n"(40.8, -174.0)"\n')
    assert shapely.from_wkb(rows["geom"][0]).wkt == "POINT (-173.9 40.7)"


def test_a_pair_whose_order_is_open_makes_no_points_and_says_so(read):
    layer, _rows = read("a.csv", 'location\n"12.5, 41.9"\n"12.6, 41.8"\n')
    assert layer.geometry is None
    assert "cannot be told" in said(layer)


def test_wkt_becomes_geometry(read):
    layer, rows = read("a.csv", 'the_geom,n\nPOINT (-73.9 40.7),1\n"POINT (-73.8 40.6)",2\nbroken,3\n')
    assert (layer.geometry.type, layer.geometry.crs) == ("Point", "EPSG:4326")
    assert rows["geom"][2] is None


def test_projected_coordinates_need_a_hint(read):
    hint = Points(longitude="x", latitude="y")
    content = "x,y\n500000,4500000\n500010,4500010\n"
    layer, _ = read("a.csv", content, points=hint, crs="EPSG:32618")
    assert layer.geometry.crs == "EPSG:32618"
    layer, _ = read("b.csv", content, points=hint)
    assert layer.geometry.crs is None
    assert "reference system is unknown" in said(layer)
    layer, _ = read("c.csv", content)
    assert layer.geometry is None
    with pytest.raises(DivebellError, match="no column 'lon'"):
        read("d.csv", content, points=Points(longitude="lon", latitude="y"))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "\r\n \n", "is empty"),
        ("a.csv", "<!DOCTYPE html><html>sign in</html>", "a web page"),
        (
            "a.csv",
            "<OGRVRTDataSource><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTDataSource>",
            "points elsewhere",
        ),
        ("a.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n", "Git LFS pointer"),
        ("a.csv", b"PK\x03\x04" + b"\x00" * 50, "zip archive"),
        ("a.csv", bytes(range(1, 32)) * 30, "binary data"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(write, name, content, reason):
    path = write(name, content)
    with pytest.raises(DivebellError, match=reason) as caught:
        reader_for(path).read(path, DatasetHint())
    assert caught.value.next_step


def test_a_link_and_a_folder_are_refused(tmp_path):
    (tmp_path / "l.csv").symlink_to("/etc/passwd")
    (tmp_path / "d.csv").mkdir()
    for name, reason in (("l.csv", "is a link"), ("d.csv", "is a folder")):
        with pytest.raises(DivebellError, match=reason):
            reader_for(tmp_path / name).read(tmp_path / name, DatasetHint())


cell = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\r\t"), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    rows=st.lists(st.tuples(cell, cell), min_size=1, max_size=8),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_text_written_as_csv_is_read_back_the_same(read, rows, delimiter, end):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(["first", "second"])
    writer.writerows([*rows, ("kept", "row")])
    _, got = read("a.csv", file.getvalue(), text=("first", "second"), delimiter=delimiter)
    wanted = [row for row in [*rows, ("kept", "row")] if any(one.strip() for one in row)]
    assert got["first"] == [one if one.strip() else None for one, _ in wanted]
    assert got["second"] == [one if one.strip() else None for _, one in wanted]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_numbers_written_shortest_are_read_back_the_same(read, numbers):
    _, got = read("a.csv", "v\n" + "".join(f"{one!r}\n" for one in numbers))
    assert [float(one) for one in got["v"]] == numbers


def test_a_second_header_row_is_left_out_and_said(read):
    layer, rows = read("a.csv", "GEO,E1,M1\nGeography,Estimate,Margin\n" + "x,1,2\n" * 5)
    assert rows["e1"] == [1] * 5
    assert "a second header row was left out: 'Geography, Estimate, Margin'" in said(layer)


def test_a_first_row_of_words_is_kept_when_it_may_be_data(read):
    _, rows = read("a.csv", "a,b,c\nx,low,low\n" + "x,1,2\n" * 5)
    assert rows["b"][0] == "low"


def test_mixed_wkt_is_promoted_and_exchanged_coordinates_are_put_right(read):
    polygon, multi = "POLYGON ((0 0,1 0,1 1,0 0))", "MULTIPOLYGON (((0 0,1 0,1 1,0 0)))"
    layer, rows = read("a.csv", f'wkt,n\n"{polygon}",1\n"{multi}",2\n')
    assert layer.geometry.type == "MultiPolygon"
    assert {shapely.from_wkb(one).geom_type for one in rows["geom"]} == {"MultiPolygon"}
    layer, rows = read("b.csv", "latitude,longitude\n-73.9,40.7\n-120,41\n")
    assert shapely.from_wkb(rows["geom"][1]).wkt == "POINT (-120 41)"
    assert "exchanged" in said(layer)


def test_numbers_are_never_taken_for_a_header_below_a_name(read):
    layer, rows = read("a.csv", "v\n1,000\n2,500\n")
    assert rows == {"v": [1, 2], "extra_values": ["000", "500"]}
    assert "too many values" in said(layer)


def test_a_blank_row_below_the_header_is_no_second_header(read):
    _, rows = read("a.csv", "name,n,m\n\nA,1,2\nB,2,3\nC,5,6\nD,5,6\n")
    assert rows["name"] == ["A", "B", "C", "D"]
