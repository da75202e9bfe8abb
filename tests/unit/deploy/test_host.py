"""Where a server is reached, as the organiser names it once."""

from __future__ import annotations

import pytest

from divebell.deploy.host import Host, chosen_host, forget, parse_host, remember, ssh_command, ssh_options
from divebell.errors import DivebellError


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("203.0.113.7", Host("203.0.113.7")),
        ("root@203.0.113.7", Host("203.0.113.7", "root")),
        ("maria@dive.example.org:2222", Host("dive.example.org", "maria", 2222)),
        ("root@[2001:db8::7]:22", Host("2001:db8::7", "root", 22)),
        ("[2001:db8::7]", Host("2001:db8::7")),
    ],
)
def test_a_server_is_named_as_for_ssh(text, host):
    assert parse_host(text) == host


@pytest.mark.parametrize(
    "text", ["", "-oProxyCommand=x", "root@", "a b", "host:70000", "host:", "x@-y", "ssh://a"]
)
def test_whatever_else_is_refused_in_words(text):
    with pytest.raises(DivebellError, match="expected"):
        parse_host(text)


def test_a_server_is_shown_as_it_is_named():
    for text in ("203.0.113.7", "maria@dive.example.org:2222", "root@[2001:db8::7]:22"):
        assert str(parse_host(text)) == text


def test_a_new_key_is_accepted_and_a_changed_one_is_not(monkeypatch):
    monkeypatch.delenv("ANSIBLE_SSH_ARGS", raising=False)
    assert "StrictHostKeyChecking=accept-new" in ssh_options(Host("h"))


def test_own_options_for_ssh_come_first(monkeypatch):
    monkeypatch.setenv("ANSIBLE_SSH_ARGS", "-F '/a b/config'")
    assert ssh_options(Host("h"))[:2] == ["-F", "/a b/config"]


def test_the_script_is_the_last_word(monkeypatch):
    monkeypatch.delenv("ANSIBLE_SSH_ARGS", raising=False)
    command = ssh_command(Host("h", "maria", 2222, "/key"), "true")
    assert command[0] == "ssh"
    assert command[-4:] == ["-p", "2222", "maria@h", "true"]
    assert "IdentityFile=/key" in command


def test_the_server_is_remembered(event_folder, tmp_path):
    key = tmp_path / "key"
    key.touch()
    remember(event_folder.state, Host("h", "maria", 2222, str(key)))
    assert chosen_host(event_folder.state, None, None) == Host("h", "maria", 2222, str(key))


def test_the_same_server_named_again_keeps_account_and_key(event_folder, tmp_path):
    key = tmp_path / "key"
    key.touch()
    remember(event_folder.state, Host("h", "maria", 2222, str(key)))
    assert chosen_host(event_folder.state, "h", None) == Host("h", "maria", 2222, str(key))
    assert chosen_host(event_folder.state, "root@h", None).user == "root"


def test_another_server_takes_nothing_from_the_last_one(event_folder, tmp_path):
    key = tmp_path / "key"
    key.touch()
    remember(event_folder.state, Host("h", "maria", 2222, str(key)))
    assert chosen_host(event_folder.state, "other", None) == Host("other")


def test_without_a_server_the_next_step_names_one(event_folder):
    with pytest.raises(DivebellError, match="--to root@HOST"):
        chosen_host(event_folder.state, None, None)


def test_a_forgotten_server_has_to_be_named_again(event_folder):
    remember(event_folder.state, Host("h"))
    forget(event_folder.state)
    with pytest.raises(DivebellError, match="not been deployed"):
        chosen_host(event_folder.state, None, None)


def test_a_key_that_is_not_there_is_told(event_folder, tmp_path):
    with pytest.raises(DivebellError, match="there is no key at"):
        chosen_host(event_folder.state, "h", tmp_path / "absent")
