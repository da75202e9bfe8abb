"""What goes into a backup, and what of a dump counts."""

from __future__ import annotations

import os
from pathlib import Path

from divebell.backup.dump import fingerprint, sequences_of
from divebell.backup.homes import HOLES, count, pattern
from divebell.backup.manifest import Database, LeftOut, Manifest, Sequence, Table, from_json, to_json
from divebell.event import State


def test_files_that_only_pretend_to_be_large_are_left_out_the_hollowest_first(tmp_path):
    home = tmp_path / "homes" / "ana"
    home.mkdir(parents=True)
    (home / "real").write_bytes(os.urandom(5000))
    for name, size in (("sparse", HOLES // 2), ("more", HOLES // 3), ("endless", 100 * HOLES)):
        with (home / name).open("wb") as file:
            file.truncate(size)
    found = count(State(tmp_path))
    assert [left.path for left in found.left_out] == ["homes/ana/endless"]
    assert found.homes[0].files == 3
    assert found.homes[0].bytes == 5000 + HOLES // 2 + HOLES // 3


def test_a_link_to_another_home_is_not_followed(tmp_path):
    (tmp_path / "homes" / "ana").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_text("x")
    (tmp_path / "homes" / "ana" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "homes" / "ben").symlink_to(tmp_path / "secret")
    assert [(home.name, home.files) for home in count(State(tmp_path)).homes] == [("ana", 0)]


def test_no_name_of_a_file_means_anything_else_to_restic():
    assert pattern("/homes/ana/a b$HOME*[x]\n!.csv") == "/homes/ana/a?b?HOME??x???.csv"


def test_definitions_are_the_same_whatever_their_order_and_the_random_word():
    one = "\\restrict abc\n-- Dumped by 15.1\nCREATE TABLE a ();\n\nCREATE TABLE b ();\n"
    other = "\\restrict xyz\n-- Dumped by 15.2\nCREATE TABLE b ();\nCREATE TABLE a ();\n"
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(one) != fingerprint(other.replace("b", "c"))


def test_sequences_are_read_from_the_dump_itself():
    script = (
        "SELECT pg_catalog.setval('data.wells_id_seq', 12, true);\n"
        'SELECT pg_catalog.setval(\'v_ana."Odd, ""one"""\', 1, false);\n'
        "SELECT pg_catalog.setval('v_ana.\"it''s\"', -5, true);\n"
    )
    assert list(sequences_of(script)) == [
        Sequence("data", "wells_id_seq", 12),
        Sequence("v_ana", 'Odd, "one"', None),
        Sequence("v_ana", "it's", -5),
    ]


def test_a_manifest_is_read_as_it_was_written():
    table = Table("data", "wells", ("a", "b c"), 5, "0" * 64)
    database = Database(15, (table,), (), (), "1" * 64)
    written = Manifest(1, "0.1.0", "Dive", "2026-11-27", database, (), (LeftOut("homes/x", "why"),))
    assert from_json(to_json(written)) == written
    assert Path(written.left_out[0].path).name == "x"
