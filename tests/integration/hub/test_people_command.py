"""`divebell people` over the real database."""

from __future__ import annotations

import asyncio
import json

import pytest

from divebell.cli import main
from divebell.database import connect
from divebell.hub.login.door import Door
from divebell.hub.login.event_password import EventPassword
from divebell.hub.login.visit import Attempt, Visit


@pytest.fixture
def folder(empty_cluster):
    door = Door(empty_cluster.event, empty_cluster.secrets, lambda: connect(empty_cluster.state, "event_hub"))
    password = empty_cluster.secrets.event_password
    asyncio.run(door.open(EventPassword(), Attempt("ana", password, "", Visit("10.0.0.1", "d" * 43))))
    own = empty_cluster.secrets.ambassadors["maria"]
    asyncio.run(door.open(EventPassword(), Attempt("maria", own, "", Visit("10.0.0.1", "e" * 43))))
    return empty_cluster.folder


def test_who_signed_in_is_listed(folder, capsys):
    assert main(["people", "list", str(folder), "--json"]) == 0
    people = {person["name"]: person for person in json.loads(capsys.readouterr().out)["people"]}
    assert set(people) == {"ana", "maria"}
    assert people["maria"]["ambassador"] is True
    assert people["ana"]["reset"] is False
    assert main(["people", "list", str(folder)]) == 0
    assert "ana" in capsys.readouterr().out


def test_a_reset_is_seen_in_the_list(folder, capsys):
    assert main(["people", "reset", "ana", str(folder)]) == 0
    capsys.readouterr()
    main(["people", "list", str(folder), "--json"])
    people = {person["name"]: person for person in json.loads(capsys.readouterr().out)["people"]}
    assert people["ana"]["reset"] is True


def printed(capsys):
    return json.loads(capsys.readouterr().out)


def test_a_person_is_added_made_ambassador_and_removed(folder, capsys):
    assert main(["people", "add", "bea", str(folder), "--json"]) == 0
    assert len(printed(capsys)["shown"]) == 9
    assert main(["people", "add", "bea", str(folder)]) == 1
    assert main(["people", "add", "Bea B", str(folder)]) == 1
    assert "is no name" in capsys.readouterr().err
    assert main(["people", "make-ambassador", "bea", str(folder)]) == 0
    assert "signs in with this password: " in capsys.readouterr().out
    main(["people", "list", str(folder), "--json"])
    bea = next(one for one in printed(capsys)["people"] if one["name"] == "bea")
    assert bea["made_by"] == "the command line"
    assert bea["ambassador"] is True
    assert main(["people", "reset", "bea", str(folder)]) == 1
    assert "made an ambassador" in capsys.readouterr().err
    assert main(["people", "make-ambassador", "bea", str(folder), "--undo"]) == 0
    assert main(["people", "remove", "bea", str(folder)]) == 0
    said = capsys.readouterr()
    assert "Notebooks and tables are kept" in said.out
    assert "could not be stopped" in said.err  # no hub runs here
    assert main(["people", "approve", "ana", str(folder)]) == 1
    assert "nobody waits" in capsys.readouterr().err
    main(["people", "list", str(folder), "--changes", "--json"])
    assert [line["what"] for line in printed(capsys)["changes"] if line["name"] == "bea"][::-1] == [
        "added",
        "made ambassador",
        "no longer ambassador",
        "removed",
    ]


def test_who_signed_in_when_from_where_is_listed_for_the_owner_of_the_data(folder, capsys):
    assert main(["people", "list", str(folder), "--log", "--csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "at,name,identity,way,address"
    assert any(line.endswith(",ana,password:ana,event-password,10.0.0.1") for line in lines)
    assert main(["people", "list", str(folder), "--log"]) == 0
    assert "ambassador" in capsys.readouterr().out
    assert main(["people", "list", str(folder), "--csv"]) == 0
    assert capsys.readouterr().out.startswith("name,way,state")


@pytest.mark.parametrize(
    ("name", "words"), [("nobody", "nobody has signed in as"), ("maria", "own password")]
)
def test_who_cannot_be_reset_is_said(folder, capsys, name, words):
    assert main(["people", "reset", name, str(folder)]) == 1
    assert words in capsys.readouterr().err


def test_the_passwords_are_shown(folder, empty_cluster, capsys):
    assert main(["people", "passwords", str(folder), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == {
        "event": empty_cluster.secrets.event_password,
        "ambassadors": empty_cluster.secrets.ambassadors,
    }
    assert main(["people", "passwords", str(folder)]) == 0
    assert empty_cluster.secrets.event_password in capsys.readouterr().out


def test_an_event_that_never_ran_says_what_to_do(tmp_path, capsys):
    (tmp_path / "event.yaml").write_text("name: New\ndata:\n  repository: repository\n")
    for action in (["list"], ["passwords"], ["reset", "ana"]):
        assert main(["people", *action, str(tmp_path)]) == 1
        assert "divebell up" in capsys.readouterr().err
