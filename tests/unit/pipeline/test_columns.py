from __future__ import annotations

import json
from collections.abc import Callable

import pyarrow as pa

from divebell.pipeline.columns import layout, overflow_json
from divebell.readers import Column


def table(*arrays: pa.Array) -> tuple[list[Column], Callable[[], list[pa.RecordBatch]]]:
    columns = [Column(f"c{number}", f"C {number}", array.type) for number, array in enumerate(arrays)]
    batch = pa.record_batch(list(arrays), names=[column.name for column in columns])
    return columns, lambda: [batch]


def test_a_table_of_ordinary_width_has_natural_types() -> None:
    columns, batches = table(pa.array([1]), pa.array([0.5]), pa.array(["a"]), pa.array([True]))
    assert [one.sql for one in layout(columns, batches).targets] == [
        "bigint",
        "double precision",
        "text",
        "boolean",
    ]


def test_a_wide_table_has_the_narrowest_types_that_hold_its_values() -> None:
    arrays = [pa.array([1, -3]), pa.array([70_000, 1]), pa.array([0.5, None]), pa.array([0.1, 2.0])]
    columns, batches = table(*(arrays * 280))
    found = [one.sql for one in layout(columns, batches).targets]
    assert found[:4] == ["smallint", "integer", "real", "double precision"]


def test_a_wide_table_of_empty_cells_keeps_natural_types() -> None:
    columns, batches = table(*[pa.array([None, None], pa.int64())] * 1200)
    assert {one.sql for one in layout(columns, batches).targets} == {"bigint"}


def test_what_fits_no_row_overflows_from_the_end() -> None:
    columns, batches = table(*[pa.array([0.1, 1 / 3])] * 1500)
    found = layout(columns, batches)
    assert 900 < len(found.targets) < 1020
    assert len(found.targets) + len(found.overflow) == 1500
    assert found.overflow[-1].name == "c1499"


def test_overflowing_values_are_json_as_exact_as_before() -> None:
    columns, batches = table(pa.array([1]), pa.array([1 / 3]), pa.array([float("inf")]), pa.array(["a\0b"]))
    [text] = overflow_json(batches()[0], 1, columns[1:]).to_pylist()
    assert json.loads(text) == {"c1": 1 / 3, "c2": "inf", "c3": "ab"}
