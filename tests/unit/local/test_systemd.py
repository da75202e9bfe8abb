"""Orders to systemd as commands, and its answers as facts."""

from __future__ import annotations

import json

from divebell.local.programs import PARTS
from divebell.local.systemd import Shown, journal_command, parse_journal, parse_shown, show_command, unit

SHOWN = """\
MainPID=0
Id=divebell.target
ActiveState=inactive

MainPID=412
Id=divebell-hub.service
ActiveState=active

MainPID=0
Id=divebell-web.service
ActiveState=activating
"""


def test_every_part_is_a_service_of_its_own():
    assert len({unit(part) for part in PARTS}) == len(PARTS)
    assert show_command(["a.service"])[-2:] == ["--", "a.service"]


def test_a_service_that_systemd_is_about_to_start_again_counts_as_running():
    assert parse_shown(SHOWN) == [
        Shown("divebell.target", runs=False, pid=0),
        Shown("divebell-hub.service", runs=True, pid=412),
        Shown("divebell-web.service", runs=True, pid=0),
    ]


def test_the_journal_is_asked_for_the_parts_that_are_wanted():
    command = journal_command(["hub"], 5, follow=False)
    assert command[-2:] == ["--unit", "divebell-hub.service"]
    assert "--lines=5" in command
    assert "--follow" in journal_command(["hub"], 5, follow=True)
    assert "divebell-setup.service" in journal_command(["supervisor"], 5, follow=False)


def test_a_line_of_the_journal_names_its_part():
    said = json.dumps({"_SYSTEMD_UNIT": "divebell-hub.service", "MESSAGE": "hello"})
    assert parse_journal(said) == ("hub", "hello")
    about = json.dumps({"_SYSTEMD_UNIT": "init.scope", "UNIT": "divebell-web.service", "MESSAGE": "Started"})
    assert parse_journal(about) == ("web", "Started")
    helper = json.dumps({"_SYSTEMD_UNIT": "divebell-homes.service", "MESSAGE": [104, 105, 255]})
    assert parse_journal(helper) == ("supervisor", "hi�")
    assert parse_journal(json.dumps({"MESSAGE": None})) == ("supervisor", "")
