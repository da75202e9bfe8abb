"""How Ansible is called, and what it is given."""

from __future__ import annotations

import json
import stat

from divebell.deploy.host import Host
from divebell.deploy.playing import Play, command, environment, inventory, play_lines, write_inputs


def play(folder, **options):
    return Play(folder, Host("203.0.113.7", "maria", 2222, "/key"), "site.yml", {"event": {}}, **options)


def test_the_inventory_is_one_machine():
    hosts = inventory(Host("203.0.113.7", "maria", 2222, "/key"))["event"]["hosts"]
    assert hosts == {
        "server": {
            "ansible_host": "203.0.113.7",
            "ansible_user": "maria",
            "ansible_port": 2222,
            "ansible_ssh_private_key_file": "/key",
            "ansible_python_interpreter": "/usr/bin/python3",
        }
    }


def test_what_is_left_out_is_left_to_ssh():
    assert set(inventory(Host("h"))["event"]["hosts"]["server"]) == {
        "ansible_host",
        "ansible_python_interpreter",
    }


def test_a_dry_run_checks_and_shows_differences(tmp_path):
    assert {"--check", "--diff"} <= set(command(play(tmp_path, check=True)))
    assert "--check" not in command(play(tmp_path))


def test_nobodys_own_settings_of_ansible_get_in_between(tmp_path):
    given = environment(play(tmp_path), {"ANSIBLE_STRATEGY": "free", "HTTPS_PROXY": "http://p"})
    assert "ANSIBLE_STRATEGY" not in given
    assert given["HTTPS_PROXY"] == "http://p"
    assert given["ANSIBLE_CONFIG"] == str(tmp_path / "ansible.cfg")


def test_variables_can_be_read_by_their_owner_alone(tmp_path):
    write_inputs(play(tmp_path))
    assert json.loads((tmp_path / "variables.json").read_text()) == {"event": {}}
    assert stat.S_IMODE((tmp_path / "variables.json").stat().st_mode) == 0o600


def test_what_happens_is_told_line_by_line_and_secrets_are_not(tmp_path, monkeypatch):
    """Play a small playbook on this very machine, with the real Ansible."""
    playbook = tmp_path / "small.yml"
    playbook.write_text("""
- name: Small
  hosts: event
  gather_facts: false
  connection: local
  tasks:
    - name: Say something
      ansible.builtin.command: echo hello
    - name: Say a secret
      ansible.builtin.command: echo hunter2
      no_log: true
    - name: Tell a person
      ansible.builtin.set_stats:
        aggregate: true
        data: {warnings: ["look here"]}
    - name: Fail
      ansible.builtin.command: sh -c 'echo because >&2; exit 3'
""")
    monkeypatch.setenv("ANSIBLE_SSH_ARGS", "")
    heard: list[str] = []
    lines = list(play_lines(Play(tmp_path, Host("localhost"), str(playbook), {}), heard.append))
    assert [line["task"] for line in lines if line["kind"] == "task"] == [
        "Say something",
        "Say a secret",
        "Tell a person",
        "Fail",
    ]
    (fail,) = [line for line in lines if line.get("status") == "failed"]
    assert fail["result"]["stderr"] == "because"
    assert "hunter2" not in json.dumps(lines) + "".join(heard)
    (end,) = [line for line in lines if line["kind"] == "end"]
    assert end["told"] == {"warnings": ["look here"]}
    assert lines[-1] == {"kind": "exit", "code": 2}
