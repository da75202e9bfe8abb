"""A folder of files as real events bring them, loaded end to end: what each becomes, and what is said about it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from .conftest import Loading

LATE = 60_000
"""A row so late that no sample has it."""


@dataclass(frozen=True)
class Case:
    """A file, the table it must become, and words that its warnings must have."""

    content: str | bytes
    types: dict[str, str]
    rows: list[tuple[Any, ...]]
    said: tuple[str, ...] = ()


def late(first: str, last: str, header: str = "code,n") -> str:
    return f"{header}\n" + f"{first},1\n" * LATE + f"{last},2\n"


TEXT, WHOLE, NUMBER = "text", "bigint", "double precision"
DAY = dt.date
CASES = {
    "fips_first.csv": Case("fips,n\n01001,1\n48001,2\n", {"fips": TEXT, "n": WHOLE}, [("01001", 1), ("48001", 2)]),
    "us_dates.csv": Case(
        "day\n12/31/2020\n01/15/2021\n", {"day": "date"}, [(DAY(2020, 12, 31),), (DAY(2021, 1, 15),)]
    ),
    "european_dates.csv": Case(
        "day\n31.12.2020\n15.01.2021\n", {"day": "date"}, [(DAY(2020, 12, 31),), (DAY(2021, 1, 15),)]
    ),
    "undecided_dates.csv": Case("day\n01/02/2020\n03/04/2020\n", {"day": TEXT}, [("01/02/2020",), ("03/04/2020",)], ("day",)),
    "mixed_dates.csv": Case("day\n2020-12-31\n12/31/2020\n", {"day": TEXT}, [("2020-12-31",), ("12/31/2020",)]),
    "zones.csv": Case(
        "at\n2020-06-01T12:00:00+02:00\n2020-06-01T12:00:00Z\n",
        {"at": "timestamp with time zone"},
        [(dt.datetime(2020, 6, 1, hour, tzinfo=dt.UTC),) for hour in (10, 12)],
    ),
    "thousands.csv": Case('sum\n"1,234"\n"12,345,678"\n7\n', {"sum": WHOLE}, [(1234,), (12345678,), (7,)], ("thousand",)),
    "percent.csv": Case("share\n12.5%\n7%\n", {"share": NUMBER}, [(12.5,), (7.0,)], ("%",)),
    "currency.csv": Case('cost\n"$1,200.50"\n$3\n', {"cost": NUMBER}, [(1200.5,), (3.0,)], ("$",)),
    "gaps.csv": Case("n,name\n1,a\nN/A,\nNA,b\n,c\n", {"n": WHOLE, "name": TEXT}, [(1, "a"), (None, None), (None, "b"), (None, "c")]),
    "sentinels.csv": Case("depth\n-999\n12\n-999\n", {"depth": WHOLE}, [(-999,), (12,), (-999,)], ("-999",)),
    "countries.csv": Case(
        "country,n\nDE,1\nNA,2\nZA,3\n", {"country": TEXT, "n": WHOLE}, [("DE", 1), ("NA", 2), ("ZA", 3)]
    ),
    "bom.csv": Case("\ufeffid,name\n1,Zoë\n", {"id": WHOLE, "name": TEXT}, [(1, "Zoë")]),
    "cp1252.csv": Case("id,name\n1,Café – “x” €\n".encode("cp1252"), {"id": WHOLE, "name": TEXT}, [(1, "Café – “x” €")], ("1252",)),
    "utf16.csv": Case("id,name\n1,Zoë 数据\n".encode("utf-16"), {"id": WHOLE, "name": TEXT}, [(1, "Zoë 数据")]),
    "semicolons.csv": Case("a;b\n1;x,y\n2;z\n", {"a": WHOLE, "b": TEXT}, [(1, "x,y"), (2, "z")]),
    "pipes.txt": Case("a|b\n1|x\n2|z\n", {"a": WHOLE, "b": TEXT}, [(1, "x"), (2, "z")]),
    "newlines.csv": Case('a,b\n1,"two\nlines, ""quoted"""\n2,z\n', {"a": WHOLE, "b": TEXT}, [(1, 'two\nlines, "quoted"'), (2, "z")]),
    "returns.csv": Case("a,b\r1,x\r2,z\r", {"a": WHOLE, "b": TEXT}, [(1, "x"), (2, "z")]),
    "trailing.csv": Case("a,b,\r\n1,x,\r\n2,z,\r\n", {"a": WHOLE, "b": TEXT}, [(1, "x"), (2, "z")]),
    "twice.csv": Case(
        "Total,Total,,n\n1,2,3,4\n",
        {"total": WHOLE, "total_2": WHOLE, "column_3": WHOLE, "n": WHOLE},
        [(1, 2, 3, 4)],
        ("Total", "total_2", "column_3"),
    ),
    "footer.csv": Case(
        "county,n\nA,1\nB,2\nC,3\n\nSource: Census Bureau\n", {"county": TEXT, "n": WHOLE}, [("A", 1), ("B", 2), ("C", 3), ("Source: Census Bureau", None)],
        ("blank row", "row 4"),
    ),
    "title.csv": Case(
        "Report of wells\nMade in 2020\n\nid,name,depth\n1,a,10\n2,b,20\n3,c,30\n", {"id": WHOLE, "name": TEXT, "depth": WHOLE},
        [(1, "a", 10), (2, "b", 20), (3, "c", 30)], ("above",),
    ),
    "ragged.csv": Case("a,b,c\n1,2,3\n4,5\n6,7,8\n", {"a": WHOLE, "b": WHOLE, "c": WHOLE}, [(1, 2, 3), (4, 5, None), (6, 7, 8)], ("row",)),
    "flags.csv": Case(
        "ok,yes\ntrue,Yes\nfalse,No\n", {"ok": "boolean", "yes": "boolean"}, [(True, True), (False, False)]
    ),
    "phones.csv": Case(
        "phone,zip\n8135550100,33601\n8135550101,33601-1234\n", {"phone": TEXT, "zip": TEXT},
        [("8135550100", "33601"), ("8135550101", "33601-1234")],
    ),
    "header_only.csv": Case("a,b\n", {"a": TEXT, "b": TEXT}, []),
    "one_column_place.csv": Case(
        'n,lon_lat\n1,"-122.5,27.9"\n2,"-122.4,28.0"\n', {"n": WHOLE, "lon_lat": TEXT, "geom": "geometry(Point,4326)"},
        [(1, "-122.5,27.9", "POINT(-122.5 27.9)"), (2, "-122.4,28.0", "POINT(-122.4 28)")], ("lon_lat",),
    ),
    "wkt.csv": Case(
        "n,wkt\n1,POINT (1 2)\n2,POINT (3 4)\n", {"n": WHOLE, "wkt": TEXT, "geom": "geometry(Point,4326)"}, [(1, "POINT (1 2)", "POINT(1 2)"), (2, "POINT (3 4)", "POINT(3 4)")],
    ),
    "not_latin.csv": Case("名前,数\nあ,1\n", {"column_1": TEXT, "column_2": WHOLE}, [("あ", 1)], ("名前",)),
    "quotes.csv": Case('a,b\n1,5" pipe\n2,ok\n', {"a": WHOLE, "b": TEXT}, [(1, '5" pipe'), (2, "ok")]),
}  # fmt: skip
LATE_CASES = {
    "late_zeros.csv": (late("48001", "01001"), TEXT, "48001", "01001"),
    "late_text.csv": (late("7", "seven"), TEXT, "7", "seven"),
    "late_decimal.csv": (late("7", "7.5"), NUMBER, 7.0, 7.5),
    "late_latin.csv": (late("x", "é").encode("cp1252"), TEXT, "x", "é"),
    "late_huge.csv": (late("7", "9223372036854775808"), TEXT, "7", "9223372036854775808"),
}
PASSED_OVER = ("README.md", "~$book.xlsx", ".DS_Store", "notes.txt")
REPORTED = {
    "empty.csv": b"",
    "letter.geojson": b"{\\rtf1\\ansi hello}",
    "page.csv": b"<!DOCTYPE html><html></html>",
}


