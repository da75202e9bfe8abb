"""`divebell deploy`: what it says."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from divebell.cli import main
from divebell.cli.deploy_show import duration, meaning, step_line, summary, summary_json, would_change
from divebell.cli.on_server import remote
from divebell.deploy.consequences import Consequence, Reach
from divebell.deploy.deploying import Outcome, Prepared
from divebell.deploy.host import Host
from divebell.deploy.log import Log
from divebell.deploy.machine import read_facts
from divebell.deploy.progress import Change, Done, Progress
from divebell.deploy.steps import STEPS
from divebell.deploy.variables import Place, Shipment


@pytest.fixture
def outcome(event_folder):
    shipment = Shipment(Path("w"), Path("l"), "abc", "def", Path("e"), None, None)
    place = Place(Host("203.0.113.7", "root"), read_facts(""))
    prepared = Prepared(event_folder.event, event_folder.state, place, shipment, Path("t"))
    progress = Progress(STEPS)
    progress.changes.append(Change("base", "Write it", ("/etc/x", "+ a")))
    progress.done.append(Done(1, STEPS[0], 24.2, 1))
    progress.told = {"check": ["the page of the authority"]}
    return Outcome(prepared, progress, 252.0, event_folder.secrets, ("the certificate is self-signed",))


@pytest.fixture
def log(event_folder):
    log = Log(event_folder.state, "deploy")
    yield log
    log.close()


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (252, "4 min 12 s")]
)
def test_times_are_said_as_people_read_them(seconds, words):
    assert duration(seconds) == words


def test_a_step_is_one_line_with_its_number_time_and_changes():
    assert step_line(Done(3, STEPS[2], 24, 2), 9).split() == ["3/9", "database", "24", "s", "2", "changes"]
    assert step_line(Done(3, STEPS[2], 24, 0), 9).endswith("nothing to do")


def test_the_summary_has_what_an_ambassador_needs(outcome, log, event_folder):
    told = summary(outcome, log)
    for words in (
        "A test event is up on 203.0.113.7",
        "https://203.0.113.7/",
        event_folder.secrets.event_password,
        event_folder.secrets.ambassadors["maria"],
        "4 min 12 s",
        str(log.file),
        "the page of the authority",
        "divebell doctor --on 203.0.113.7",
        "the certificate is self-signed",
    ):
        assert words in told


def test_the_same_facts_are_there_as_data(outcome, log, event_folder):
    facts = json.loads(json.dumps(summary_json(outcome, log)))
    assert facts["password"] == event_folder.secrets.event_password
    assert facts["changed"] == ["base: Write it"]
    assert facts["steps"] == {"base": 24.2}


def test_a_dry_run_shows_each_change_and_its_lines(outcome):
    assert [line.strip() for line in would_change(outcome)[1:]] == ["base: Write it", "/etc/x", "+ a"]
    quiet = dataclasses.replace(outcome, progress=Progress(STEPS))
    assert would_change(quiet) == ["Nothing would change on 203.0.113.7."]


def test_what_interrupts_somebody_is_marked():
    assert meaning([Consequence(Reach.INTERRUPTS, "a"), Consequence(Reach.NOTICE, "b")]) == ["  ! a", "  - b"]


def test_a_command_for_the_server_is_quoted():
    assert remote(["logs", "hub", "--lines", "1 2"]) == "exec /usr/local/bin/divebell logs hub --lines '1 2'"


def test_without_a_server_the_next_step_is_said(event_folder, capsys):
    (event_folder.folder / "repository").mkdir()
    assert main(["deploy", str(event_folder.folder)]) == 1
    assert "--to root@HOST" in capsys.readouterr().err


def test_a_server_that_is_not_there_is_told_in_words(event_folder, capsys):
    (event_folder.folder / "repository").mkdir()
    assert main(["deploy", str(event_folder.folder), "--to", "root@127.0.0.1:1"]) == 1
    assert "nothing listens for ssh" in capsys.readouterr().err


def test_a_broken_event_is_refused_before_any_server_is_asked(event_folder, capsys):
    (event_folder.folder / "event.yaml").write_text("name: x\n")
    assert main(["deploy", str(event_folder.folder), "--to", "root@127.0.0.1:1"]) == 1
    assert "data" in capsys.readouterr().err
