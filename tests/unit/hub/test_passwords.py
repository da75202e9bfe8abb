"""Passwords that people choose, and names that identities of other ways get."""

from __future__ import annotations

import pytest

from divebell.hub.login.names import free_name
from divebell.hub.login.passwords import problem


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short",
        "aaaaaaaaaaaa",
        "abababababab",
        "ana1234567",
        "  ana  2021  ",
        "x" * 501,
        "１２３４５６７８９",
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused(password):
    assert problem(password, "ana")


@pytest.mark.parametrize(
    "password", ["three words here", "密码密码很长的一句话呢吧", "Tr0ub4dor&3!", "ana likes maps"]
)
def test_a_sentence_is_a_password_in_any_script(password):
    assert problem(password, "ana") is None


@pytest.mark.parametrize(
    ("wanted", "taken", "given"),
    [
        ("ana", (), "ana"),
        ("Ana Belén", (), "ana_belen"),
        ("ana", ("ana", "ana_2"), "ana_3"),
        ("42", (), "person_42"),
        ("root", (), "person_root"),
        ("密码", (), "person"),
        ("", ("person",), "person_2"),
        ("x" * 40, ("x" * 31,), "x" * 29 + "_2"),
    ],
)
def test_a_name_is_found_that_nobody_has(wanted, taken, given):
    assert free_name(wanted, taken) == given