def types_of(loading: Loading) -> dict[str, dict[str, str]]:
    rows = loading.rows(
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a "
        "JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'data'::regnamespace AND c.relkind = 'r' "
        "AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'row_id' ORDER BY c.relname, a.attnum"
    )
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        found.setdefault(table, {})[column] = kind
    return found


def values_of(loading: Loading, table: str, names: dict[str, str]) -> list[tuple[Any, ...]]:
    listed = ", ".join(
        'ST_AsText("geom")' if name == "geom" else f'"{name}"'
        for name in names
    )  # fmt: skip
    return loading.rows(f'SELECT {listed} FROM data."{table}" ORDER BY row_id')


def stem(name: str) -> str:
    return name.partition(".")[0]


def differing(found: dict[str, Any], wanted: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Give what is not as it should be: what it is, and what it should be."""
    names = found.keys() | wanted.keys()
    return {
        name: (found.get(name), wanted.get(name)) for name in names if found.get(name) != wanted.get(name)
    }


def test_every_torture_file_becomes_the_table_it_should(loading: Loading) -> None:
    files: dict[str, str | bytes | None] = {f"data/{name}": case.content for name, case in CASES.items()}
    listing = loading.load(files)
    assert {failure.file: failure.reason for failure in listing.failed} == {}
    found = types_of(loading)
    assert differing(found, {stem(name): case.types for name, case in CASES.items()}) == {}
    values = {name: values_of(loading, stem(name), found[stem(name)]) for name in CASES}
    assert differing(values, {name: case.rows for name, case in CASES.items()}) == {}
    warnings = {entry.file.removeprefix("data/"): " ".join(entry.warnings) for entry in listing.datasets}
    silent = {
        name: [word for word in case.said if word not in warnings[name]] for name, case in CASES.items()
    }
    assert {name: words for name, words in silent.items() if words} == {}


def test_what_shows_only_in_the_last_row_counts_as_much(loading: Loading) -> None:
    loading.load({f"data/{name}": content for name, (content, *_) in LATE_CASES.items()})
    assert loading.listing.failed == ()
    kinds = {name: types_of(loading)[stem(name)]["code"].partition("(")[0] for name in LATE_CASES}
    assert kinds == {name: kind for name, (_, kind, _, _) in LATE_CASES.items()}
    for name, (_, _, first, last) in LATE_CASES.items():
        rows = loading.rows(
            f"SELECT code, count(*), min(row_id) FROM data.{stem(name)} GROUP BY code ORDER BY min(row_id)"
        )
        assert rows == [(first, LATE, 1), (last, 1, LATE + 1)]


def test_what_is_no_data_is_passed_over_and_what_claims_to_be_is_reported(loading: Loading) -> None:
    files: dict[str, str | bytes | None] = {f"data/{name}": b"Plain words.\n" for name in PASSED_OVER}
    files |= {f"data/{name}": content for name, content in REPORTED.items()}
    listing = loading.load(files)
    assert {failure.file for failure in listing.failed} == {f"data/{name}" for name in REPORTED}
    assert loading.tables == set()
