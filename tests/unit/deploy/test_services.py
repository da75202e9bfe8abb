"""The services of a server: as systemd would read them, and as a person would want them."""

from __future__ import annotations

import configparser
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from ruamel.yaml import YAML

from divebell.event import State
from divebell.event.belongings import account, belongings
from divebell.event.secrets import SECRETS_OF
from divebell.local import systemd
from divebell.local.programs import PARTS

ROLE = Path(str(files("divebell.deploy"))) / "playbook" / "roles" / "divebell"
STATE = "/srv/divebell/event/.divebell"
OWN = tuple(part for part in PARTS if part != "postgres")


@pytest.fixture(scope="module")
def variables():
    defaults = YAML(typ="safe", pure=True).load(ROLE / "defaults" / "main.yml")
    given = {
        "divebell_event": "/srv/divebell/event",
        "divebell_state": STATE,
        "divebell_venv": sys.prefix,
        "divebell_group": "divebell",
    }
    return defaults | given


@pytest.fixture(scope="module")
def units(variables):
    """Give every unit as Ansible renders it."""
    loader = FileSystemLoader(ROLE / "templates")
    environment = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, autoescape=False)
    return {name: environment.get_template(name).render(variables) for name in variables["divebell_units"]}


def settings(text, section="Service"):
    """Give a section's lines as a list of values a name."""
    found: dict[str, list[str]] = {}
    here = ""
    for line in text.splitlines():
        if line.startswith("["):
            here = line.strip("[]")
        elif here == section and "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


def test_every_unit_that_divebell_speaks_to_is_written(units):
    named = {systemd.TARGET, *systemd.SOCKETS, *map(systemd.unit, PARTS), *systemd.HELPERS}
    assert {name.replace("@*", "@") for name in named} <= set(units)


def test_systemd_finds_nothing_wrong_with_them(units, tmp_path):
    for name, text in units.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in units)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("part", OWN)
def test_a_part_is_an_account_of_its_own_without_a_capability(units, part):
    found = settings(units[systemd.unit(part)])
    assert found["User"] == [account(part)]
    assert found["CapabilityBoundingSet"] == [""]
    assert found["NoNewPrivileges"] == ["yes"]
    assert found["ProtectSystem"] == ["strict"]
    assert found["Restart"] == ["always"]
    assert found["Slice"] == ["divebell.slice"]


@pytest.mark.parametrize("part", OWN)
def test_a_part_is_handed_its_own_secrets_alone(units, part):
    handed = settings(units[systemd.unit(part)]).get("LoadCredential", [])
    mine = f"secrets.json:{State(Path(STATE)).credential(part)}"
    assert handed == ([mine] if part in SECRETS_OF else [])


@pytest.mark.parametrize("part", OWN)
def test_a_part_writes_only_what_belongs_to_it(units, part):
    written = " ".join(settings(units[systemd.unit(part)]).get("ReadWritePaths", [])).split()
    owned = {str(one.path) for one in belongings(State(Path(STATE))) if one.owner == account(part)}
    assert set(written) == owned


def test_only_the_hub_may_use_the_engine(units):
    using = [
        name for name, text in units.items() if "docker" in settings(text).get("SupplementaryGroups", [])
    ]
    assert using == ["divebell-hub.service"]


def test_what_opens_strangers_files_has_no_network_and_no_secret(units):
    found = settings(units["divebell-reader@.service"])
    assert found["PrivateNetwork"] == ["yes"]
    assert found["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert "LoadCredential" not in found
    assert found["MemoryMax"]


def test_no_service_is_given_up_and_all_end_with_the_target(units):
    for name, text in units.items():
        if name.endswith(".service"):
            unit = settings(text, "Unit")
            assert unit["PartOf"] == ["divebell.target"], name
            assert unit.get("StartLimitIntervalSec") == ["0"] or name.endswith("@.service")


def test_what_systemd_does_not_read_as_a_setting_is_a_comment(units):
    for text in units.values():
        parser = configparser.RawConfigParser(strict=False, allow_no_value=False)
        parser.optionxform = str
        parser.read_string(text)
        assert parser.sections()
