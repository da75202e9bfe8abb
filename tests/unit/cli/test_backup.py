"""The options of backup and restore, and what they print."""

from __future__ import annotations

import argparse

import pytest

from divebell.backup import Restored, Store, Taken
from divebell.backup.manifest import LeftOut
from divebell.cli import backup, build_parser, restore
from divebell.errors import DivebellError


def arguments(verb: str, *words: str) -> argparse.Namespace:
    return build_parser(only=verb).parse_args([verb, *words])


def test_the_same_options_go_to_the_server():
    asked = arguments("backup", "here", "--on", "h", "--to", "/x", "--json")
    assert backup.remote_words(asked) == ["--to", "/x", "--json"]
    wanted = arguments("restore", "--on", "h", "--snapshot", "abc", "--yes", "--discard-newer")
    assert restore.remote_words(wanted) == ["--snapshot", "abc", "--yes", "--discard-newer"]


def test_a_place_of_this_machine_does_not_go_to_the_server():
    with pytest.raises(DivebellError, match="places of this machine"):
        restore.remote_words(arguments("restore", "--on", "h", "--into", "/tmp/x"))


def test_what_was_left_out_is_named_but_not_all_of_a_thousand(tmp_path):
    left = tuple(LeftOut(f"homes/ana/{number}", "sparse") for number in range(1000))
    taken = Taken("abc", "Dive", "now", 3, 1_000, 2, 5_000_000, 1_000_000, 4.2, left, ("gone",))
    lines = backup.summary(taken, Store("/store", "k", {}, tmp_path))
    assert lines[0] == "Backup abc is whole in /store."
    assert lines[-1] == "  Left out  and 991 more (--json names them)"
    assert len(lines) < 20


def test_what_differs_is_told_first():
    restored = Restored(
        *("abc", "Dive", "2026-11-27T12:00:00+00:00", 3, 1_000, 2, 7, 5_000_000),
        differing=("table v_ana.x: 1 rows, 2 in the backup",),
        notes=(),
        left_out=(),
        running=True,
    )
    lines = restore.summary(restored)
    assert "  Differs   table v_ana.x: 1 rows, 2 in the backup" in lines
    assert lines[-1] == "  It is up."
