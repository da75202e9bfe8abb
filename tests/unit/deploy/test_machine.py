"""What a server says of itself, and whether an event can run there."""

from __future__ import annotations

import base64
import dataclasses
import subprocess
from importlib.resources import files

import pytest

from divebell.deploy.host import Host
from divebell.deploy.machine import misfits, read_facts, require_fit
from divebell.errors import DivebellError

FACTS = f"""\
Welcome to this machine! x=y
os=debian
version=12
architecture=x86_64
memory_kb=8000000
disk_kb=60000000
systemd=yes
python=/usr/bin/python3
python_apt=yes
ssh_port=2222
root=yes
web=
ufw=
digest=
divebell=divebell-0.0.1
up=
event={base64.b64encode(b"name: A").decode()}
servers=3
"""
FIT = dataclasses.replace(read_facts(FACTS), event_file="")


def test_facts_are_read_whatever_a_login_prints_before_them():
    server = read_facts(FACTS)
    assert (server.os, server.version, server.ssh_port, server.servers) == ("debian", (12, 0), 2222, 3)
    assert server.event_file == "name: A"
    assert server.python
    assert server.installed
    assert server.divebell == "0.0.1"


def test_this_very_machine_can_be_looked_at():
    script = files("divebell.deploy").joinpath("look.sh").read_text()
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    server = read_facts(said)
    assert server.memory_kb > 0
    assert server.disk_kb > 0
    assert server.os != "unknown"


def test_a_fit_server_has_no_misfit(event_folder):
    assert list(misfits(FIT, event_folder.event)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"os": "debian", "version": (11, 0)}, "it runs debian 11"),
        (
            {"os": "ubuntu", "version": (22, 4)},
            "it runs ubuntu 22.04, whose Python and PostgreSQL are too old",
        ),
        ({"os": "fedora"}, "it runs fedora"),
        ({"architecture": "riscv64"}, "kind riscv64"),
        ({"systemd": False}, "not started by systemd"),
        ({"root": "password"}, "sudo asks for a password"),
        ({"root": "no"}, "not root and there is no sudo"),
        ({"memory_kb": 1_900_000}, "1.8 GB of memory"),
        ({"disk_kb": 5_000_000}, "4.8 GB of its disk are free"),
        ({"os": "ubuntu", "version": (24, 4), "disk_kb": 15_000_000}, "14.3 GB of its disk are free"),
        ({"web": ("apache2",)}, "apache2 listens on port 80"),
        ({"firewalled": True}, "ufw"),
        ({"divebell": "99.0"}, "it has divebell 99.0, which is newer"),
    ],
)
def test_each_misfit_is_named_with_what_to_do(change, words, event_folder):
    ((problem, step),) = misfits(dataclasses.replace(FIT, **change), event_folder.event)
    assert words in problem
    assert step


@pytest.mark.parametrize(
    ("os", "version"), [("debian", (12, 0)), ("debian", (13, 0)), ("ubuntu", (24, 4)), ("ubuntu", (26, 4))]
)
def test_supported_systems_are_taken(os, version, event_folder):
    assert not list(misfits(dataclasses.replace(FIT, os=os, version=version), event_folder.event))


def test_our_own_web_server_is_no_stranger(event_folder):
    assert not list(misfits(dataclasses.replace(FIT, web=("nginx",)), event_folder.event))


def test_all_misfits_are_told_at_once(event_folder):
    server = dataclasses.replace(FIT, os="fedora", memory_kb=1)
    with pytest.raises(DivebellError, match="cannot take the event") as caught:
        require_fit(server, event_folder.event, Host("h"))
    assert "fedora" in str(caught.value)
    assert "memory" in str(caught.value)
