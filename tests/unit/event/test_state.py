"""Files that a power cut or a full disk may have left in pieces."""

from __future__ import annotations

import stat

import pytest

from divebell.errors import DivebellError
from divebell.event import Ports, State, load_secrets

PORTS = Ports(8000, 1, 2, 3, 4, 20000, 5)


@pytest.fixture
def state(tmp_path):
    return State(tmp_path)


def test_ports_are_read_as_they_were_saved(state):
    PORTS.save(state)
    assert Ports.load(state) == PORTS
    assert stat.S_IMODE(state.ports_file.stat().st_mode) == 0o600
    assert [file.name for file in state.folder.iterdir()] == ["ports.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"proxy": 8000}', '{"other": 1}'])
def test_a_damaged_ports_file_is_named_with_what_to_do(state, text):
    state.ports_file.write_text(text)
    with pytest.raises(DivebellError, match=r"ports\.json is damaged") as raised:
        Ports.load(state)
    assert "delete that file" in str(raised.value.next_step)


@pytest.mark.parametrize("text", ["", "{", '{"event_password": "hush"', '{"hush": 1}'])
def test_a_damaged_secrets_file_is_named_and_not_quoted(state, text):
    state.secrets_file.write_text(text)
    with pytest.raises(DivebellError, match=r"secrets\.json is damaged") as raised:
        load_secrets(state)
    assert "hush" not in str(raised.value)
