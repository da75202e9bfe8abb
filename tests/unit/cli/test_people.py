"""`divebell people` as it is typed, here and for a server."""

from __future__ import annotations

import argparse

import pytest

from divebell.cli import main, people


def parsed(*words):
    parser = argparse.ArgumentParser()
    people.add_arguments(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    ("typed", "there"),
    [
        ("list . --log --csv", "people list /srv/divebell/event --log --csv"),
        ("add ana", "people add ana /srv/divebell/event"),
        ("make-ambassador ana --undo --json", "people make-ambassador ana /srv/divebell/event --json --undo"),
        ("passwords", "people passwords /srv/divebell/event"),
    ],
)
def test_on_a_server_the_same_is_asked_of_the_event_there(typed, there):
    assert people.words(parsed(*typed.split(), "--on", "dive.example.org")) == there.split()


@pytest.mark.parametrize("before", [None, b"printed yesterday"])
def test_cards_of_a_server_that_does_not_answer_leave_the_file_as_it_was(tmp_path, capsys, before):
    file = tmp_path / "cards.pdf"
    if before:
        file.write_bytes(before)
    assert main(["people", "cards", str(tmp_path), "--on", "root@127.0.0.1:1", "--out", str(file)]) == 1
    assert "127.0.0.1" in capsys.readouterr().err
    assert (file.read_bytes() if file.exists() else None) == before
