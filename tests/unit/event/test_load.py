"""The event file is read in one go, and everything wrong with it is said at once."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from divebell.errors import DivebellError
from divebell.event import Event, EventFileError, load_event

EXAMPLES = sorted(Path(__file__).parents[3].glob("examples/*/event.yaml"))

FULL = """\
name: Housing loss DataDive
organisation: New America
starts: 2021-03-05 18:00
ends: 2021-03-07 17:00
timezone: America/New_York
address: dive.example.org
people:
  sign_in: event-password
  ambassadors: [maria, dan]
  expected: 40
workspace:
  runs_in: processes
  memory: 2 GB
  cpus: 1
data:
  repository: https://github.com/example/housing-loss
  branch: main
  folder: data
  datasets:
    data/raw/liens.csv:
      table: liens
      points: {column: lon_lat, order: lon lat}
      crs: EPSG:4269
maps:
  public: true
"""


def test_a_full_event_file_is_read(written):
    event = load_event(written(FULL))
    assert event.name == "Housing loss DataDive"
    assert event.starts == datetime(2021, 3, 5, 18, 0)  # noqa: DTZ001
    assert event.people.ambassadors == ("maria", "dan")
    assert event.workspace.cpus == 1.0
    assert event.workspace.memory_bytes == 2 * 1024**3
    assert event.data.datasets["data/raw/liens.csv"].points.column == "lon_lat"
    assert event.maps.public
    assert str(event.zone) == "America/New_York"


def test_a_name_and_a_place_for_data_are_enough(written):
    event = load_event(written("name: A\ndata: {repository: .}\n"))
    assert event == Event(name="A", data={"repository": "."})
    assert (event.timezone, event.data.branch, event.people.expected) == ("UTC", "main", 50)


def test_a_folder_stands_for_the_event_file_in_it(written):
    assert load_event(written(FULL).parent) == load_event(written(FULL))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.parent.name)
def test_every_example_is_good(file):
    assert load_event(file).people.ambassadors


def test_five_different_mistakes_are_all_named_with_their_lines(problems):
    text = """\
        name: A
        poeple: {}
        starts: 2021-03-07 18:00
        ends: 2021-03-05 18:00
        timezone: America/NewYork
        workspace:
          memry: 2 GB
        data:
          repository: .
          datasets:
            a.csv: {crs: 4326}
        """
    found = problems(text)
    assert [line.split(": ")[:2] for line in found] == [
        ["2", "poeple"],
        ["4", "ends"],
        ["5", "timezone"],
        ["7", "workspace.memry"],
        ["11", "data.datasets.a.csv.crs"],
    ]
    meant = ("people", None, "America/New_York", "memory", "EPSG:4326")
    for line, word in zip(found, meant, strict=True):
        assert word is None or line.endswith(f"did you mean '{word}'?"), line


def test_the_message_holds_every_problem_and_the_next_step(written):
    file = written("nam: A\ndata: {}\n")
    with pytest.raises(EventFileError) as raised:
        load_event(file)
    text = str(raised.value)
    assert isinstance(raised.value, DivebellError)
    assert text.startswith(f"{file} has 3 problems:")
    assert f"{file}:1: nam: found an unknown key" in text
    assert f"{file}:1: name: found nothing, expected this key: What the event is called" in text
    assert f"{file}:2: data.repository: found nothing" in text
    assert text.endswith(f"-> put this right, then: divebell check {file}")


def test_a_missing_file_leads_to_init(tmp_path):
    with pytest.raises(EventFileError, match="no event file") as raised:
        load_event(tmp_path / "nowhere")
    assert raised.value.problems[0].line is None
    assert "divebell init" in str(raised.value)


def test_a_folder_without_event_file_leads_to_init(tmp_path):
    with pytest.raises(EventFileError, match="divebell init"):
        load_event(tmp_path)


def test_event_yml_is_recognised(tmp_path):
    (tmp_path / "event.yml").write_text(FULL)
    with pytest.raises(EventFileError, match=r"found event\.yml instead"):
        load_event(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "found an empty file"),
        (b"# only a comment\n", "found an empty file"),
        (b"- a\n- b\n", "found no keys"),
        (b"just words\n", "found no keys"),
        (b"name: A\n\x00\x01", "binary data"),
        (b"name: A\ndata: \xe9\n", r"event.yaml:2: found a byte that is not UTF-8 \(0xe9\)"),
        ("name: A".encode("utf-16"), "UTF-8|binary"),
        (b"name: A\x07\n", "a character that YAML does not allow"),
        (b"name: A\n" * 50_000, "more than 256 KB"),
    ],
    ids=range(9),
)
def test_what_is_no_event_file_is_said_plainly(tmp_path, content, said):
    file = tmp_path / "event.yaml"
    file.write_bytes(content)
    with pytest.raises(EventFileError, match=said):
        load_event(file)


def test_a_device_is_not_read(tmp_path):
    (tmp_path / "event.yaml").symlink_to("/dev/zero")
    with pytest.raises(EventFileError, match="not a file"):
        load_event(tmp_path)


def test_a_byte_order_mark_is_no_problem(tmp_path):
    (tmp_path / "event.yaml").write_bytes(b"\xef\xbb\xbf" + FULL.encode())
    assert load_event(tmp_path).organisation == "New America"


def test_windows_line_ends_are_no_problem(tmp_path):
    (tmp_path / "event.yaml").write_bytes(FULL.replace("\n", "\r\n").encode())
    assert load_event(tmp_path).workspace.memory == "2 GB"
