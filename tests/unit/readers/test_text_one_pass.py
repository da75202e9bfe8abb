"""A large text table is read once, from parts that describe it; the answer is as if all of it was known before."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from divebell.event.model import DatasetHint
from divebell.readers import ContradictedError
from divebell.readers.delimited import DelimitedReader
from divebell.readers.dialect import Slips, records
from divebell.readers.encoding import open_text
from divebell.readers.grid import Repairs, find_header, rows

from .conftest import table_of

SMALL = 32
given_a_file = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80
)

value = st.sampled_from(
    [
        *["", " ", "1", "2", "-3", "007", " 5 ", "1.5", "-.5", "1e5", "12.0", "NA", "-", "-999", "9999"],
        *["2020-01-02", "01/13/2020", "2020-01-02T10:00:00Z", "true", "Yes", "1,234", "$5", "12%", "DE"],
        *["a", "ü", "東", "x\ny", "x\r\ny", 'say "hi"', "a,b;c", "Source: them", "40.5", "-73.2"],
    ]
)
broken = st.sampled_from(["", "x", ",,", '"open', 'a"b,c', '"a"b,c', "a,b,c,d,e", "\r", "Note: n,,", " , , "])


def described(layer):
    return layer.columns, layer.geometry, layer.warnings, repr(table_of(layer).to_pydict())


def as_csv(table, dialect):
    file = io.StringIO()
    csv.writer(file, **dialect).writerows(table)
    return file.getvalue()


dialects = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from([",", ";", "\t", "|"]),
        "lineterminator": st.sampled_from(["\n", "\r\n", "\r"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    }
)


@given_a_file
@given(
    table=st.lists(st.lists(value, min_size=3, max_size=3), min_size=1, max_size=30),
    dialect=dialects,
    slips=st.lists(st.tuples(st.integers(0, 30), broken), max_size=2),
    block=st.integers(16, 400),
)
def test_one_pass_says_what_two_passes_say(write, table, dialect, slips, block):
    lines = [as_csv([row], dialect) for row in table]
    for at, line in slips:
        lines.insert(at, line.replace(",", dialect["delimiter"]) + dialect["lineterminator"])
    head = as_csv([["name", "latitude", "longitude"]], dialect)
    path = write("a.csv", head + "".join(lines))
    hint = DatasetHint(delimiter=dialect["delimiter"])
    (once,), (twice,) = (DelimitedReader(size).read(path, hint) for size in (block, 1 << 22))
    assert twice.settle is None
    assert described(once.certain()) == described(twice)


@given_a_file
@given(
    table=st.lists(st.lists(value, min_size=2, max_size=2), min_size=1, max_size=30),
    slips=st.lists(st.tuples(st.integers(0, 30), broken), max_size=3),
    block=st.integers(16, 400),
)
def test_rows_cut_in_blocks_are_those_cut_one_by_one(write, table, slips, block):
    lines = [as_csv([row], {"lineterminator": "\n"}) for row in table]
    for at, line in slips:
        lines.insert(at, line + "\n")
    path = write("a.csv", "first,second\n" + "".join(lines))
    text, repairs = open_text(path), Repairs()
    header = find_header(records(text.lines(), ",", Slips()))
    wanted = list(rows(records(text.lines(), ",", Slips()), header, repairs))
    hint = DatasetHint(delimiter=",", text=header.names)
    (layer,) = DelimitedReader(block).read(path, hint)
    found = table_of(layer.certain()).to_pydict()
    for number, name in enumerate(found):
        assert found[name] == [row[number] if row[number].strip() else None for row in wanted]
    assert set(repairs.sentences()) <= set(layer.certain().warnings)


@given_a_file
@given(
    table=st.lists(
        st.lists(
            st.text(
                st.characters(
                    exclude_characters="".join(map(chr, [*range(9), *range(14, 32)])),
                    exclude_categories=["Cs"],
                )
            ),
            min_size=2,
            max_size=2,
        ),
        min_size=1,
        max_size=20,
    ),
    dialect=dialects,
    block=st.integers(16, 200),
)
def test_text_in_any_dialect_is_read_back_the_same(write, table, dialect, block):
    kept = [["key", *(cell for cell in row)] for row in table if all(cell.strip() for cell in row)]
    if any(end in cell for row in kept for cell in row for end in "\r\n"):
        # Python 3.11's csv writer quotes only the line end it writes itself, and leaves the other one bare.
        dialect = {**dialect, "quoting": csv.QUOTE_ALL}
    path = write("a.csv", as_csv([["first", "second", "third"], *kept, ["the", "last", "row"]], dialect))
    hint = DatasetHint(delimiter=dialect["delimiter"], text=("first", "second", "third"))
    (layer,) = DelimitedReader(block).read(path, hint)
    found = table_of(layer.certain()).to_pydict()
    assert list(map(list, zip(*found.values(), strict=True))) == [*kept, ["the", "last", "row"]]


def test_a_large_regular_table_is_read_once(write):
    path = write("a.csv", "name,n\n" + "".join(f"well {i},{i}\n" for i in range(400)))
    (layer,) = DelimitedReader(SMALL * 16).read(path, DatasetHint())
    rows = table_of(layer)
    assert rows["n"].to_pylist() == list(range(400))
    certain = layer.settle()
    assert (certain.columns, certain.settle) == (layer.columns, None)


def test_a_value_that_comes_late_contradicts_the_description_and_the_certain_one_has_it(write):
    body = [f"well {i},{i}\n" for i in range(400)]
    path = write("a.csv", "name,n\n" + "".join([*body[:250], "late,0x\n", *body[250:]]))
    (layer,) = DelimitedReader(SMALL * 16).read(path, DatasetHint())
    assert str(layer.columns[1].type) == "int64"
    with pytest.raises(ContradictedError):
        table_of(layer)
    certain = layer.settle()
    assert table_of(certain)["n"].to_pylist()[250] == "0x"
    assert "nearly all values are numbers" in "\n".join(certain.warnings)


def test_reading_that_is_broken_off_begins_anew(write):
    path = write("a.csv", "name,n\n" + "".join(f"well {i},{i}\n" for i in range(400)))
    (layer,) = DelimitedReader(SMALL * 16).read(path, DatasetHint())
    batches = layer.batches()
    next(batches)
    batches.close()
    assert table_of(layer.settle()).num_rows == table_of(layer).num_rows == 400
