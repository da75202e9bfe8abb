"""Names as they are typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from divebell.event.model import NAME_PATTERN, RESERVED_NAMES
from divebell.hub.login.names import NameRefusedError, person_name, suggestion


@pytest.mark.parametrize("typed", ["ana", "Ana", " ana ", "ａｎａ", "ANA\n", "\u3000Ana"])
def test_ways_to_type_one_name_are_one_name(typed):
    assert person_name(typed) == "ana"


@pytest.mark.parametrize(
    "typed", ["", " ", "a", "1ana", "ána", "a na", "ana!", "<b>", "a" * 32, "а\u0441", "an\x00a"]
)
def test_what_is_no_name_is_refused(typed):
    with pytest.raises(NameRefusedError):
        person_name(typed)


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_reserved_names_are_refused(name):
    with pytest.raises(NameRefusedError, match="kept for the event"):
        person_name(name.upper())


def test_a_close_name_is_suggested():
    with pytest.raises(NameRefusedError, match="How about 'jose_maria'"):
        person_name("José María")
    assert suggestion("密码") is None
    assert suggestion("rööt") is None


@given(st.text(max_size=60))
def test_whatever_is_typed_gives_a_name_of_the_pattern_or_words(typed):
    import re

    try:
        name = person_name(typed)
    except NameRefusedError as refused:
        assert str(refused)  # noqa: PT017
    else:
        assert re.fullmatch(NAME_PATTERN, name)
        assert name not in RESERVED_NAMES
        assert person_name(name) == name
