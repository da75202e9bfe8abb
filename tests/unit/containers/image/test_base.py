"""Which base images this machine can make, and from where."""

from __future__ import annotations

import pytest

from divebell.containers.image.base import machine_origins, suite_of, with_security

TARGETS = """\
http://mirror.example/debian/ bookworm-updates main
http://mirror.example/debian/ bookworm main
http://mirror.example/debian/ bookworm contrib
http://security.example/debian-security bookworm-security main
http://mirror.example/debian/ trixie main
"""


@pytest.mark.parametrize(
    ("name", "suite"),
    [
        ("debian:12-slim", "bookworm"),
        ("debian:12", "bookworm"),
        ("debian:trixie-slim", "trixie"),
        ("debian:13", "trixie"),
        ("debian:11", None),
        ("debian:latest", None),
        ("ubuntu:24.04", None),
        ("registry.example/debian:12", None),
    ],
)
def test_debians_that_can_be_made_are_known_by_their_names(name, suite):
    assert suite_of(name) == suite


def test_a_base_is_made_from_where_this_machine_gets_its_packages_security_included():
    assert machine_origins(TARGETS, "bookworm") == [
        "deb http://mirror.example/debian bookworm contrib main",
        "deb http://mirror.example/debian bookworm-updates main",
        "deb http://security.example/debian-security bookworm-security main",
    ]


def test_a_base_of_another_release_comes_from_the_same_mirrors_security_included():
    of_this_machine = "".join(line for line in TARGETS.splitlines(keepends=True) if "trixie" not in line)
    assert machine_origins(of_this_machine, "trixie") == [
        "deb http://mirror.example/debian trixie contrib main",
        "deb http://mirror.example/debian trixie-updates main",
        "deb http://security.example/debian-security trixie-security main",
    ]


def test_a_machine_without_debians_packages_does_not_say_where():
    assert machine_origins("", "bookworm") == []


def test_a_base_that_comes_from_debians_own_mirror_gets_security_upgrades_too():
    assert with_security("deb http://debian.example/debian bookworm main\n", "bookworm") == [
        "deb http://debian.example/debian bookworm main",
        "deb http://debian.example/debian bookworm-updates main",
        "deb http://debian.example/debian-security bookworm-security main",
    ]
