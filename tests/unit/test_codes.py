"""Return codes and device tokens."""

from __future__ import annotations

import pytest

from divebell import codes


def test_a_code_is_short_and_unambiguous():
    code = codes.new_return_code()
    assert len(code) == 9
    assert code[4] == "-"
    assert not set(code) & set("01ILOU")
    assert codes.new_return_code() != code


@pytest.mark.parametrize("typed", ["KX7P-3MQD", "kx7p3mqd", " kx7p 3mqd ", "kx7p–3mqd", "ＫＸ７Ｐ3MQD"])
def test_a_code_is_recognised_however_it_is_typed(typed):
    assert codes.return_code_matches(typed, codes.hash_return_code("KX7P-3MQD"))


@pytest.mark.parametrize("stored", [None, "", "none"])
def test_nothing_matches_where_there_is_no_code(stored):
    assert not codes.return_code_matches("", stored)
    assert not codes.return_code_matches("none", stored)


def test_what_is_stored_does_not_hold_the_code():
    stored = codes.hash_return_code("KX7P-3MQD")
    assert "KX7P" not in stored
    assert stored != codes.hash_return_code("KX7P-3MQD")
    assert not codes.return_code_matches("KX7P-3MQC", stored)


def test_a_device_belongs_to_one_name():
    token = codes.new_device_token()
    assert codes.hash_device("ana", token) != codes.hash_device("bea", token)
    assert token not in codes.hash_device("ana", token)
