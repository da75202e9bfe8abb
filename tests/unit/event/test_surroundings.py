"""What lies around the event file is compared with what it says."""

from __future__ import annotations

from divebell.event.load import load_with_lines
from divebell.event.surroundings import doubts, missing_folder


def test_a_folder_that_is_not_there_is_named_with_its_line(written):
    file = written("name: A\ndata:\n  repository: ./missing\n")
    problem = missing_folder(*load_with_lines(file), file)
    assert (problem.line, problem.key) == (3, "data.repository")
    assert "'./missing'" in problem.message


def test_an_address_is_not_looked_for_on_disk(written):
    file = written("name: A\ndata: {repository: 'git@github.com:x/y'}\n")
    assert missing_folder(*load_with_lines(file), file) is None
    assert doubts(*load_with_lines(file), file) == []


def test_a_missing_data_folder_is_only_a_doubt(written):
    file = written("name: A\ndata: {repository: .}\n")
    assert [doubt.key for doubt in doubts(*load_with_lines(file), file)] == ["data.folder"]


def test_a_bare_repository_raises_no_doubt(written):
    file = written("name: A\ndata: {repository: .}\n")
    (file.parent / "objects").mkdir()
    (file.parent / "HEAD").write_text("ref: refs/heads/main\n")
    assert doubts(*load_with_lines(file), file) == []


def test_a_hint_for_a_file_that_is_not_there_suggests_one_that_is(written):
    file = written("name: A\ndata:\n  repository: .\n  datasets:\n    data/raw/liens.csv: {table: l}\n")
    (file.parent / "data" / "raw").mkdir(parents=True)
    (file.parent / "data" / "raw" / "Liens.csv").touch()
    found = doubts(*load_with_lines(file), file)
    assert [doubt.line for doubt in found] == [5]
    assert found[0].message.endswith("did you mean 'data/raw/Liens.csv'?")
