"""YAML has no surprises: what stands there is what is read, and odd YAML is a problem with a line."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from divebell.event.document import read_document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("22:22", "22:22"),
        ("no", "no"),
        ("on", "on"),
        ("1e3", 1000.0),
        ("0123", 123),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("-.inf", float("-inf")),
        ("2021-03-05", "2021-03-05"),
        ("2021-03-05 18:00:00", "2021-03-05 18:00:00"),
        ("~", None),
        ("", None),
        ("TRUE", True),
        ("'1e3'", "1e3"),
        ("!!str 12", "12"),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        ("EPSG:4269", "EPSG:4269"),
    ],
)
def test_a_scalar_is_what_yaml_1_2_says(text, value):
    document = read_document(f"key: {text}")
    assert document.value == {"key": value}
    assert not document.faults


def test_a_yaml_1_1_directive_changes_nothing():
    assert read_document("%YAML 1.1\n---\nkey: no").value == {"key": "no"}


def test_lines_are_those_of_keys_and_items():
    lines = read_document("a: 1\n\nb:\n  c:\n    - x\n    - y\n").lines
    assert (lines["a",], lines["b", "c"], lines["b", "c", 1]) == (1, 4, 6)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\n\tb: 2", 2, "found a tab"),
        ("a: b: c", 1, "second ':'"),
        ("a: 1\n b: 2", 2, "wrong indentation"),
        ("a: 1\n---\nb: 2", 2, "second document"),
        ("a: @x", 1, "cannot start a value"),
        ("a:\nb: *x", 2, r"found '\*'"),
        ("a: 'x", 1, "end of the file inside quotes"),
        ("a: [1, 2", 1, "not valid YAML"),
        ("a: 1\nword\nb: 2", 3, "without ':'"),
        ("a: !secret x", 1, "found the tag !secret"),
        ("x: 1\na: !!python/object:os.system x", 2, "found the tag !!python"),
        ("a: !!binary eA==", 1, "found the tag !!binary"),
        ("a: &one 1\nb: *one", 1, "found the anchor &one"),
        ("a: 1\nb: 2\na: 3", 3, r"a second time \(first on line 1\)"),
        ("? [a, b]\n: 1", 1, "as a key"),
        ("[" * 30 + "]" * 30, 1, "more than 20 levels"),
        ("[" * 20_000, 1, "more than 20 levels|not valid YAML"),
        ("a: " + "{b: " * 5000 + "}" * 5000, 1, "more than 20 levels"),
    ],
)
def test_odd_yaml_is_a_fault_with_a_line(text, line, said):
    faults = read_document(text).faults
    assert len(faults) == 1
    assert faults[0].line == line
    assert re.search(said, faults[0].message), faults[0].message


def test_every_duplicate_is_found():
    assert len(read_document("a: 1\na: 2\nb: {c: 1, c: 2}\na: 3").faults) == 3


def test_a_bomb_of_aliases_is_refused_at_once():
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 40)]
    begin = time.process_time()
    document = read_document("\n".join(["l0: &l0 [lol]", *levels]))
    assert time.process_time() - begin < 3
    assert len(document.faults) == 40


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    document = read_document(text)
    assert all(fault.line >= 1 and fault.message for fault in document.faults)
