"""What `divebell up` says besides the address."""

from __future__ import annotations

from dataclasses import replace

from divebell.cli.up import _unfinished
from divebell.local.running import Running

GITHUB = """\
name: A
people: {sign_in: github, github: {client_id: Iv1.0123456789abcdef, people: [ana]}}
data: {repository: repository}
"""


def test_a_missing_secret_of_githubs_is_said_with_what_to_do(tmp_path, make_event_folder):
    made = make_event_folder(tmp_path / "event", event_yaml=GITHUB)
    running = Running(made.event, made.state, made.ports, made.secrets, was_running=False)
    said = "\n".join(_unfinished(running))
    assert f"http://127.0.0.1:{made.ports.proxy}/hub/oauth_callback" in said
    assert "divebell secrets set github-client-secret" in said
    known = replace(running, secrets=replace(made.secrets, github_client_secret="x"))
    assert _unfinished(known) == []


def test_other_ways_of_signing_in_lack_nothing(event_folder):
    made = event_folder
    assert _unfinished(Running(made.event, made.state, made.ports, made.secrets, was_running=False)) == []
