"""Which row is the header, and that no row of data is lost for one, for a note or for a stray quotation mark."""

from __future__ import annotations

import random

import pytest

from divebell.readers import dialect
from divebell.readers.blocks import blocks
from divebell.readers.encoding import open_text

EIGHT = range(1, 9)


def said(layer) -> str:
    return "\n".join(layer.warnings)


def lines(form: str) -> str:
    return "".join(form.format(i) + "\n" for i in EIGHT)


@pytest.mark.parametrize(
    "first",
    [
        "Afghanistan,no data,suppressed",
        "PS 0,>95%,<5%",
        "PS 0,Suppressed,No data",
        "PS 0,N<5,**",
        "PS 0,low,high",
    ],
)
def test_a_first_row_without_numbers_is_kept_as_data(read, first):
    _, rows = read("a.csv", "school,math,reading\n" + first + "\n" + lines("PS {0},{0},{0}5"))
    assert [len(values) for values in rows.values()] == [9, 9, 9]
    assert rows["school"][0] == first.split(",")[0]


def test_a_first_row_that_may_be_a_second_header_is_kept_and_said(read):
    layer, rows = read("a.csv", "place,n,m\nBerlin,low,high\n" + lines("Bonn,{0},{0}5"))
    assert len(rows["n"]) == 9
    assert "the first row may be a second header: 'Berlin, low, high'; it is kept" in said(layer)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (
            "GEO_ID,NAME,E1,M1\nid,Geographic Area Name,Estimate!!Total,Margin of Error!!Total",
            "14US{0},Tract {0},{0},*****",
        ),
        ("GEO,E1,M1\nGeography,Estimate,Margin", "Kings County,{0},{0}"),
        ("Station,Temp,Depth\n,degC,m", "ST{0},{0}.5,{0}"),
        ("Respondent,Start,Q1,Q2\n,,Response,Open-Ended Response", "{0}00,2020-01-0{0},Agree,Yes"),
        ("site,date,flow\n15s,20d,14n", "USGS,2020-01-0{0},{0}"),
    ],
)
def test_a_second_header_is_left_out_and_said_whatever_else_the_columns_hold(read, header, row):
    body = lines(row).replace(",*****", ",12", 3)
    layer, rows = read("a.csv", f"{header}\n{body}")
    assert {len(values) for values in rows.values()} == {8}
    assert "a second header row was left out" in said(layer)


def test_a_row_of_import_ids_and_the_questions_above_it_are_left_out(read):
    ids = '"{""ImportId"":""start""}","{""ImportId"":""QID1""}"'
    layer, rows = read(
        "a.csv", f'start,Q1\nStart Date,"How old\nare you?"\n{ids}\n' + lines("2020-01-0{0},{0}")
    )
    assert rows["q1"] == list(EIGHT)
    assert said(layer).count("a second header row was left out") == 2


@pytest.mark.parametrize(
    "row",
    ["0{0},Smith {0},2020-01-0{0},{0}.5", "Smith{0},{0} Main St,Bronx,1045{0}", "{0},{0}.25,2020-01-0{0},x"],
)
def test_a_file_without_a_header_keeps_its_first_row(read, row):
    layer, rows = read("a.csv", lines(row))
    assert list(rows) == ["column_1", "column_2", "column_3", "column_4"]
    assert len(rows["column_1"]) == 8
    assert "the file has no header" in said(layer)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("name,2019,2020,2021", "x,{0},{0},{0}"),
        ("name,1,2,3", "x,{0},{0},{0}"),
        ("age,5,10,15", "{0},{0},{0},{0}"),
        ("name,1/22/20,1/23/20", "x,{0},{0}"),
        ("Q1,Q2,Q3", "A{0},A{0},A{0}"),
        ("name,city", "x,Bronx"),
    ],
)
def test_names_that_are_numbers_or_words_stay_the_header(read, header, row):
    layer, rows = read("a.csv", f"{header}\n{lines(row)}")
    assert [one.original for one in layer.columns] == header.split(",")
    assert {len(values) for values in rows.values()} == {8}


@pytest.mark.parametrize(
    "above",
    [
        "Agency:,HPD,,\nGenerated:,2020-01-01,,",
        "County of Kings,,,\nAs of,1/1/2020,,",
        "Year,2020,,\nSource,HPD,,",
    ],
)
def test_lines_of_a_key_and_a_value_above_the_header_are_titles(read, above):
    layer, rows = read("a.csv", f"{above}\nID,Name,Value,Note\n" + lines("{0},n{0},{0}.5,x"))
    assert list(rows) == ["id", "name", "value", "note"]
    assert rows["id"] == list(EIGHT)
    assert said(layer).count("a title above the header was left out") == 2


def test_a_header_without_a_name_for_its_last_column_is_no_title(read):
    _, rows = read("a.csv", "name,city,\nAnn,Berlin,x\nBob,Hamburg,y\nCid,Bonn,z\n")
    assert rows["name"] == ["Ann", "Bob", "Cid"]


