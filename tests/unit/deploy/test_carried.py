"""Which secrets go along to a server."""

from __future__ import annotations

from pathlib import Path

from divebell.deploy.carried import CARRIED, command, compare, has_any
from divebell.event import Secrets, State
from divebell.event.secrets import save_secrets


def test_what_the_server_has_not_goes_along_and_what_it_has_otherwise_is_named() -> None:
    here = Secrets(repository_token="here", repository_key="same", github_client_secret="new")
    there = Secrets(repository_token="there", repository_key="same")
    missing, others = compare(here, there)
    assert [one.name for one in missing] == ["github-client-secret"]
    assert [one.name for one in others] == ["repository-token"]


def test_the_webhooks_secret_is_the_servers_own() -> None:
    assert "webhook-secret" not in {one.name for one in CARRIED}
    assert compare(Secrets(), Secrets()) == ([], [])


def test_a_secret_is_in_no_command() -> None:
    assert command(CARRIED[0]) == (
        "exec /usr/local/bin/divebell secrets set repository-token /srv/divebell/event"
    )


def test_only_where_something_was_given_here_is_the_server_asked_beforehand(tmp_path: Path) -> None:
    state = State(tmp_path)
    assert not has_any(state)
    save_secrets(Secrets(), state)
    assert not has_any(state)
    save_secrets(Secrets(repository_key="a key"), state)
    assert has_any(state)
