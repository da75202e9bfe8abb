"""Rows are the same rows in any order, cut anywhere."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from divebell.backup.rows import RowSum

ROWS = st.lists(st.binary(max_size=8).map(lambda row: row.replace(b"\n", b"n")), max_size=20)


def summed(blocks: list[bytes]) -> tuple[int, str]:
    rows = RowSum()
    for block in blocks:
        rows.feed(block)
    return rows.count, rows.checksum


@given(ROWS, st.randoms(use_true_random=False), st.integers(1, 7))
def test_the_order_and_the_blocks_do_not_matter(rows, random, size):
    shuffled = random.sample(rows, len(rows))
    text = b"".join(row + b"\n" for row in shuffled)
    blocks = [text[start : start + size] for start in range(0, len(text), size)]
    assert summed(blocks) == summed([b"".join(row + b"\n" for row in rows)])


@given(ROWS, st.binary(max_size=8).map(lambda row: row.replace(b"\n", b"n")))
def test_one_row_more_or_twice_does(rows, more):
    text = b"".join(row + b"\n" for row in rows)
    assert summed([text]) != summed([text, more + b"\n"])
    assert summed([text, more + b"\n"])[1] != summed([text, more + b"\n", more + b"\n"])[1]
