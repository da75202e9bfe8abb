"""The playbook's variables come from the event, and have a name in group_vars/all.yml."""

from __future__ import annotations

import dataclasses
import json
from importlib.resources import files
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from divebell.deploy.deploying import background
from divebell.deploy.host import Host
from divebell.deploy.https import Brought
from divebell.deploy.machine import read_facts
from divebell.deploy.repository import Bundle
from divebell.deploy.variables import Place, Shipment, public_address, server_name, variables
from divebell.errors import DivebellError

PLACE = Place(Host("203.0.113.7", "root"), read_facts("ssh_port=2222"))
SHIPMENT = Shipment(
    Path("/t/divebell.whl"),
    Path("/t/requirements.lock"),
    "abc",
    "def",
    Path("/t/event.yaml"),
    Bundle(Path("/t/commits.bundle"), "main", "f00", ()),
    None,
    Brought(chain="/c", key="/k"),
)


def given(event, place=PLACE, shipment=SHIPMENT, outer=None):
    return variables(event, place, shipment, outer or {})


def test_every_variable_is_explained_in_one_file(event_folder):
    known = YAML(typ="safe").load(Path(str(files("divebell.deploy") / "playbook/group_vars/all.yml")))
    assert set(given(event_folder.event)) <= set(known)


def test_the_whole_event_goes_along_with_every_default(event_folder):
    event = given(event_folder.event)["event"]
    assert event["https"]["certificate"] == "automatic"
    assert event["backups"]["keep"] == 48
    json.dumps(event)


def test_what_is_shipped_is_named_by_its_path(event_folder):
    found = given(event_folder.event)
    assert found["divebell_wheel"] == "/t/divebell.whl"
    assert (found["divebell_bundle"], found["divebell_commit"]) == ("/t/commits.bundle", "f00")
    assert (found["divebell_chain"], found["divebell_key"]) == ("/c", "/k")


def test_a_repository_at_an_address_needs_no_bundle(event_folder):
    assert not given(event_folder.event, shipment=dataclasses.replace(SHIPMENT, bundle=None))[
        "divebell_bundle"
    ]


def test_the_port_of_ssh_is_the_one_in_use(event_folder):
    assert given(event_folder.event)["divebell_ssh_port"] == 2222


def test_keys_for_backups_come_from_the_environment_and_nothing_else_does(event_folder):
    found = given(
        event_folder.event, outer={"AWS_ACCESS_KEY_ID": "a", "PATH": "/bin", "AWS_SESSION_TOKEN": ""}
    )
    assert found["divebell_backup_environment"] == {"AWS_ACCESS_KEY_ID": "a"}


@pytest.mark.parametrize(
    ("address", "host", "expected"),
    [
        ("dive.example.org", "203.0.113.7", "https://dive.example.org/"),
        (None, "203.0.113.7", "https://203.0.113.7/"),
        (None, "2001:db8::7", "https://[2001:db8::7]/"),
    ],
)
def test_people_open_the_event_by_its_address_or_its_servers(address, host, expected, event_folder):
    event = event_folder.event.model_copy(update={"address": address})
    assert public_address(event, Host(host)) == expected


def test_a_bare_address_is_told_from_a_name(event_folder):
    assert given(event_folder.event)["divebell_server_name_is_ip"]
    named = event_folder.event.model_copy(update={"address": "dive.example.org"})
    assert server_name(named, PLACE.host) == "dive.example.org"
    assert not given(named)["divebell_server_name_is_ip"]


def test_a_background_beside_the_event_file_goes_along(event_folder):
    assert given(event_folder.event)["divebell_background"] == ""
    shipment = dataclasses.replace(SHIPMENT, background=Path("/t/streets.pmtiles"))
    assert given(event_folder.event, shipment=shipment)["divebell_background"] == "/t/streets.pmtiles"


def test_a_background_that_is_not_there_is_named_before_the_server_is_touched(make_event_folder, tmp_path):
    text = "name: A test event\ndata:\n  repository: repository\nmaps:\n  background: maps/streets.pmtiles\n"
    made = make_event_folder(tmp_path / "mapped", event_yaml=text)
    with pytest.raises(DivebellError, match="background is not there"):
        background(made.event, made.state)
    file = made.folder / "maps" / "streets.pmtiles"
    file.parent.mkdir()
    file.write_bytes(b"PMTiles")
    assert background(made.event, made.state) == file
