"""Versions: how they are read and compared."""

import re

import pytest

from divebell.doctor.advisories import ENGINE, POSTGRESQL, PYTHON, Advisory, has_hole, number
from divebell.doctor.versions import read_policies

POLICY = """\
postgresql-15:
  Installed: 15.18-0+deb12u1
  Candidate: 15.20-0+deb12u1
  Version table:
     15.20-0+deb12u1 500
git:
  Installed: 1:2.39.5-0+deb12u2
  Candidate: 1:2.39.5-0+deb12u2
  Version table:
runc:
  Installed: (none)
  Candidate: 1.1.5+ds1-1+deb12u1
  Version table:
"""


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("15.18 (Debian 15.18-0)", (15, 18)),
        ("v3.7.13", (3, 7, 13)),
        ("20.10.24+dfsg1", (20, 10, 24)),
        ("main", ()),
    ],
)
def test_the_numbers_of_a_version_are_read(text, numbers):
    assert number(text) == numbers


@pytest.mark.parametrize(
    ("version", "old"), [("15.18", True), ("15.9", True), ("15.20", False), ("15.21", False), ("16.1", False)]
)
def test_a_version_before_the_fix_has_the_hole(version, old):
    assert has_hole(version, Advisory("CVE-1", "15.20", "x")) is old


def test_what_apt_says_is_read_and_what_is_not_installed_is_left_out():
    assert read_policies(POLICY) == {
        "postgresql-15": ("15.18-0+deb12u1", "15.20-0+deb12u1"),
        "git": ("1:2.39.5-0+deb12u2", "1:2.39.5-0+deb12u2"),
    }


def test_every_advisory_has_a_name_that_can_be_looked_up_and_a_version():
    for advisory in (*POSTGRESQL.values(), *PYTHON.values(), ENGINE):
        assert re.fullmatch(r"CVE-\d{4}-\d{4,}|GHSA(-[a-z0-9]{4}){3}", advisory.name)
        assert number(advisory.fixed)


def test_the_versions_divebell_asks_for_have_none_of_the_holes():
    """Installed here is what the lock file says."""
    from importlib.metadata import version

    assert [name for name, advisory in PYTHON.items() if has_hole(version(name), advisory)] == []
