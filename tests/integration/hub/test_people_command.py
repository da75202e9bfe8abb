"""`divebell people` over the real database."""

from __future__ import annotations

import asyncio
import json

import pytest

from divebell.cli import main
from divebell.database import connect
from divebell.hub.login.door import Attempt, Door


@pytest.fixture
def folder(empty_cluster):
    door = Door(empty_cluster.event, empty_cluster.secrets, lambda: connect(empty_cluster.state, "event_hub"))
    password = empty_cluster.secrets.event_password
    asyncio.run(door.open(Attempt("ana", password, "", "d" * 43, "10.0.0.1")))
    own = empty_cluster.secrets.ambassadors["maria"]
    asyncio.run(door.open(Attempt("maria", own, "", "e" * 43, "10.0.0.1")))
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
