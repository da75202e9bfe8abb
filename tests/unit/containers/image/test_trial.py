"""The container that an image is tried out in."""

from __future__ import annotations

from divebell.containers.image.trial import options


def test_it_has_no_rights_and_nothing_to_write_to_but_tmp():
    settings = options({}, as_json=False)
    assert not settings["user"].startswith("0")
    assert settings["read_only"]
    assert settings["cap_drop"] == ["ALL"]
    assert list(settings["tmpfs"]) == ["/tmp"]


def test_it_knows_the_database_and_nothing_else_of_the_operator():
    environment = {"PGHOST": "db.example", "PGPASSWORD": "x", "HOME": "/root", "TOKEN": "y"}
    settings = options(environment, as_json=True)
    assert settings["environment"] == {"PGHOST": "db.example", "PGPASSWORD": "x", "HOME": "/tmp"}
    assert settings["network_mode"] == "bridge"


def test_it_is_on_this_machines_network_only_for_a_database_on_the_loopback():
    assert options({"PGHOST": "127.0.0.1"}, as_json=False)["network_mode"] == "host"
    assert options({"PGHOST": "localhost"}, as_json=False)["network_mode"] == "host"