def test_a_small_table_above_another_one_is_not_left_out(read):
    _, rows = read("a.csv", "Region,Count\nN,1\nS,2\nE,3\n\nProduct,Price,Qty\nA,1.5,2\nB,2.5,3\nC,3.5,4\n")
    assert rows["region"][:3] == ["N", "S", "E"]


def test_a_header_one_name_short_leaves_the_row_names_without_one(read):
    layer, rows = read("a.csv", '"name","value"\n' + lines('"{0}","n{0}",{0}5'))
    assert list(rows) == ["column_1", "name", "value"]
    assert rows["value"] == [int(f"{i}5") for i in EIGHT]
    assert "one name less than its rows have values" in said(layer)


@pytest.mark.parametrize("row", ['{0},"he said \\"no\\", twice",1', '{0}, "a, b",1', "{0},a, b,1"])
def test_values_cut_by_a_bad_quote_make_no_row_names(read, row):
    layer, _ = read("a.csv", "key,text,size\n" + lines(row))
    assert [one.original for one in layer.columns][:3] == ["key", "text", "size"]


def test_rows_after_a_gap_that_are_like_the_others_stay(read):
    body = lines("A{0},{0},x") + ",,\n" + lines("B{0},,")
    _, rows = read("a.csv", "name,phone,email\n" + body)
    assert rows["name"] == [*(f"A{i}" for i in EIGHT), *(f"B{i}" for i in EIGHT)]


def test_a_sentence_after_a_gap_is_a_note_and_a_name_is_none(read):
    body = "New York,1,2\nBronx,3,4\nQueens,5,6\n\n"
    layer, rows = read("a.csv", f"name,n,m\n{body}Staten Island,,\n")
    assert rows["name"][-1] == "Staten Island"
    layer, rows = read("a.csv", f"name,n,m\n{body}Figures may not add up,,\n")
    assert len(rows["name"]) == 3
    assert "a note below the table was left out: 'Figures may not add up'" in said(layer)


def test_the_last_row_of_notebooks_is_no_note(read):
    _, rows = read("a.csv", "item,n,m\npen,1,2\nink,3,4\nNotebook,,\n")
    assert rows["item"] == ["pen", "ink", "Notebook"]


@pytest.mark.parametrize("closing", ['60,x "nick" y,2', '60,5",2', '60,"a, b",2', "60,ok,2"])
def test_an_unclosed_quote_costs_its_own_line_only_wherever_the_next_one_stands(read, closing):
    body = [f"{i},ok,{i}" for i in range(90)]
    body[30], body[60] = '30,"unclosed,1', closing
    layer, rows = read("a.csv", "id,t,s\n" + "\n".join(body) + "\n")
    assert rows["id"] == list(range(90))
    assert "never closed in line 32" in said(layer)


def test_a_quoted_address_of_several_lines_with_commas_stays_one_value(read):
    address = "1 Main St, Apt 2\nBronx, NY 10451\n(40.8, -73.9)"
    _, rows = read("a.csv", "id,address,city\n" + lines('{0},"' + address + '",NYC'))
    assert rows["address"] == [address] * 8


@pytest.mark.parametrize("seed", range(20))
def test_blocks_and_records_agree_on_stray_quotes(write, seed):
    chance = random.Random(seed)
    cells = ["ok", "7", '"a, b"', '"two\nlines"', '"open', 'end"', '5" pipe', '""', "x"]
    text = "".join(f"{i},{chance.choice(cells)},{chance.choice(cells)}\n" for i in range(60))
    path = write("a.csv", "id,t,s\n" + text)
    whole, parts = dialect.Slips(), dialect.Slips()
    wanted = list(dialect.records(iter(path.read_text().splitlines(keepends=True)), ",", whole, 3))
    found = []
    for block in blocks(open_text(path), ",", 0, 3, parts, 64):
        columns = isinstance(block, tuple)
        found += (
            [list(row) for row in zip(*(c.to_pylist() for c in block), strict=True)] if columns else block
        )
    assert (found, parts.quotes) == (wanted, whole.quotes)


@pytest.mark.parametrize("text", ["n,name\n1,a\n2,b\n\x1a", "n\n1\n2\n\x1a", "n,name\r\n1,a\r\n2,b\x1a"])
def test_the_end_mark_of_old_programs_is_no_row(read, text):
    _, rows = read("a.csv", text)
    assert rows["n"] == [1, 2]


def test_many_names_that_are_too_long_are_said_once(read):
    names = [f"question {i} " + "x" * 80 for i in range(40)]
    layer, _ = read("a.csv", ",".join(names) + "\n" + ",".join(["1"] * 40) + "\n")
    (warning,) = [one for one in layer.warnings if "too long" in one]
    assert "so it is with 39 other columns" in warning
