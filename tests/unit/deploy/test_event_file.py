"""The event file as the server gets it."""

from __future__ import annotations

from divebell.deploy.event_file import for_server
from divebell.event import load_event

TEXT = """\
# Ours.
name: "A: test"   # with a colon
starts: 2021-03-05 18:00
people: {ambassadors: [maria, 'no']}
data:
  repository: ../housing-loss   # a folder
  branch: main
"""


def test_only_the_repository_changes(tmp_path):
    (tmp_path / "event.yaml").write_text(for_server(TEXT, "/srv/x.git"))
    there = load_event(tmp_path)
    assert there.data.repository == "/srv/x.git"
    (tmp_path / "event.yaml").write_text(TEXT)
    here = load_event(tmp_path)
    assert there.model_copy(update={"data": here.data}) == here


def test_nothing_is_pushed_to_the_repository_that_only_the_server_has(tmp_path):
    text = TEXT.replace("  branch: main\n", "  push: true   # to us\n  branch: main\n")
    (tmp_path / "event.yaml").write_text(for_server(text, "/srv/x.git"))
    assert not load_event(tmp_path).data.push
    assert load_event(tmp_path).data.branch == "main"
    (tmp_path / "event.yaml").write_text(for_server(text, None))
    assert load_event(tmp_path).data.push


def test_comments_stay():
    text = for_server(TEXT, "/srv/x.git")
    assert "# Ours." in text
    assert "# with a colon" in text


def test_a_repository_at_an_address_leaves_the_file_as_it_is():
    assert for_server(TEXT, None) == TEXT
